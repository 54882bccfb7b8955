import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createIdentity, fingerprintOf } from "./identity.ts";
import { choosePin, connectPinned, readPresentedChain } from "./server-trust.ts";
import { type Issued, issue, startRecordedCentralNode } from "./test-recorded-central-node.ts";

const loopback = [{ type: "ip", value: "127.0.0.1" }] as const;
const { certificate: cert, privateKey: key } = await createIdentity(Date.now());
const authority = await issue({ subject: "Authority", authority: true });
const otherAuthority = await issue({ subject: "Authority", authority: true });
const signed = (by: Issued, more: Partial<Parameters<typeof issue>[0]> = {}) =>
  issue({ subject: "server", issuer: by, names: [...loopback], ...more });

async function serve(t: TestContext, chain: Issued[]) {
  const server = await startRecordedCentralNode({ replies: {}, chain });
  t.after(server.close);
  return { host: "127.0.0.1", port: server.port };
}

async function tryConnect(address: { host: string; port: number }, pin: Issued) {
  const socket = await connectPinned(address, pin.pem, { cert, key });
  socket.destroy();
}

test("the topmost certificate shown is pinned, so that the server may renew its own", async (t) => {
  const address = await serve(t, [await signed(authority), authority]);
  const pin = choosePin(await readPresentedChain(address), address);
  assert.equal(fingerprintOf(pin), fingerprintOf(authority.pem));
  await tryConnect(await serve(t, [await signed(authority)]), authority);
  await tryConnect(await serve(t, [await signed(authority), authority]), authority);
});

test("a server whose certificate does not name the address is pinned by that very certificate", async (t) => {
  const own = await signed(authority, { names: [{ type: "dns", value: "elsewhere.example" }] });
  const address = await serve(t, [own, authority]);
  assert.equal(fingerprintOf(choosePin(await readPresentedChain(address), address)), fingerprintOf(own.pem));
  await tryConnect(address, own);
});

test("Cordon's own name is as good as the address", async (t) => {
  const own = await signed(authority, { names: [{ type: "dns", value: "central-node.cordon.internal" }] });
  const address = await serve(t, [own, authority]);
  assert.equal(fingerprintOf(choosePin(await readPresentedChain(address), address)), fingerprintOf(authority.pem));
  await tryConnect(address, authority);
});

test("a self-signed certificate is taken as it stands, expired or not", async (t) => {
  const own = await issue({ subject: "kata", notAfter: new Date("2021-01-01") });
  const address = await serve(t, [own]);
  assert.equal(fingerprintOf(choosePin(await readPresentedChain(address), address)), fingerprintOf(own.pem));
  await tryConnect(address, own);
});

test("another server is refused, whatever it has in common with the trusted one", async (t) => {
  const impostors: Record<string, Issued[]> = {
    "another authority of the same name": [await signed(otherAuthority), otherAuthority],
    "another self-signed certificate": [await issue({ subject: "server", names: [...loopback] })],
    "the authority's certificate beside one that it did not sign": [await signed(otherAuthority), authority],
    "a client's certificate of the same authority, such as an agent's": [await signed(authority, { usage: "client" })],
    "a certificate of the same authority for another name": [
      await signed(authority, { names: [{ type: "dns", value: "elsewhere.example" }] }),
    ],
    "an expired certificate of the same authority": [await signed(authority, { notAfter: new Date("2021-01-01") })],
  };
  for (const [what, chain] of Object.entries(impostors)) {
    const address = await serve(t, chain);
    await assert.rejects(tryConnect(address, authority), { failureCode: "UNTRUSTED_SERVER" }, what);
  }
  const own = await signed(authority);
  await assert.rejects(tryConnect(await serve(t, [await signed(authority), authority]), own), {
    failureCode: "UNTRUSTED_SERVER",
    advice: /--trust-new-certificate/,
  });
});

test("a wanted fingerprint picks its certificate of the chain, and no other server passes", async (t) => {
  const own = await signed(authority);
  const address = await serve(t, [own, authority]);
  const chain = await readPresentedChain(address);
  assert.equal(fingerprintOf(choosePin(chain, address, fingerprintOf(own.pem))), fingerprintOf(own.pem));
  assert.equal(fingerprintOf(choosePin(chain, address, fingerprintOf(authority.pem))), fingerprintOf(authority.pem));
  assert.throws(() => choosePin(chain, address, fingerprintOf(otherAuthority.pem)), {
    failureCode: "UNTRUSTED_SERVER",
  });
});
