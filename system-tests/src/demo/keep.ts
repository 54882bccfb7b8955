/** What a person can do with the demo that was left running. Every line can be pasted into a shell. */
import { responseApiBase } from "@cordon/contract";
import { agentMain, serverMain } from "../programs.ts";
import type { Scene } from "./scene.ts";

export function describeKept({ central, agent, system, isolable }: Scene): string {
  const inside = isolable === null ? "" : `ip netns exec ${isolable.network.central.namespace} `;
  const api = `${central.api}${responseApiBase}/${system.id}`;
  const curl = `${inside}curl -sk ${system.curlFlags.join(" ")}`;
  const setting = `'${api}/settings?sensor_id=${agent.sensorId}&settings_type=network_isolation'`;
  const isolation = [
    [
      "isolate the host for an hour",
      `${curl} -H 'content-type: application/json' -d '{"settings":{"autoTurnoffTimeoutInSec":3600}}' ${setting}`,
    ],
    ["end it", `${curl} -X DELETE ${setting}`],
  ];
  const commands = [
    ["list the hosts", `${curl} '${api}/sensors'`],
    ...(isolable === null ? [] : isolation),
    ...(isolable === null
      ? []
      : [
          [
            "does the stranger reach the host?",
            `ip netns exec ${isolable.stranger.namespace} ping -c 1 -W 1 ${isolable.host.ipv4}`,
          ],
        ]),
    ["ask the Central Node", `${process.execPath} ${serverMain} external-system list --data-dir ${central.dataDir}`],
    ["ask the agent", `${process.execPath} ${agentMain} status --state-dir ${agent.stateDir}`],
    ["readiness and metrics", `${inside}curl -s ${central.metrics}/metrics`],
  ];
  return [
    "",
    "Left running:",
    `  Response API  ${api}`,
    `  console       ${central.console}`,
    `  metrics       ${central.metrics}/metrics`,
    ...(inside === "" ? [] : ["  (reached from inside the namespaces only, as below)"]),
    ...commands.map(([what, command]) => `\n  # ${what}\n  ${command}`),
    "",
    `Stop it with Ctrl-C here, or: kill ${process.pid}`,
  ].join("\n");
}
