import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, test } from "node:test";
import { startCentralNodeDouble } from "./central-node-double.ts";
import { createOpensslAuthority } from "./openssl-authority.ts";

const authority = createOpensslAuthority();
after(() => authority.remove());

test("it stops also while somebody is in the middle of connecting", { timeout: 30_000 }, async () => {
  const double = await startCentralNodeDouble({ authority });
  // As an agent that has just come back: accepted, and not yet through with the handshake.
  const accepted = once(double.server, "connection");
  const socket = connect(double.port, "127.0.0.1");
  socket.on("error", () => {});
  await accepted;
  const ended = once(socket, "close");
  await double.stop();
  await ended;
  assert.equal(double.connections.length, 0);
});
