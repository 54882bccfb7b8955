/** The bundle of the agent as a host gets it: without a Node, a checkout or a network. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { buildBundle } from "./agent-bundle.ts";
import { until } from "./namespaces.ts";
import { createFolder, startCentralNode } from "./programs.ts";

const skip = process.platform === "linux" ? false : "needs Linux";

/** Root without CAP_NET_ADMIN: no test changes the network of the machine that it runs on. */
const withoutNetworkRights =
  process.geteuid?.() === 0 ? ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"] : ["env"];
/** Nothing of this process's: the bundle brings what it needs. No test guards the filesystems that it runs on. */
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", CORDON_GUARD: "none" };

function createBundle(t: TestContext) {
  const built = join(createFolder(t, "bundle"), "built");
  buildBundle(built, { version: "9.8.7" });
  // Where it was built it could find the checkout's packages.
  const folder = join(createFolder(t, "elsewhere"), "cordon agent");
  cpSync(built, folder, { recursive: true });
  return folder;
}

function run(program: string, words: string[], options: { input?: string } = {}) {
  return spawnSync(withoutNetworkRights[0] as string, [...withoutNetworkRights.slice(1), program, ...words], {
    cwd: "/",
    encoding: "utf8",
    env: environment,
    timeout: 60_000,
    ...options,
  });
}

test("the bundle enrols and runs from any folder and by any link, and says its version", { skip }, async (t) => {
  const folder = createBundle(t);
  const agent = join(folder, "cordon-agent");
  const link = join(createFolder(t, "link"), "agent");
  symlinkSync(agent, link);

  await t.test("it is whole, and names the licences of what is inside", () => {
    const checked = spawnSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder, encoding: "utf8" });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    const licences = readFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), "utf8");
    for (const name of ["Node.js v24.", "koffi 3.", "ws 8.", "pino 10.", "typebox 1.", "commander "]) {
      assert.ok(licences.includes(`\n${name}`), name);
    }
    assert.equal(existsSync(join(folder, "LICENSE")), true);
  });

  await t.test("--version and --help", () => {
    assert.equal(run(link, ["--version"]).stdout, "9.8.7\n");
    const help = run(agent, ["--help"]);
    assert.equal(help.status, 0, help.stderr);
    assert.match(help.stdout, /service .*systemd/);
    assert.match(help.stdout, /Exit codes:/);
  });

  await t.test("it enrols with a real Central Node, connects and ends in good order", async () => {
    const central = await startCentralNode(t);
    const stateDir = createFolder(t, "state");
    const words = ["enroll", "--server", central.api, "--token", "-", "--state-dir", stateDir];
    const enrolled = run(agent, words, { input: await central.joinToken() });
    assert.equal(enrolled.status, 0, enrolled.stderr);
    const { child, log } = start(t, agent, stateDir);
    const status = () =>
      JSON.parse(run(link, ["status", "--json", "--state-dir", stateDir]).stdout || "{}") as Record<string, unknown>;
    await until("the agent is connected", () => status().connected === true, 60_000);
    assert.equal(status().version, "9.8.7");
    // ENOENT of sendto: koffi was loaded and called.
    await until("koffi was used", () => /"errno":2,.*the service manager could not be told/.test(log()));
    assert.match(
      run(link, ["status", "--state-dir", stateDir]).stdout,
      /Central Node: +connected to 127\.0\.0\.1:\d+ for/,
    );
    t.diagnostic(`resident: ${/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]} KiB`);
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
    assert.match(run(link, ["status", "--state-dir", stateDir]).stdout, /NOT RUNNING/);
  });
});

/** As a service whose manager is gone: what the agent tells it goes through koffi, which lies in the bundle. */
function start(t: TestContext, agent: string, stateDir: string) {
  const [wrapper = "env", ...flags] = withoutNetworkRights;
  const env = { ...environment, NOTIFY_SOCKET: join(stateDir, "nobody-listens") };
  const child = spawn(wrapper, [...flags, agent, "start", "--guard", "none", "--state-dir", stateDir], {
    cwd: "/",
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  t.after(() => child.kill("SIGKILL"));
  return { child, log: () => log };
}
