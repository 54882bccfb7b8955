/** What a person can do with the demo that was left running. Every line can be pasted into a shell or a browser. */
import { randomBytes } from "node:crypto";
import { responseApiBase } from "@cordon/contract";
import { addUser } from "../console-browser.ts";
import { openDoor } from "../namespace-door.ts";
import { agentMain, type Owner, serverMain } from "../programs.ts";
import type { Scene } from "./scene.ts";

/** Where people look first, and where a second demo finds another. */
const consolePort = 8443;

/** Makes a way to the console from outside of the namespaces, and somebody who may give orders there. */
export async function openConsole(owner: Owner, { central, isolable }: Scene) {
  const inside = Number(new URL(central.console).port);
  const url =
    isolable === null
      ? central.console
      : `https://127.0.0.1:${await openDoor(owner, isolable.network.central, inside, consolePort)}`;
  const officer = { name: "olga", role: "senior-security-officer", password: randomBytes(9).toString("base64url") };
  addUser({ dataDir: central.dataDir, serverMain }, officer);
  // The newest: each start of the Central Node makes another.
  const token = [...central.log().matchAll(/\/set-up#token=([\w-]+)/g)].at(-1)?.[1];
  return { url, officer, setUpLink: token === undefined ? null : `${url}/set-up#token=${token}` };
}

export function describeKept(
  { central, agent, system, isolable }: Scene,
  { url, officer, setUpLink }: Awaited<ReturnType<typeof openConsole>>,
): string {
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
    `  metrics       ${central.metrics}/metrics`,
    ...(inside === "" ? [] : ["  (reached from inside the namespaces only, as below)"]),
    ...commands.map(([what, command]) => `\n  # ${what}\n  ${command}`),
    "",
    `The console: ${url}`,
    "  Its certificate is the Central Node's own: your browser warns, and you go on.",
    `  To isolate the host and see it in effect, sign in as ${officer.name}, password ${officer.password}`,
    ...(setUpLink === null
      ? []
      : ["  To make the administrator (users, external systems, join tokens; no orders):", `  ${setUpLink}`]),
    "",
    `Stop it with Ctrl-C here, or: kill ${process.pid}`,
  ].join("\n");
}
