/** Our own execution guard, ordered as the agent orders it. */
import { createPreventionEnforcer, type PreventionOptions } from "@cordon/response-actions/enforcers";
import { until } from "./namespaces.ts";
import type { Engine } from "./prevention-matrix-engine.ts";

/** `folder`: an empty one on a file system that it does not guard. */
export function createCordonEngine(folder: string, { scripts }: { scripts: boolean }): Engine {
  let enforcer: ReturnType<typeof createPreventionEnforcer> | null = null;
  const enforce = async (wish: Parameters<NonNullable<typeof enforcer>["enforce"]>[0]["wish"]) =>
    enforcer?.enforce({
      scope: "host",
      wish,
      remainingSec: null,
      centralNode: [],
      proveReachable: () => Promise.reject(new Error("prevention asks nobody")),
    });
  return {
    name: scripts ? "cordon-scripts" : "cordon",
    async arm(sha256, mountPoints) {
      let isScanned = false;
      const options: PreventionOptions = {
        directory: folder,
        guard: mountPoints,
        onBlock() {},
        onAlarm(alarm) {
          throw new Error(`${alarm.code}: ${alarm.detail}`);
        },
        onScan({ state }) {
          isScanned = state === "done";
        },
      };
      enforcer = createPreventionEnforcer(options);
      const effect = await enforce({
        files: sha256.map((hash) => ({ algorithm: "sha256", hash, name: null })),
        scripts,
      });
      if (effect?.state !== "in-effect" || (effect.refused ?? []).length > 0) throw new Error(JSON.stringify(effect));
      await until("the files that are there have been looked at", () => isScanned);
    },
    async disarm() {
      await enforce(null);
      await enforcer?.close();
    },
  };
}
