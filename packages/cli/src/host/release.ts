import { exitCodes, keyValues } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import { parseTimeoutFlag } from "../duration.ts";
import type { HostFilter } from "../response-api-client.ts";
import { findHost, hostHelp, hostLabel, parseHost } from "./find-host.ts";
import { notKnown } from "./isolate.ts";
import { isolationStateOf, waitForIsolation } from "./isolation-state.ts";

export type ReleaseOptions = { host: HostFilter; waitMs: number | null };

export const hostReleaseVerb: ClientVerb<ReleaseOptions> = {
  words: "release <host>",
  summary: "end a host's isolation",
  description: `${hostHelp}\n\nAlso succeeds when the host is not isolated.`,
  examples: [["cordon host release host4"], ["cordon host release 10.0.0.7 --no-wait"]],
  flags: (command) =>
    command
      .option("--timeout <duration>", "how long to wait for the host's report", "30s")
      .option("--no-wait", "do not wait until the host reports that it is released"),
  parse: ([host], flags) => ({
    host: parseHost(String(host)),
    waitMs: flags.wait === false ? null : parseTimeoutFlag(flags.timeout),
  }),
  async act(options, scene) {
    const { client, output } = scene;
    const { waitMs } = options;
    const host = await findHost(client, options.host);
    const { sensorId, hostName } = host;
    await client.release(sensorId);
    const wasNeverIsolated = host.settingStates !== null && isolationStateOf(host) === null;
    const state = waitMs === null || wasNeverIsolated ? null : await waitForIsolation(host, "lifted", waitMs, scene);
    const lifted = state !== null || wasNeverIsolated ? true : null;
    output.answer({ sensorId, hostName, lifted, detail: state?.detail ?? null }, () =>
      keyValues([
        ["host", `${hostLabel(host)} (${sensorId})`],
        ["isolation", lifted === true ? "lifted" : notKnown(waitMs)],
      ]),
    );
    return exitCodes.done;
  },
};
