import type { Logger } from "../log.ts";
import type { Enforcers } from "./enforcers.ts";

export type Abilities = ReturnType<typeof createAbilities>;

/** Which response actions this host can really do now, by asking each enforcer. */
export function createAbilities({ enforcers, log }: { enforcers: Enforcers; log: Logger }) {
  const able = new Map<string, { able: true } | { able: false; why: string }>();
  const entries = Object.entries(enforcers);

  return {
    /** Asks again. Reports whether the list changed. */
    async refresh(): Promise<boolean> {
      const before = names().join();
      for (const [name, enforcer] of entries) {
        const ability = await enforcer
          .ability()
          .catch((error: unknown) => ({ able: false as const, why: String(error) }));
        const known = able.get(name);
        if (!ability.able && (known === undefined || known.able))
          log.warn({ action: name, why: ability.why }, "not able");
        able.set(name, ability);
      }
      return names().join() !== before;
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
