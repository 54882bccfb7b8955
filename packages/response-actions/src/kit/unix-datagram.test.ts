import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import koffi from "koffi";
import { openUnixDatagrams } from "./unix-datagram.ts";

const skip = process.platform === "linux" ? false : "needs Linux";

/** What systemd is to a service: a socket that receives datagrams. Node has none. */
function listen(t: TestContext, name: Buffer) {
  const library = koffi.load(null);
  const socket: number = library.func("int socket(int domain, int type, int protocol)")(1, 2, 0);
  t.after(() => library.func("int close(int fd)")(socket));
  const address = Buffer.concat([Buffer.from([1, 0]), name]);
  assert.equal(
    library.func("int bind(int fd, const void *address, uint32_t length)")(socket, address, address.length),
    0,
  );
  const receive = library.func("intptr_t recv(int fd, _Out_ uint8_t *text, size_t length, int flags)");
  return () => {
    const text = Buffer.alloc(1024);
    // MSG_DONTWAIT: what was sent is there already.
    const length: number = receive(socket, text, text.length, 0x40);
    return length < 0 ? null : text.toString("utf8", 0, length);
  };
}

test("a text arrives whole at a socket with a path, and at one with an abstract name", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cordon-datagram-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "notify");
  const abstract = `cordon-datagram-${process.pid}`;
  for (const [address, name] of [
    [path, Buffer.from(`${path}\0`)],
    [`@${abstract}`, Buffer.from(`\0${abstract}`)],
  ] as const) {
    const received = listen(t, name);
    const { send } = await openUnixDatagrams(address);
    assert.equal(send("READY=1\nSTATUS=Привет"), null);
    assert.equal(received(), "READY=1\nSTATUS=Привет");
    assert.equal(received(), null);
  }
});

test("a socket that is not there is an errno, and a reader that does not read never makes the sender wait", {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cordon-datagram-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const enoent = 2;
  assert.equal((await openUnixDatagrams(join(folder, "nobody"))).send("READY=1"), enoent);

  const path = join(folder, "slow");
  listen(t, Buffer.from(`${path}\0`));
  const { send } = await openUnixDatagrams(path);
  const eagain = 11;
  let errno: number | null = null;
  for (let sent = 0; sent < 100_000 && errno === null; sent += 1) errno = send("WATCHDOG=1");
  assert.equal(errno, eagain);
});

test("a path that fits into no address is refused", { skip }, async () => {
  await assert.rejects(openUnixDatagrams(`/${"x".repeat(108)}`), /too long/);
});
