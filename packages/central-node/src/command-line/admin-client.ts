import { request } from "node:http";
import { Problem, type ProblemCode } from "@cordon/contract";
import { failure } from "@cordon/terminal";
import { accountHeader } from "../admin-socket/admin-routes.ts";
import { adminSocketPath, checkSocketPath } from "../admin-socket/admin-socket-path.ts";

export type AdminClient = ReturnType<typeof createAdminClient>;

/** Talks to the node that runs on a data directory. Throws the node's Problem, or UNREACHABLE when none runs. */
export function createAdminClient({ dataDir, account }: { dataDir: string; account: string }) {
  async function call<T>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
    checkSocketPath(dataDir);
    const { status, text } = await exchange({ dataDir, account, method, path, body });
    const answer: unknown = JSON.parse(text);
    if (status < 300) return answer as T;
    const { code, title: _title, ...details } = answer as { code: ProblemCode; title: string; message: string };
    throw new Problem(code, details);
  }

  return {
    get: <T>(path: string): Promise<T> => call<T>("GET", path),
    post: <T>(path: string, body?: unknown): Promise<T> => call<T>("POST", path, body),
    delete: (path: string): Promise<void> => call<void>("DELETE", path),
  };
}

function exchange(order: {
  dataDir: string;
  account: string;
  method: string;
  path: string;
  body: unknown;
}): Promise<{ status: number; text: string }> {
  const { dataDir, account, method, path, body } = order;
  const json = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: adminSocketPath(dataDir),
      method,
      path,
      headers: {
        // A header holds no letters beyond ASCII, and an account's name may.
        [accountHeader]: account.replaceAll(/[^\x20-\x7e]/g, "?"),
        ...(json === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(json) }),
      },
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error, dataDir)));
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 500, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    outgoing.end(json);
  });
}

function explain(error: NodeJS.ErrnoException, dataDir: string): Error {
  switch (error.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return failure("UNREACHABLE", `no Central Node runs on the data directory ${dataDir}`, {
        advice: `Start it with: cordon-server start --data-dir ${dataDir}\nOr name another one with --data-dir.`,
        cause: error,
      });
    case "EACCES":
    case "EPERM":
      return failure("FORBIDDEN", `this account may not administer the Central Node on ${dataDir}`, {
        advice: "Run it as root, or as the account that the node runs as.",
        cause: error,
      });
    default:
      return failure("UNREACHABLE", `the Central Node on ${dataDir} does not answer: ${error.message}`, {
        cause: error,
      });
  }
}
