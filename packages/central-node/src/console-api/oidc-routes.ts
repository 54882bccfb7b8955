import { Problem } from "@cordon/contract";
import { consoleApiBase, consoleOidcStart } from "@cordon/contract/console-api";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditLog } from "../audit/audit-log.ts";
import { toProblem } from "../http/to-problem.ts";
import type { ExternalSignIn } from "../users/external-sign-in.ts";
import type { IdentityProvider, OidcFlow } from "../users/identity-provider.ts";
import { browserOf } from "./browser.ts";

const oidcCallbackPath = `${consoleApiBase}/oidc/callback`;

const flowCookie = "__Host-cordon-oidc";
/** Lax: the provider sends the browser back, which is a navigation from another site. */
const flowCookieOptions = { path: "/", secure: true, httpOnly: true, sameSite: "lax" } as const;
const flowSec = 600;

/** Sign-in at the identity provider. A browser comes here by a link, so it is sent on, also when it is refused. */
export function oidcRoutes(needs: {
  provider: IdentityProvider;
  externalSignIn: ExternalSignIn;
  audit: Pick<AuditLog, "record">;
  /** How browsers reach the console; null: as the request says. */
  consoleUrl: string | null;
}) {
  const { provider, externalSignIn, audit, consoleUrl } = needs;
  function publicUrl(request: FastifyRequest): URL {
    const url = URL.parse(consoleUrl ?? `https://${request.host}`);
    if (url === null) throw new Problem("BAD_REQUEST", { message: "the Host header is not a name or an address" });
    return url;
  }

  return async (app: FastifyInstance): Promise<void> => {
    app.get(consoleApiBase + consoleOidcStart, (request, reply) =>
      orSayWhy(request, reply, async () => {
        const { url, flow } = await provider.start(new URL(oidcCallbackPath, publicUrl(request)).href);
        const kept = Buffer.from(JSON.stringify(flow)).toString("base64url");
        reply.setCookie(flowCookie, kept, { ...flowCookieOptions, maxAge: flowSec });
        return url.href;
      }),
    );

    app.get(oidcCallbackPath, (request, reply) =>
      orSayWhy(request, reply, async () => {
        const flow = readFlow(request.cookies[flowCookie]);
        reply.clearCookie(flowCookie, flowCookieOptions);
        const browser = browserOf(request, reply);
        const identity = await provider.finish(new URL(request.url, publicUrl(request)), flow);
        browser.keep(await externalSignIn.signIn(identity, browser));
        return "/";
      }),
    );
  };

  async function orSayWhy(request: FastifyRequest, reply: FastifyReply, work: () => Promise<string>) {
    reply.header("Cache-Control", "no-store");
    try {
      return reply.redirect(await work());
    } catch (error) {
      const problem = toProblem(error, request);
      if (problem.code === "FORBIDDEN" || problem.code === "CONFLICT") await recordRefusal(request, problem);
      // In the fragment: it goes into no log on the way.
      return reply.redirect(`/sign-in#error=${encodeURIComponent(problem.message)}`);
    }
  }

  /** Of somebody whom the provider knows. */
  async function recordRefusal(request: FastifyRequest, problem: Problem): Promise<void> {
    const { subject } = problem.details;
    await audit.record({
      actor: { kind: "user", id: String(subject ?? "").slice(0, 255), address: request.ip, fingerprint: null },
      action: "session.open",
      object: "identity provider",
      result: problem.code,
      detail: { message: problem.message },
    });
  }
}

function readFlow(cookie: string | undefined): OidcFlow {
  try {
    const flow: unknown = JSON.parse(Buffer.from(cookie ?? "", "base64url").toString("utf8"));
    const { state, nonce, verifier } = flow as Record<string, unknown>;
    if (typeof state === "string" && typeof nonce === "string" && typeof verifier === "string") {
      return { state, nonce, verifier };
    }
  } catch {
    // Refused below, as is everything else that is none of ours.
  }
  throw new Problem("UNAUTHORIZED", {
    message: "this sign-in took too long, or was begun in another browser: begin again",
  });
}
