/** The network between Central Nodes and their PostgreSQL, in a test's hands: a relay that can refuse, or fall silent. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export type DatabaseLink = Awaited<ReturnType<typeof createDatabaseLink>>;

/** `url` stands for `database` behind the relay, which listens on a free port of this machine. */
export async function createDatabaseLink(database: string) {
  let target = new URL(database);
  const pairs = new Set<readonly [Socket, Socket]>();
  let silent = false;
  let server: Server | null = null;
  let port = 0;

  function relay(near: Socket) {
    const far = connect(Number(target.port), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on("data", (chunk) => to.write(chunk));
      from.on("error", () => from.destroy()); // the other side broke it off: what follows is the same as for a close
      from.on("close", () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
    if (silent) hush(pair);
  }

  function hush(pair: readonly [Socket, Socket]) {
    for (const socket of pair) socket.pause();
  }

  async function listen() {
    server = createServer(relay);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    port = address.port;
  }

  await listen();
  const url = new URL(database);
  url.hostname = "127.0.0.1";
  url.port = String(port);

  return {
    url: url.href,
    /** As when PostgreSQL was stopped: connections break, new ones are refused. */
    async refuse() {
      const closing = server;
      server = null;
      closing?.close();
      for (const pair of [...pairs]) for (const socket of pair) socket.destroy();
      if (closing !== null) await once(closing, "close");
    },
    /** As when the network swallows everything: connections stand, new ones are taken, and nothing comes through. */
    fallSilent() {
      silent = true;
      for (const pair of pairs) hush(pair);
    },
    /** New connections lead to another PostgreSQL from now on, as when an address moves to the standby. */
    pointTo(other: string) {
      target = new URL(other);
    },
    async restore() {
      silent = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
      if (server === null) await listen();
    },
  };
}
