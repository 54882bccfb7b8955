import type { CentralNodeEndpoint, Reachability, SettingEnforcer } from "@cordon/response-actions/enforcers";
import type { Abilities } from "./host/abilities.ts";
import type { Clock } from "./host/clock.ts";
import type { SettingRecord } from "./journal/setting-store.ts";
import type { Logger } from "./log.ts";
import { noEnforcer } from "./order-check.ts";
import { refusedOf } from "./setting-report.ts";
import type { createWishKeeper } from "./wish-keeper.ts";

type Outcome = NonNullable<SettingRecord["outcome"]>;

/** Calls a setting's enforcer with all that it needs, and says what came of it. */
export function createEnforcement({
  abilities,
  centralNode,
  wishes,
  clock,
  log,
}: {
  abilities: Abilities;
  centralNode(): Promise<CentralNodeEndpoint[]>;
  wishes: ReturnType<typeof createWishKeeper>;
  clock: Clock;
  log: Logger;
}) {
  /** When what failed may be tried again by itself, by the uptime; for actions that said so. */
  const notBeforeMs = new Map<string, number>();

  return {
    enforce,
    isTooEarly: (action: string) => clock.bootMs() < (notBeforeMs.get(action) ?? 0),
  };

  /** Never throws. `enforcer` null: this system has none, and nothing is in force. */
  async function enforce(
    enforcer: SettingEnforcer<object, string> | null,
    { action, scope, wish }: Pick<SettingRecord, "action" | "scope" | "wish">,
    remainingSec: number | null,
    proveReachable: (withinMs: number) => Promise<Reachability>,
  ): Promise<Outcome> {
    const at = () => new Date(clock.wallMs()).toISOString();
    // Nothing that cannot be enforced is in force.
    if (enforcer === null && wish === null) return { state: "lifted", at: at() };
    if (enforcer === null) return { state: "failed", ...noEnforcer(action), at: at() };
    try {
      if (wish !== null && abilities.whyNot(action) !== null) {
        const ability = await enforcer.ability();
        if (!ability.able) return { state: "failed", reason: "NOT_SUPPORTED", detail: ability.why, at: at() };
      }
      // Names are not needed to lift, and to look them up takes time where there is no DNS.
      const reachable = wish === null ? [] : await centralNode();
      const whole = wish === null ? null : wishes.whole({ action, scope, wish });
      const effect = await enforcer.enforce({
        scope,
        wish: whole,
        remainingSec,
        centralNode: reachable,
        proveReachable,
      });
      const retryAfterSec = effect.state === "failed" ? (effect.retryAfterSec ?? 0) : 0;
      notBeforeMs.set(action, clock.bootMs() + retryAfterSec * 1000);
      if (effect.state === "in-effect" && wish === null) {
        return {
          state: "failed",
          reason: "AGENT_FAULT",
          detail: `lifted, but still in force: ${effect.detail}`,
          at: at(),
        };
      }
      if (effect.state === "failed") return { state: "failed", reason: effect.reason, detail: effect.detail, at: at() };
      return effect.state === "lifted"
        ? { state: "lifted", at: at() }
        : {
            state: "in-effect",
            ...(effect.reason === undefined ? {} : { reason: effect.reason }),
            detail: effect.detail,
            ...refusedOf(effect.refused),
            at: at(),
          };
    } catch (error) {
      log.error({ error, action }, "an enforcer failed in a way that it should not");
      return { state: "failed", reason: "AGENT_FAULT", detail: String(error), at: at() };
    }
  }
}
