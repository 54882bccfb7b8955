import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { Sensor } from "@cordon/contract";
import type { BlockService } from "../blocks/block-service.ts";
import type { Host } from "../hosts/host-service.ts";
import type { SettingService } from "../settings/setting-service.ts";
import type { SettingState } from "../settings/setting-state.ts";
import * as translate from "./translate.ts";

type BlockCounts = Awaited<ReturnType<BlockService["countLastDay"]>>;

/** What settings are read of by name. */
const hostsInOnePart = 500;

/** The answer to `GET sensors` about hosts: a value, or of many its text in parts, which is the same to whoever reads it. */
export function createSensorList(needs: {
  settings: Pick<SettingService, "listStates">;
  blocks: Pick<BlockService, "countLastDay">;
  version: string;
}) {
  const { settings, blocks, version } = needs;
  const server = { version };

  async function describe(hosts: Host[], countBlocks: () => Promise<BlockCounts>): Promise<Sensor[]> {
    const states = await settings.listStates(hosts);
    // Only of rules of prevention is it said how much they blocked.
    const blocks24h = hasPrevention(states) ? await countBlocks() : () => 0;
    return hosts.map((host) => translate.fromHost(host, states.get(host.sensorId) ?? [], blocks24h));
  }

  /** Thousands of hosts in one go would keep every agent and every order waiting; and whoever reads slowly, all of it in memory. */
  async function* partsOf(hosts: Host[]): AsyncGenerator<string> {
    let counted: Promise<BlockCounts> | null = null;
    const countBlocks = () => {
      counted ??= blocks.countLastDay(null);
      return counted;
    };
    for (let start = 0; start < hosts.length; start += hostsInOnePart) {
      const part = await describe(hosts.slice(start, start + hostsInOnePart), countBlocks);
      const opening = start === 0 ? `{"server":${JSON.stringify(server)},"sensors":[` : ",";
      yield opening + JSON.stringify(part).slice(1, -1);
      await setImmediate();
    }
    yield "]}";
  }

  return async (hosts: Host[]): Promise<{ server: { version: string }; sensors: Sensor[] } | Readable> => {
    if (hosts.length > hostsInOnePart) return Readable.from(partsOf(hosts), { objectMode: false });
    const [only] = hosts;
    const sensorId = hosts.length === 1 && only !== undefined ? only.sensorId : null;
    return { server, sensors: await describe(hosts, () => blocks.countLastDay(sensorId)) };
  };
}

function hasPrevention(states: ReadonlyMap<string, SettingState[]>): boolean {
  for (const ofHost of states.values()) if (ofHost.some(({ action }) => action === "prevention")) return true;
  return false;
}
