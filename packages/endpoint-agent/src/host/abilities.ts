import type { Ability } from "@cordon/response-actions/enforcers";
import type { Logger } from "../log.ts";
import type { Enforcers } from "./enforcers.ts";

type Exclusively = (action: string, ask: () => Promise<Ability>) => Promise<Ability>;

export type Abilities = ReturnType<typeof createAbilities>;

/** Which response actions this host can really do now, by asking each enforcer. */
export function createAbilities({ enforcers, log }: { enforcers: Enforcers; log: Logger }) {
  const able = new Map<string, Ability>();
  const entries = Object.entries(enforcers);

  return {
    /** Asks again. `exclusively` keeps the question from overlapping with the enforcer's other calls. */
    async refresh(exclusively: Exclusively = (_action, ask) => ask()) {
      for (const [name, enforcer] of entries) {
        const ability = await exclusively(name, () => enforcer.ability()).catch((error: unknown) => ({
          able: false as const,
          why: String(error),
        }));
        const known = able.get(name);
        if (!ability.able && (known === undefined || known.able))
          log.warn({ action: name, why: ability.why }, "not able");
        able.set(name, ability);
      }
    },
    names,
    /** Null: able, or not asked yet. */
    whyNot(name: string): string | null {
      const ability = able.get(name);
      return ability === undefined || ability.able ? null : ability.why;
    },
  };

  function names(): string[] {
    return entries.map(([name]) => name).filter((name) => able.get(name)?.able === true);
  }
}
