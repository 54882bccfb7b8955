import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isFailure } from "@cordon/terminal";
import { readConfig, withoutSecrets } from "./config.ts";

type Given = Parameters<typeof readConfig>[0];

const read = (given: Partial<Given> = {}) =>
  readConfig({ configFile: undefined, environment: {}, flags: {}, ...given });

function refuses(given: Partial<Given>, message: RegExp): void {
  assert.throws(
    () => read(given),
    (error) => {
      assert.ok(isFailure(error) && error.failureCode === "USAGE", String(error));
      assert.match(error.message, message);
      return true;
    },
  );
}

function writeConfig(t: TestContext, content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), "cordon-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "config.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

test("without a word from anybody a node has the documented addresses and limits", () => {
  const config = read();
  assert.deepEqual([config.api.port, config.console.port], [443, 8443]);
  assert.deepEqual(config.metrics, { host: "127.0.0.1", port: 9464, asked: false });
  assert.deepEqual([config.dataDir, config.database], ["/var/lib/cordon", null]);
  assert.equal(config.limits.maxBodyBytes, 32 * 1024 * 1024);
});

test("the file gives way to the environment, and that to the flags", (t) => {
  const configFile = writeConfig(t, { dataDir: "/file", api: "127.0.0.1:1", console: "127.0.0.1:1", pendingDays: 1 });
  const environment = { CORDON_API: "127.0.0.1:2", CORDON_CONSOLE: "127.0.0.1:2", CORDON_PENDING_DAYS: "2.5" };
  const config = read({ configFile, environment, flags: { console: "127.0.0.1:3" } });
  assert.deepEqual(
    [config.dataDir, config.api.port, config.console.port, config.limits.pendingDays],
    ["/file", 2, 3, 2.5],
  );
  assert.equal(read({ environment: { CORDON_CONFIG: configFile } }).dataDir, "/file");
});

test("a metrics address that was asked for is known to be", () => {
  assert.equal(read({ flags: { metrics: "127.0.0.1:9464" } }).metrics.asked, true);
});

test("an address is HOST:PORT, with brackets around IPv6", () => {
  assert.deepEqual(read({ flags: { api: "[::1]:0" } }).api, { host: "::1", port: 0 });
  assert.deepEqual(read({ flags: { api: "node.example:8443" } }).api, { host: "node.example", port: 8443 });
  for (const api of ["443", "::1:443", "host:", "host:x", "host:123456", "host:65536", "http://host:1"]) {
    refuses({ flags: { api } }, /--api must be HOST:PORT|a port is at most 65535/);
  }
});

test("nodes share their ports only where they share a PostgreSQL", () => {
  const database = "postgres://db.example/cordon";
  assert.equal(read().reusePort, false);
  assert.equal(read({ flags: { reusePort: true, database } }).reusePort, true);
  assert.equal(read({ environment: { CORDON_REUSE_PORT: "true" }, flags: { database } }).reusePort, true);
  assert.equal(read({ environment: { CORDON_REUSE_PORT: "false" } }).reusePort, false);
  refuses({ flags: { reusePort: true } }, /must share their database/);
  refuses({ environment: { CORDON_REUSE_PORT: "yes" } }, /CORDON_REUSE_PORT must be true or false/);
});

test("names come as a list on the command line and with commas in the environment", () => {
  const names = ["a.example", "192.0.2.1"];
  assert.deepEqual(read({ flags: { serverNames: names } }).serverNames, names);
  assert.deepEqual(read({ environment: { CORDON_SERVER_NAMES: "a.example, 192.0.2.1" } }).serverNames, names);
});

test("an identity provider is set up whole or not at all, and over TLS", () => {
  const oidc = {
    oidcIssuer: "https://idp.example/realms/soc",
    oidcClientId: "cordon",
    oidcClientSecretFile: "/etc/cordon/oidc-secret",
    oidcRoles: ["a=b=administrator", "soc=security-officer"],
  };
  assert.deepEqual(read({ flags: oidc }).identityProvider, {
    issuer: "https://idp.example/realms/soc",
    clientId: "cordon",
    clientSecretFile: "/etc/cordon/oidc-secret",
    label: "single sign-on",
    roleClaim: "groups",
    roles: [
      { value: "a=b", role: "administrator" },
      { value: "soc", role: "security-officer" },
    ],
  });
  assert.equal(read({}).identityProvider, null);
  for (const missing of Object.keys(oidc)) {
    refuses({ flags: Object.fromEntries(Object.entries(oidc).filter(([key]) => key !== missing)) }, /needs its issuer/);
  }
  for (const oidcIssuer of ["http://idp.example", "http://localhost.example", "ldap://idp.example"]) {
    refuses({ flags: { ...oidc, oidcIssuer } }, /--oidc-issuer must begin with https:\/\//);
  }
  refuses({ flags: { ...oidc, oidcRoles: ["soc=root"] } }, /must be VALUE=ROLE, with one of the roles administrator/);
  refuses({ flags: { consoleUrl: "http://console.example" } }, /--console-url must be https:\/\/NAME/);
  refuses({ flags: { consoleUrl: "https://console.example/path" } }, /--console-url must be https:\/\/NAME/);
});

test("what is wrong is refused with its name as it was given, its rule and its value", (t) => {
  refuses({ environment: { CORDON_MAX_BODY_BYTES: "lots" } }, /CORDON_MAX_BODY_BYTES must be an integer .*"lots"/);
  refuses({ flags: { maxBodyBytes: "12" } }, /--max-body-bytes must be an integer from 1024 .*12/);
  refuses({ flags: { database: "mysql://x" } }, /--database must begin with postgres:\/\//);
  refuses({ flags: { serverKeyFile: "key.pem" } }, /needs its private key and the other way round/);
  refuses({ configFile: writeConfig(t, { dataDir: 7 }) }, /dataDir must be .*7/);
  refuses({ configFile: writeConfig(t, { dataDirectory: "/x" }) }, /unknown setting "dataDirectory"/);
  refuses({ configFile: writeConfig(t, []) }, /is not a JSON object/);
  refuses({ configFile: writeConfig(t, "{") }, /cannot read the configuration file/);
  refuses({ configFile: "/nonexistent/config.json" }, /cannot read the configuration file/);
});

test("what is shown of a configuration holds no database password", () => {
  for (const database of [
    "postgres://user:s3cret@db.example/cordon",
    "postgresql://db.example/cordon?user=u&password=s3cret",
    "postgres://user:s3cret@[broken",
  ]) {
    const shown = JSON.stringify(withoutSecrets(read({ flags: { database } })));
    assert.doesNotMatch(shown, /s3cret/);
    assert.match(shown, /hidden/);
  }
});
