import type { Logger } from "pino";
import type { HostService } from "../hosts/host-service.ts";
import type { DueSet, OrdersOfAll } from "../settings/due-settings.ts";
import type { SetFrames } from "../settings/prevention-sets.ts";
import type { SettingService } from "../settings/setting-service.ts";
import { keyOf } from "../settings/setting-state.ts";
import type { TransferSlots } from "./transfer-slots.ts";

type Scope = "host" | "all";

/** An agent that asks for the same whole set again and again has a fault that sending it once more does not mend. */
const maxRequests = 3;

/**
 * Hands one agent the prevention rules in parts, beside its other messages: an isolation does not wait for a rule of 100,000
 * files. `known`: the session's, by `keyOf`.
 */
export function createPreventionDelivery({
  sensorId,
  hosts,
  settings,
  known,
  sendFrame,
  slots,
  log,
}: {
  sensorId: string;
  hosts: Pick<HostService, "find">;
  settings: Pick<SettingService, "listDueSets" | "readSet">;
  known: Map<string, number>;
  /** Resolves once the frame is handed to the network, or will never be. */
  sendFrame(frame: Buffer): Promise<void>;
  slots: TransferSlots;
  log: Logger;
}) {
  const wholeWanted = new Set<Scope>();
  const requests = new Map<Scope, { generation: number; times: number }>();
  let wanted = false;
  let delivering: Promise<void> | null = null;
  let closed = false;

  const delivery = {
    /** Something may be due: looks, and sends it. */
    wake(): void {
      if (closed) return;
      wanted = true;
      delivering ??= deliver();
    },
    /** As `wake`, for the rule of all hosts alone, which was read for every connection. */
    offer(orders: OrdersOfAll): void {
      if (delivering !== null) delivery.wake();
      else if (!closed) delivering = deliver(orders);
    },
    /** The agent asks for the whole set. */
    request(scope: Scope): void {
      const generation = known.get(keyOf("prevention", scope)) ?? -1;
      const before = requests.get(scope);
      const times = before?.generation === generation ? before.times + 1 : 1;
      requests.set(scope, { generation, times });
      if (times > maxRequests) {
        if (times === maxRequests + 1) log.warn({ sensorId, scope }, "an agent asks for the same set again and again");
        return;
      }
      wholeWanted.add(scope);
      delivery.wake();
    },
    end(): void {
      closed = true;
    },
    async idle(): Promise<void> {
      while (delivering !== null) await delivering;
    },
  };

  async function deliver(orders: OrdersOfAll | null = null): Promise<void> {
    // In a later turn: `delivering` is set by then.
    await null;
    try {
      if (orders !== null && !closed) {
        const base = known.get(keyOf("prevention", "all")) ?? null;
        const set = await orders.readSet(base);
        // A lift may have overtaken what was read for all.
        if ((known.get(keyOf("prevention", "all")) ?? -1) < (set?.generation ?? -1)) await sendSet("all", set);
      }
      while (wanted && !closed) {
        wanted = false;
        await sendDue();
      }
    } catch (error) {
      // The sweep asks again, as with other settings.
      log.warn({ err: error, sensorId }, "could not look up the prevention rules that are due for a host");
    } finally {
      delivering = null;
    }
  }

  async function sendDue(): Promise<void> {
    const host = await hosts.find(sensorId);
    if (host === null) return;
    for (const scope of wholeWanted) known.delete(keyOf("prevention", scope));
    wholeWanted.clear();
    for (const due of await settings.listDueSets(host, known)) {
      await sendSet(due.scope, await settings.readSet(sensorId, due));
    }
  }

  async function sendSet(scope: DueSet["scope"], set: SetFrames | null): Promise<void> {
    // Lifted meanwhile: that travels as a setting.
    if (set === null) return;
    const key = keyOf("prevention", scope);
    const transfer = async () => {
      for (const part of set.parts) {
        if (closed) return;
        await sendFrame(part);
      }
    };
    await (set.parts.length === 1 ? transfer() : slots.run(transfer));
    // A lift that overtook the parts is the newer one.
    if ((known.get(key) ?? -1) < set.generation) known.set(key, set.generation);
  }

  return delivery;
}
