import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { createCertificateRequest } from "./certificate-request.ts";
import { createIdentityKeeper, identityPath, readIdentity, writeIdentity } from "./identity.ts";
import { silentLog } from "./log.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createOpensslAuthority } from "./testing/openssl-authority.ts";

const authority = createOpensslAuthority();
after(() => authority.remove());
const day = 86_400_000;

function enrolled(t: TestContext) {
  const stateDir = mkdtempSync(join(tmpdir(), "cordon-identity-"));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const { key, certificateRequest } = createCertificateRequest();
  const certificate = authority.signAgent(certificateRequest);
  const authorities = authority.certificate;
  const identity = { sensorId: "s", servers: ["central:443"], key, certificate, authorities };
  writeIdentity(stateDir, identity);
  return { stateDir, identity };
}

/** As after a start of the agent `daysLater`. */
function keeperOf(stateDir: string, daysLater: number) {
  const identity = readIdentity(stateDir) ?? assert.fail("no identity");
  let renewals = 0;
  const keeper = createIdentityKeeper({
    stateDir,
    identity,
    clock: createManualClock(Date.now() + daysLater * day),
    log: silentLog,
    onRenewed: () => {
      renewals += 1;
    },
  });
  return { keeper, renewals: () => renewals };
}

test("only its owner can read the identity", (t) => {
  const { stateDir } = enrolled(t);
  assert.equal(statSync(stateDir).mode & 0o777, 0o700);
  assert.equal(statSync(identityPath(stateDir)).mode & 0o777, 0o600);
});

test("a new certificate is asked for at two thirds of the life of the one in use, not before", (t) => {
  const { stateDir } = enrolled(t);
  assert.equal(keeperOf(stateDir, 19.9).keeper.credentials.dueRequest(), null);
  assert.match(keeperOf(stateDir, 20.1).keeper.credentials.dueRequest() ?? "", /CERTIFICATE REQUEST/);
});

test("a renewed certificate takes the old one's place only once it is welcomed, also across a crash", (t) => {
  const { stateDir, identity } = enrolled(t);
  const { keeper, renewals } = keeperOf(stateDir, 21);
  const request = keeper.credentials.dueRequest() ?? assert.fail("not due");
  keeper.credentials.renewed(authority.signAgent(request));
  assert.equal(renewals(), 1);
  assert.equal(readIdentity(stateDir)?.certificate, identity.certificate, "the old one is kept");

  // Killed here, started again: both are still known, and offered in turn.
  const next = keeperOf(stateDir, 21).keeper;
  const offers = [next.offer(), next.offer(), next.offer()];
  assert.notEqual(offers[0]?.certificate, identity.certificate);
  assert.equal(offers[1]?.certificate, identity.certificate);
  assert.deepEqual(offers[2], offers[0]);
  next.credentials.proven(authority.certificate);
  assert.equal(readIdentity(stateDir)?.certificate, offers[0]?.certificate);
  assert.equal(readIdentity(stateDir)?.key, offers[0]?.key);
  assert.equal(keeperOf(stateDir, 21).keeper.offer().certificate, offers[0]?.certificate);
});

test("a welcome on the old certificate does not promote the renewed one", (t) => {
  const { stateDir, identity } = enrolled(t);
  const { keeper } = keeperOf(stateDir, 21);
  keeper.credentials.renewed(authority.signAgent(keeper.credentials.dueRequest() ?? ""));
  keeper.offer();
  assert.equal(keeper.offer().certificate, identity.certificate);
  keeper.credentials.proven(authority.certificate);
  assert.equal(readIdentity(stateDir)?.certificate, identity.certificate);
  assert.notEqual(keeper.offer().certificate, identity.certificate, "it is tried again");
});

test("a certificate that is not for the requested key, or from a stranger, is not kept", (t) => {
  const { stateDir, identity } = enrolled(t);
  const stranger = createOpensslAuthority();
  t.after(() => stranger.remove());
  const { keeper, renewals } = keeperOf(stateDir, 21);
  const request = keeper.credentials.dueRequest() ?? "";
  for (const useless of [identity.certificate, stranger.signAgent(request), "no PEM"])
    keeper.credentials.renewed(useless);
  assert.equal(renewals(), 0);
  assert.equal(keeper.offer().certificate, identity.certificate);
});

test("authorities from a welcome are kept, unless they would lock the host out", (t) => {
  const { stateDir, identity } = enrolled(t);
  const next = createOpensslAuthority("Next CA");
  t.after(() => next.remove());
  const { keeper } = keeperOf(stateDir, 0);
  for (const useless of ["", "no PEM", identity.certificate]) keeper.credentials.proven(useless);
  assert.equal(readIdentity(stateDir)?.authorities, authority.certificate);
  keeper.credentials.proven(authority.certificate + next.certificate);
  assert.equal(readIdentity(stateDir)?.authorities, authority.certificate + next.certificate);
});
