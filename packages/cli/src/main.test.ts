import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ok, openSession } from "./test-recorded-session.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

async function cordon(root: string, ...args: string[]) {
  const env = { PATH: process.env.PATH ?? "", XDG_CONFIG_HOME: root, CORDON_PROFILE: "lab" };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = await ended;
  return { exitCode, stdout, stderr };
}

test("the program itself connects, lists a thousand hosts into a pipe and ends with the right exit code", async (t: TestContext) => {
  const { root, serve } = await openSession(t);
  const sensors = Array.from({ length: 1000 }, (_, index) => ({ sensorId: `sensor-${index}`, host: "x".repeat(200) }));
  const server = await serve({ "GET /sensors": [ok({ sensors })] });
  const connected = await cordon(root, "connect", server.url, "--json");
  assert.equal(connected.exitCode, 0, connected.stderr);
  assert.equal(JSON.parse(connected.stdout).profile, "lab");
  const listed = await cordon(root, "host", "list", "--json");
  assert.equal(listed.exitCode, 0, listed.stderr);
  assert.equal(JSON.parse(listed.stdout).hosts.length, 1000);
  const wrong = await cordon(root, "host", "lst");
  assert.equal(wrong.exitCode, 2);
  assert.match(wrong.stderr, /Did you mean list\?/);
});
