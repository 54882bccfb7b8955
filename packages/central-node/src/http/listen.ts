import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";

/** Connections that the kernel keeps until we get to them; as many as Linux allows by itself. With fewer a storm waits for retries. */
const backlog = 4096;

/** Listens (port 0: a free one; host *: every address) and returns the URL that reaches it from this machine. */
export async function listen(
  app: FastifyInstance,
  { host, port }: { host: string; port: number },
  scheme: "http" | "https",
): Promise<string> {
  await app.listen({ host: host === "*" ? "::" : host, port, backlog });
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
