import type { AddressInfo } from "node:net";
import type { FastifyInstance, FastifyListenOptions } from "fastify";

/** Connections that the kernel keeps until we get to them; as many as Linux allows by itself. With fewer a storm waits for retries. */
const backlog = 4096;

/**
 * Listens (port 0: a free one; host *: every address) and returns the URL that reaches it from this machine. `reusePort`:
 * also where another process of this account listens that says so, too.
 */
export async function listen(
  app: FastifyInstance,
  { host, port, reusePort = false }: { host: string; port: number; reusePort?: boolean },
  scheme: "http" | "https",
): Promise<string> {
  // Fastify hands on to Node what its own type does not name.
  const options: FastifyListenOptions & { reusePort?: true } = {
    host: host === "*" ? "::" : host,
    port,
    backlog,
    // Left out where it is not asked for: there are systems on which the very option is an error.
    ...(reusePort ? { reusePort } : {}),
  };
  await app.listen(options);
  const address = app.server.address() as AddressInfo;
  const reachable = ["::", "0.0.0.0"].includes(address.address) ? "127.0.0.1" : address.address;
  return `${scheme}://${reachable.includes(":") ? `[${reachable}]` : reachable}:${address.port}`;
}

/** How others reach what listens at `url`: by the machine's name where it listens on every address. */
export function reachableUrl(url: string, { host }: { host: string }, name: string): string {
  if (!["*", "::", "0.0.0.0"].includes(host)) return url;
  const reached = new URL(url);
  reached.hostname = name;
  return reached.origin;
}
