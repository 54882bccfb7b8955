import { agentUnit, findSystemd } from "./systemd.ts";

/** The agent as systemd sees it. */
export type ServiceState = {
  /** `active`, `activating`, `failed`, `inactive` …: systemd's words. */
  state: string;
  /** It starts with the host. */
  enabled: boolean;
  /** How often it was started again because it had ended or hung, since it was last started by a person or the boot. */
  restarts: number;
};

/** Null: it is not installed as a service here, or cannot be asked about. */
export async function readServiceState(): Promise<ServiceState | null> {
  const systemd = findSystemd();
  if (systemd === null) return null;
  const found = await systemd
    .show(agentUnit, ["LoadState", "ActiveState", "UnitFileState", "NRestarts"])
    // A systemd that does not answer hides nothing else of the status.
    .catch(() => null);
  if (found === null || found.LoadState !== "loaded") return null;
  return {
    state: found.ActiveState ?? "unknown",
    enabled: found.UnitFileState === "enabled",
    restarts: Number(found.NRestarts ?? 0),
  };
}
