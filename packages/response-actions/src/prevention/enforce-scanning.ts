/** Starts the scan when rules arrive, and passes on what it finds. */
import type { Rules } from "./enforce-decisions.ts";
import type { Scope } from "./enforce-deny-set.ts";
import type { Supervisor } from "./enforce-supervisor.ts";

export type ScanEvent = { state: "running" | "done"; filesSeen: number; filesFound: number };

export function createScanning(_needs: { supervisor: Supervisor; onScan(event: ScanEvent): void }) {
  return {
    start(_order: { rules: Rules; killScopes: Scope[] }) {},
    close() {},
  };
}
