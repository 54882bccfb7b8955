import type { SettingOrder } from "@cordon/contract";
import type { PreventionWish } from "@cordon/response-actions";
import type { Journal } from "./journal/journal.ts";
import type { KeptRule } from "./journal/prevention-store.ts";
import type { SettingRecord } from "./journal/setting-store.ts";

/**
 * What a setting's record holds of a wish, and back: prevention's files are rows, or each look at the setting would read ten
 * megabytes. Takes wishes that were checked against their action's schema.
 */
export function createWishKeeper(journal: Journal) {
  return {
    /** Call it in the transaction that writes the record. */
    keep({ action, scope, generation, wish }: SettingOrder): object | null {
      if (action !== "prevention") return wish;
      if (wish !== null) return journal.prevention.keep(scope, generation, wish as PreventionWish);
      journal.prevention.clear(scope);
      return null;
    },
    /** The wish for the enforcer. */
    whole({ action, scope, wish }: { action: string; scope: SettingRecord["scope"]; wish: object }): object {
      return action === "prevention" ? journal.prevention.wishOf(scope, wish as KeptRule) : wish;
    },
  };
}
