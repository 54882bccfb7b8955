/**
 * Lets a browser on this machine reach a port inside a network namespace: a path in the file system is the same in all of
 * them, so a relay inside listens on a socket there, and one outside listens on loopback.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./namespaces.ts";
import { createFolder, type Owner, type Place } from "./programs.ts";

/** Returns the port on loopback that leads to `port` inside. `wanted`: a port of one's own choice, if it is free. */
export async function openDoor(owner: Owner, place: Place, port: number, wanted = 0): Promise<number> {
  const path = join(createFolder(owner, "door"), "door.sock");
  const inside = fileURLToPath(new URL("./namespace-door-inside.ts", import.meta.url));
  const relay = place.spawn(process.execPath, [inside, path, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  owner.after(() => void relay.kill("SIGKILL"));
  let said = "";
  relay.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await until("the relay inside the namespace listens", () => said.includes("listening"), 30_000);
  const open = new Set<Socket>();
  const server = createServer((outer) => {
    const inner = connect(path);
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      open.add(from);
      from.pipe(to);
      // One side gone, the other has nobody to speak to.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  owner.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  if (!(await listens(server, wanted))) await listens(server, 0);
  return (server.address() as AddressInfo).port;
}

/** False: somebody else has the port. */
async function listens(server: Server, port: number): Promise<boolean> {
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE" && port !== 0) return false;
    throw error;
  }
}
