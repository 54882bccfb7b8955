/** What stops files from running, as the bypass matrix and the benchmark see it. */
export const engineNames = ["none", "fapolicyd", "fapolicyd-strict", "cordon", "cordon-scripts"] as const;
export type EngineName = (typeof engineNames)[number];

export type Engine = {
  name: EngineName;
  /** Bans the files with these SHA-256 on the filesystems at these mount points; resolves when that is in effect. */
  arm(sha256: readonly string[], mountPoints: readonly string[]): Promise<void>;
  /** Nothing of it is left when this resolves, and everything runs again. */
  disarm(): Promise<void>;
};

/** The control: whatever does not run under it has not been tried at all. */
export function createNoEngine(): Engine {
  return {
    name: "none",
    arm: async () => {},
    disarm: async () => {},
  };
}
