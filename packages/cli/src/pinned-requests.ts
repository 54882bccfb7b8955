import { Agent, type RequestOptions, request } from "node:https";
import { failure } from "@cordon/terminal";
import type { Clock } from "./clock.ts";
import { connectPinned, type Pin, type ServerAddress } from "./server-trust.ts";

export type Answer = { status: number; body: unknown };
export type Requests = {
  /** `path` with query. Throws UNREACHABLE or what connectPinned throws; every HTTP status is an answer. */
  send(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Answer>;
  close(): void;
};

const answerTimeoutMs = 30_000;
const maxAnswerBytes = 64 * 1024 * 1024;
/** Before the second and the third try of a GET; nothing else is ever sent twice. */
const retryDelaysMs = [200, 800];

/** Requests over a kept-alive connection to the pinned server and to no other. */
export function createRequests(needs: {
  address: ServerAddress;
  pin: Pin;
  client: { cert: string; key: string };
  clock: Clock;
}): Requests {
  const { address, pin, client, clock } = needs;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = (_options, callback) => {
    connectPinned(address, pin, client).then(
      (socket) => callback?.(null, socket),
      // Node's types want a stream beside an error; none is read there.
      (error: Error) => (callback as ((error: Error) => void) | undefined)?.(error),
    );
    return undefined;
  };

  const once = (method: string, path: string, body: unknown) =>
    exchange({ agent, host: address.host, port: address.port, method, path }, body);

  return {
    async send(method, path, body) {
      const delaysMs = method === "GET" ? retryDelaysMs : [];
      for (const delayMs of delaysMs) {
        try {
          return await once(method, path, body);
        } catch (error) {
          if (!isConnectionError(error)) throw error;
          await clock.delay(delayMs);
        }
      }
      try {
        return await once(method, path, body);
      } catch (error) {
        throw isConnectionError(error) ? unreachable(error, address, method) : error;
      }
    },
    close: () => agent.destroy(),
  };
}

/** Errors of sockets and TLS carry a code; failures of ours do not. */
export function isConnectionError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

export function unreachable(cause: NodeJS.ErrnoException, { host, port }: ServerAddress, method = "GET") {
  const neverSent = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"].includes(
    cause.code ?? "",
  );
  return failure("UNREACHABLE", `cannot reach the Central Node at ${host}:${port}: ${cause.message || cause.code}`, {
    advice:
      method === "GET" || neverSent
        ? "Check that it runs, and that the address and port are right."
        : "The connection broke before the answer came: whether the order was taken is not known. Look before you repeat it.",
    cause,
  });
}

function exchange(options: RequestOptions, body: unknown): Promise<Answer> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    accept: "application/json",
    ...(payload === undefined ? {} : { "content-type": "application/json", "content-length": payload.length }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...options, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) {
          outgoing.destroy(failure("FAILED", `the answer is larger than ${maxAnswerBytes} bytes`));
        } else {
          chunks.push(chunk);
        }
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        resolve({ status: incoming.statusCode ?? 0, body: parseJson(Buffer.concat(chunks).toString("utf8")) });
      });
    });
    outgoing.setTimeout(answerTimeoutMs, () => {
      const message = `no answer within ${answerTimeoutMs / 1000} s`;
      outgoing.destroy(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
    });
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

/** Undefined when it is no JSON: a proxy's page, say. The caller judges by status and shape. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
