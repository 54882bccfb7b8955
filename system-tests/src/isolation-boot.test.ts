/** A reboot while isolated, as far as namespaces can show one: no agent, no rules, no link, and then the boot's script. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { captureAtStranger, createWholeSystem, type WholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import { answers, pings, servicePort } from "./network-isolation-lab.ts";

const script = fileURLToPath(new URL("../../packages/endpoint-agent/systemd/isolation-boot.sh", import.meta.url));

const bootFile = ({ agent }: Pick<WholeSystem, "agent">) => join(agent.stateDir, "isolation", "boot.nft");

async function runBootScript({ agent, host }: Pick<WholeSystem, "agent" | "host">) {
  const ran = await host.run("sh", [script, agent.stateDir]);
  assert.equal(ran.exitCode, 0, ran.stderr);
  return ran.stderr;
}

/** Whole seconds until the kernel opens the host; null where nothing is cut. */
async function kernelLeftSec({ host }: Pick<WholeSystem, "host">): Promise<number | null> {
  const listed = await host.run("nft", ["-j", "list", "set", "inet", "cordon_isolation", "active"]);
  const expires = /"expires": (\d+)/.exec(listed.stdout)?.[1];
  return expires === undefined ? null : Number(expires);
}

/** Everything of the kernel's that a power cut takes away. */
async function powerOff({ agent, host }: Pick<WholeSystem, "agent" | "host">) {
  await agent.kill();
  await host.run("ip", ["link", "set", "eth0", "down"]);
  await host.run("nft", ["flush", "ruleset"]);
}

async function bringUp({ host }: Pick<WholeSystem, "host">) {
  await host.run("ip", ["link", "set", "eth0", "up"]);
  // An IPv6 address went away with its link.
  await host.run("ip", ["addr", "add", `${host.ipv6}/64`, "dev", "eth0", "nodad"]);
}

test(
  "after a reboot the host is isolated before its link is up, and the agent takes over without a gap",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t);
    const { host, stranger, agent } = whole;
    await whole.order();
    await whole.untilReported("in_effect");
    await powerOff(whole);
    assert.equal(await kernelLeftSec(whole), null);
    const capture = await captureAtStranger(whole);

    await t.test("the script alone isolates it, with what was left", async () => {
      assert.match(await runBootScript(whole), /isolated for 3\d{3} s/);
      const left = await kernelLeftSec(whole);
      assert.ok(left !== null && left > 3500 && left <= 3600, `${left} s`);
      await host.ask("startStream", { address: stranger.ipv4, port: servicePort });
      await bringUp(whole);
      await waysAre(false, whole);
    });

    await t.test("the agent takes it over as it stands, and reaches the Central Node", async () => {
      await agent.restart();
      await agent.untilConnected();
      const held = (await agent.status()).settings.find((setting) => setting.state === "in-effect");
      assert.ok(held?.remainingSec != null && held.remainingSec <= 3600, JSON.stringify(held));
      assert.equal((await host.ask("streamed", null)).sent, 0);
      await host.ask("stopStream", null);
      await waysAre(false, whole);
      assert.deepEqual(await capture.packetsOfHost(), []);
    });

    await t.test("lifted, nothing is left that a boot would load", async () => {
      await whole.soar.delete(whole.path);
      await whole.untilReported("lifted");
      assert.equal(existsSync(bootFile(whole)), false);
      await powerOff(whole);
      await runBootScript(whole);
      await bringUp(whole);
      await waysAre(true, whole);
    });
  },
);

test("released by a person without an agent, nothing is left that a boot would load", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  await whole.order();
  await whole.untilReported("in_effect");
  assert.equal(existsSync(bootFile(whole)), true);
  await powerOff(whole);
  await runBootScript(whole);
  assert.deepEqual(await whole.agent.release(), { state: "lifted", by: "this program" });
  assert.equal(existsSync(bootFile(whole)), false);
  await runBootScript(whole);
  await bringUp(whole);
  await waysAre(true, whole);
});

test("a clock that stands wrong at the boot neither opens the host nor makes it longer", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  const { host, stranger } = whole;
  await whole.order();
  await whole.untilReported("in_effect");
  await powerOff(whole);
  await bringUp(whole);
  const text = readFileSync(bootFile(whole), "utf8");
  const now = Math.floor(Date.now() / 1000);
  /** As if it had been saved at other times. */
  const save = (savedAt: number, endsAt: number, left: number) =>
    writeFileSync(
      bootFile(whole),
      text
        .replace(/^# saved_at .*$/m, `# saved_at ${savedAt}`)
        .replace(/^# ends_at .*$/m, `# ends_at ${endsAt}`)
        .replace(/^# left .*$/m, `# left ${left}`),
    );
  const isAbout = async (seconds: number, what: string) => {
    const left = await kernelLeftSec(whole);
    assert.ok(left !== null && left <= seconds && left > seconds - 30, `${what}: ${left} s`);
    await answers(pings, [stranger, host.ipv4], false, what);
  };

  save(now - 600, now + 3000, 3600);
  await runBootScript(whole);
  await isAbout(3000, "ten minutes off");
  save(now + 86_400, now + 86_400 + 3600, 3600);
  assert.match(await runBootScript(whole), /the clock stands before/);
  await isAbout(3600, "set back by a day: what was left");
  save(now - 60, now + 999_999, 3600);
  await runBootScript(whole);
  await isAbout(3600, "never longer than what was left");
  save(now - 86_400, now - 82_800, 3600);
  assert.match(await runBootScript(whole), /ended by the clock; it is held for the agent to ask/);
  await isAbout(300, "ended by the clock, or set ahead");
});

test("a saved isolation that cannot be used cuts the host off for ten minutes", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  const { agent } = whole;
  await whole.order();
  await whole.untilReported("in_effect");
  const text = readFileSync(bootFile(whole), "utf8");
  for (const damaged of ["", text.slice(0, 200), text.replace("policy accept", "policy sideways")]) {
    await powerOff(whole);
    writeFileSync(bootFile(whole), damaged);
    assert.match(await runBootScript(whole), /cut off entirely for at most 600 s/);
    await bringUp(whole);
    assert.ok(Number(await kernelLeftSec(whole)) > 590);
    await waysAre(false, whole);
  }
  // The agent knows the order, and makes it whole again.
  await agent.restart();
  await agent.untilConnected();
  await until("the whole time is back", async () => Number(await kernelLeftSec(whole)) > 3000);
  await waysAre(false, whole);
});
