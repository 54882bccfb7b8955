/** What every crash test starts with: a Central Node and a host that can be told where to die, and a known external system. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isolatedFor } from "./crash-file-isolation.ts";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { createNetwork, needsNamespaces, until } from "./namespaces.ts";
import { createFolder, enrolHost, type Owner, serverMain, startCentralNode, thisMachine } from "./programs.ts";

/** What an isolation is here: the kernel's where it can be tried, and elsewhere a file that stands for it. */
export const isolationOfMachine =
  needsNamespaces.skip === undefined
    ? { where: "by the kernel", isNetworkReal: true }
    : { where: "in a file", isNetworkReal: false };

export type CrashLab = Awaited<ReturnType<typeof createCrashLab>>;

const mainOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** `isNetworkReal`: in network namespaces, with the kernel's isolation; otherwise on this machine, where isolation is a file. */
export async function createCrashLab(owner: Owner, { isNetworkReal }: { isNetworkReal: boolean }) {
  const folder = createFolder(owner, "crash");
  const killFiles = { "central-node": join(folder, "kill-central-node"), agent: join(folder, "kill-agent") };
  const effectFile = join(folder, "isolation");
  const network = isNetworkReal ? await createNetwork() : null;
  owner.after(() => network?.close());

  const central = await startCentralNode(owner, { place: network?.central ?? thisMachine });
  const system = createExternalSystem(owner);
  const soar = curlAs(system, central, { place: network?.stranger ?? thisMachine });
  await soar.get("sensors");
  await central.acceptSystem(system);
  const host = await enrolHost(owner, central, { place: network?.host ?? thisMachine });
  // On this machine the harness forbids isolation, which from here on is a file only.
  if (!isNetworkReal) writeFileSync(join(host.stateDir, "policy.json"), "{}");
  const programs = { "central-node": central, agent: host };
  const mains = {
    "central-node": [mainOf("./crash-central-node.ts"), "--kill-file", killFiles["central-node"]],
    agent: [mainOf("./crash-agent.ts"), "--kill-file", killFiles.agent],
  };
  if (!isNetworkReal) mains.agent.push("--effect-file", effectFile);
  const restart = (program: keyof typeof programs) => programs[program].restart(mains[program]);
  await restart("central-node");
  await restart("agent");
  await host.untilConnected();

  /** Seconds of the isolation that is in force on the host itself; null: none. */
  async function isolatedSec(): Promise<number | null> {
    if (!isNetworkReal) return isolatedFor(effectFile);
    const { stdout } = await host.place.run("nft", ["-j", "list", "set", "inet", "cordon_isolation", "active"]);
    const timeout = /"timeout": ?(\d+)/.exec(stdout)?.[1];
    return timeout === undefined ? null : Number(timeout);
  }

  return {
    folder,
    restart,
    untilConnected: host.untilConnected,
    isolatedSec,
    isolate: (seconds: number) =>
      soar.post(`settings?sensor_id=${host.sensorId}&settings_type=network_isolation`, {
        settings: { autoTurnoffTimeoutInSec: seconds },
      }),
    runShell: (taskId: string, line: string) =>
      soar.post(`tasks/${taskId}?sensor_id=${host.sensorId}&task_type=run_process`, {
        task: { execCommand: "/bin/sh", cmdLineParameters: `-c '${line}'` },
      }),
    untilState: (taskId: string, state: string) =>
      until(
        `task ${taskId} is ${state}`,
        async () => (await soar.get(`tasks/${taskId}`)).body?.state === state,
        15_000,
      ),
    kill: (program: keyof typeof programs) => programs[program].kill(),
    /** From now on the program ends by kill -9 at its next passing of the checkpoint. */
    arm(program: keyof typeof programs, checkpoint: string): void {
      writeFileSync(killFiles[program], checkpoint);
    },
    /** Resolves when the program was killed by itself, there where it was told to. */
    async untilKilled(program: keyof typeof programs): Promise<void> {
      await until(`${program} comes to the checkpoint`, () => !existsSync(killFiles[program]), 15_000);
      const how = await programs[program].exited();
      assert.deepEqual(how, [null, "SIGKILL"], programs[program].log().slice(-2000));
    },
    untilOnHost: (seconds: number) =>
      until(
        `an isolation of ${seconds} s is in force on the host`,
        async () => isAbout(await isolatedSec(), seconds),
        15_000,
      ),
    /** Resolves when the isolation of that many seconds is read back on the host and known at the Central Node. */
    async untilIsolatedFor(seconds: number): Promise<void> {
      await until(
        `an isolation of ${seconds} s is in effect and reported`,
        async () => {
          const { body } = await soar.get(`sensors?sensor_id=${host.sensorId}`);
          const state = body?.sensors?.[0]?.settingStates?.find(({ scope }: { scope: string }) => scope === "host");
          return state?.state === "in_effect" && state.reportedGeneration === state.orderedGeneration;
        },
        15_000,
      );
      const ordered = await soar.get(`settings?sensor_id=${host.sensorId}&settings_type=network_isolation`);
      assert.equal(ordered.body.settings.autoTurnoffTimeoutInSec, seconds);
      const found = await isolatedSec();
      assert.ok(isAbout(found, seconds), `${found} s are in force`);
    },
    /** The task's end as the Response API tells it. */
    async untilEnded(taskId: string) {
      return until(
        `task ${taskId} ends`,
        async () => {
          const { body } = await soar.get(`tasks/${taskId}?settings=true`);
          return ["completed", "failed", "cancelled"].includes(body?.state) ? body : null;
        },
        15_000,
      );
    },
    /** Starts the real Central Node and has it check its whole audit log. */
    async verifyAudit(): Promise<void> {
      await central.restart([serverMain]);
      const check = await central.admin<{ intact: boolean; entries: number }>("audit", "verify");
      assert.ok(check.intact && check.entries > 0, JSON.stringify(check));
    },
  };
}

/** The kernel was given what remained when the order reached it. */
function isAbout(found: number | null, seconds: number): boolean {
  return found !== null && found <= seconds && found > seconds - 60;
}

/** How many whole lines a file has; a program of a test writes one each time that it runs. */
export function countLines(file: string): number {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}
