import {
  type AgentMessage,
  agentProtocolVersion,
  type SettingReport,
  type TaskReport,
  type Welcome,
} from "@cordon/contract";
import { createAgentCore } from "../agent-core.ts";
import { createMemoryJournal, type Journal } from "../journal/journal.ts";
import { allowAll, type LocalPolicy } from "../local-policy.ts";
import { silentLog } from "../log.ts";
import { createKernelInMemory, type HostInMemory } from "./kernel-in-memory.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

export const lineageA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
export const lineageB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";

export const welcome = (lineage = lineageA, protocol = agentProtocolVersion): Welcome => ({
  type: "welcome",
  protocol,
  sensorId: "11111111-1111-4111-8111-111111111111",
  lineage,
  heartbeatSec: 30,
  authorities: "",
});
export const isolationOrder = (generation: number, lifetimeSec: number | null = 7200, more: object = {}) => ({
  type: "setting",
  action: "network-isolation",
  scope: "host",
  generation,
  wish: lifetimeSec === null ? null : { autoTurnoffTimeoutInSec: lifetimeSec, exclusions: [] },
  ...(lifetimeSec === null ? {} : { remainingSec: lifetimeSec }),
  ...more,
});
export const taskOrder = (taskId: string, program: string) => ({
  type: "task",
  taskId,
  action: "run-process",
  parameters: { program, commandLine: null, workingDirectory: null },
});

/** An agent's core on a kernel in memory, with a session whose messages are collected. */
export async function startCore({
  clock = createManualClock(),
  journal = createMemoryJournal(),
  on = createKernelInMemory(clock),
  policy = allowAll,
  connect = true,
  localRelease,
  proveReachable,
}: {
  clock?: ManualClock;
  journal?: Journal;
  on?: HostInMemory;
  policy?: LocalPolicy;
  connect?: boolean;
  localRelease?: { isMarked(): boolean; clear(): void };
  proveReachable?: (withinMs: number) => Promise<boolean>;
} = {}) {
  const { kernel } = on;
  const sent: AgentMessage[] = [];
  const closes: number[] = [];
  const core = createAgentCore({
    journal,
    enforcers: on.startProcess(),
    facts: () => ({ hostName: "h", ipAddresses: [], osFamily: "linux", osName: "Debian", agentVersion: "0.1.0" }),
    policy,
    centralNode: async () => [{ address: "192.0.2.1", port: 443 }],
    clock,
    log: silentLog,
    ...(localRelease === undefined ? {} : { localRelease }),
    ...(proveReachable === undefined ? {} : { proveReachable }),
  });
  await core.start();

  const host = {
    core,
    journal,
    kernel,
    on,
    clock,
    sent,
    closes,
    connect(lineage = lineageA, protocol = agentProtocolVersion) {
      core.opened({
        send(message) {
          sent.push(message);
          return true;
        },
        close: (code) => closes.push(code),
      });
      core.receive(welcome(lineage, protocol));
    },
    /** Feeds messages in and waits until all that follows from them is done. */
    async receive(...messages: object[]) {
      for (const message of messages) core.receive(message);
      await core.idle();
    },
    settingReports: () => sent.filter((message): message is SettingReport => message.type === "setting-report"),
    taskReports: () => sent.filter((message): message is TaskReport => message.type === "task-report"),
    acknowledgeAll() {
      for (const message of sent) if ("reportId" in message) core.receive({ type: "ack", reportId: message.reportId });
      sent.length = 0;
    },
  };
  if (connect) host.connect();
  return host;
}
