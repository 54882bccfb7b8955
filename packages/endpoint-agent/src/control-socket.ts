import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Logger } from "./log.ts";

/** What a person on the host can ask a running agent: one JSON line there, one back. */
export type ControlRequest = { command: "status" | "release" };

const maxRequestCharacters = 1024;
const socketPath = (stateDir: string) => join(stateDir, "agent.sock");

/** Listens on a UNIX socket in the state directory that only its owner may open. The journal's lock says that we are the one agent. */
export async function listenForControl({
  stateDir,
  log,
  answer,
}: {
  stateDir: string;
  log: Logger;
  answer(request: ControlRequest): Promise<object>;
}): Promise<{ close(): Promise<void> }> {
  const path = socketPath(stateDir);
  // Left by an agent that was killed.
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.setTimeout(30_000, () => socket.destroy());
    socket.on("error", (error) => log.debug({ error }, "a local request ended early"));
    readLine(socket)
      .then(async (line) => socket.end(`${JSON.stringify(await answer(parseRequest(line)))}\n`))
      .catch((error: unknown) => {
        socket.end(`${JSON.stringify({ error: String(error) })}\n`);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  // The directory is closed to others already.
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Null: no agent runs on this state directory. Throws when one does but does not answer within `timeoutMs`. */
export async function askRunningAgent(
  stateDir: string,
  request: ControlRequest,
  { timeoutMs = 10_000 }: { timeoutMs?: number } = {},
): Promise<unknown> {
  const socket = await new Promise<Socket | null>((resolve, reject) => {
    const connecting = connect(socketPath(stateDir));
    connecting.once("connect", () => resolve(connecting));
    connecting.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(null);
      else reject(error);
    });
  });
  if (socket === null) return null;
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error("the agent that runs here does not answer")));
  socket.end(`${JSON.stringify(request)}\n`);
  const reply: unknown = JSON.parse(await readLine(socket, Infinity));
  if (typeof reply === "object" && reply !== null && "error" in reply) throw new Error(String(reply.error));
  return reply;
}

/** By events: leaving an iteration over a socket would destroy it before it is answered. */
function readLine(socket: Socket, maxCharacters = maxRequestCharacters): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > maxCharacters) reject(new Error("the request is too long"));
      else if (text.includes("\n")) resolve(text);
    });
    socket.once("end", () => reject(new Error("the other side ended without a whole line")));
    socket.once("error", reject);
  });
}

function parseRequest(line: string): ControlRequest {
  const { command } = JSON.parse(line) as { command?: unknown };
  if (command !== "status" && command !== "release") throw new Error("unknown command");
  return { command };
}
