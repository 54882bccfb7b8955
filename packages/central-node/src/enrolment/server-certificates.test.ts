import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, createServer } from "node:tls";
import { centralNodeTlsName } from "@cordon/contract";
import pino from "pino";
import { testDatabases } from "../database/test-databases.ts";
import { dayMs, makeCertificate, type TestCertificate } from "../http/test-certificates.ts";
import { createCertificateAuthority } from "./certificate-authority.ts";
import { createServerCertificates } from "./server-certificates.ts";

const [sqlite] = testDatabases;

async function makeAuthority(t: TestContext, now: () => Date) {
  assert.ok(sqlite !== undefined);
  return createCertificateAuthority({ database: await sqlite.open(t), now });
}

/** What one start of a node after the other has to do with: a data directory, an authority, a clock, a log. */
async function makeMachine(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = { now: new Date() };
  const now = () => clock.now;
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  let authority = await makeAuthority(t, now);
  return {
    folder,
    clock,
    lines,
    authority: () => authority,
    async replaceAuthority() {
      authority = await makeAuthority(t, now);
    },
    async start({
      serverNames = [],
      brought = null,
    }: {
      serverNames?: string[];
      brought?: { certificateFile: string; keyFile: string } | null;
    } = {}) {
      const options = { dataDir: folder, serverNames, brought, authority, now, log, watchIntervalMs: 20 };
      const certificates = await createServerCertificates(options);
      t.after(() => certificates.close());
      return certificates;
    },
    bring({ pem, key }: Pick<TestCertificate, "pem" | "key">) {
      const files = { certificateFile: join(folder, "brought.pem"), keyFile: join(folder, "brought-key.pem") };
      writeFileSync(files.certificateFile, pem);
      writeFileSync(files.keyFile, key);
      return files;
    },
  };
}

test("the node's own certificate carries the agents' name, this machine's names and those asked for, with its authority", async (t) => {
  const machine = await makeMachine(t);
  const certificates = await machine.start({ serverNames: ["cordon.example", "192.0.2.7", "2001:db8::7"] });
  const { cert, key } = certificates.defaultCertificate();
  const leaf = new X509Certificate(cert);
  for (const name of [centralNodeTlsName, "localhost", "cordon.example"]) assert.equal(leaf.checkHost(name), name);
  for (const address of ["127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"]) assert.equal(leaf.checkIP(address), address);
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  assert.ok(cert.endsWith(machine.authority().authorities()));
  assert.equal(readFileSync(join(machine.folder, "server-key.pem"), "utf8"), key);
  assert.equal(statSync(join(machine.folder, "server-key.pem")).mode & 0o777, 0o600);
});

test("the node's own certificate stays over restarts, and is made anew when a name is missing, it is due, damaged or of another authority", async (t) => {
  const machine = await makeMachine(t);
  const serial = async (serverNames: string[] = []) =>
    new X509Certificate((await machine.start({ serverNames })).defaultCertificate().cert).serialNumber;
  const first = await serial();
  assert.equal(await serial(), first);
  const named = await serial(["cordon.example"]);
  assert.notEqual(named, first);
  assert.equal(await serial(["cordon.example"]), named);

  machine.clock.now = new Date(machine.clock.now.getTime() + 263 * dayMs);
  assert.equal(await serial(), named);
  machine.clock.now = new Date(machine.clock.now.getTime() + 5 * dayMs);
  const renewed = await serial();
  assert.notEqual(renewed, named);

  writeFileSync(join(machine.folder, "server-key.pem"), "damaged");
  const mended = await serial();
  assert.notEqual(mended, renewed);

  await machine.replaceAuthority();
  assert.notEqual(await serial(), mended);
});

test("agents see our authority's certificate, everybody else the one that was brought", async (t) => {
  const machine = await makeMachine(t);
  const brought = await makeCertificate({ commonName: "cordon.example" });
  const certificates = await machine.start({ brought: machine.bring(brought) });
  const server = createServer({
    ...certificates.defaultCertificate(),
    SNICallback: (name, done) => done(null, certificates.secureContextFor(name)),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const seenBy = (servername?: string) =>
    new Promise<string | undefined>((resolve, reject) => {
      const options = { host: "127.0.0.1", port, rejectUnauthorized: false };
      const socket = connect(servername === undefined ? options : { ...options, servername }, () => {
        resolve(socket.getPeerX509Certificate()?.subject);
        socket.destroy();
      });
      socket.once("error", reject);
    });
  assert.equal(await seenBy(centralNodeTlsName), "CN=Cordon Central Node");
  assert.equal(await seenBy("cordon.example"), "CN=cordon.example");
  assert.equal(await seenBy(), "CN=cordon.example");
});

test("a brought certificate that cannot be used stops the start and says why", async (t) => {
  const machine = await makeMachine(t);
  const good = await makeCertificate();
  const other = await makeCertificate();
  const expired = await makeCertificate({ from: new Date(Date.now() - 9 * dayMs), to: new Date(Date.now() - dayMs) });
  const early = await makeCertificate({ from: new Date(Date.now() + dayMs) });
  const start = (brought: Pick<TestCertificate, "pem" | "key">) => machine.start({ brought: machine.bring(brought) });
  await assert.rejects(start({ pem: good.pem, key: other.key }), /does not belong to the first certificate/);
  await assert.rejects(start(expired), /it expired on/);
  await assert.rejects(start(early), /it is not valid before/);
  await assert.rejects(start({ pem: "no certificate", key: good.key }), /holds no certificate in PEM/);
  await assert.rejects(start({ pem: good.pem, key: "no key" }), /holds no private key in PEM/);
  const missing = { certificateFile: join(machine.folder, "none.pem"), keyFile: join(machine.folder, "none.pem") };
  await assert.rejects(machine.start({ brought: missing }), /none\.pem/);
});

test("a brought certificate that changes on disk is taken over, and a broken one is not", async (t) => {
  const machine = await makeMachine(t);
  const files = machine.bring(await makeCertificate({ commonName: "before.example" }));
  const certificates = await machine.start({ brought: files });
  const shown = () => new X509Certificate(certificates.defaultCertificate().cert).subject;
  const change = Promise.withResolvers<void>();
  certificates.onChange(() => {
    if (shown() === "CN=after.example") change.resolve();
  });
  machine.bring(await makeCertificate({ commonName: "after.example" }));
  await change.promise;

  writeFileSync(files.keyFile, "half written");
  await certificates.refresh();
  assert.equal(shown(), "CN=after.example");
  assert.match(machine.lines.join(""), /kept the earlier server certificate/);
});
