import { createHash } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";

const digests = new WeakMap<FastifyRequest, string>();

/**
 * The only bodies that `app` takes. Ours, not Fastify's: a DELETE with a JSON content type and no body is common, and the
 * digest is of the very bytes.
 */
export function takeJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    digests.set(request, createHash("sha256").update(body).digest("hex"));
    try {
      done(null, JSON.parse(body.toString("utf8")));
    } catch (error) {
      done(new Problem("BAD_REQUEST", { message: `the body is not JSON: ${(error as Error).message}` }));
    }
  });
}

/** SHA-256 of the body's bytes, as a member for audit entries; nothing where there was no body. */
export function digestOf(request: FastifyRequest): { requestDigest?: string } {
  const requestDigest = digests.get(request);
  return requestDigest === undefined ? {} : { requestDigest };
}
