import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Environment } from "@cordon/terminal";

export type Config = { profilesDirectory: string; defaultProfileName: string };

/** XDG_CONFIG_HOME (a relative one is ignored, as its specification says) and CORDON_PROFILE. */
export function readConfig(environment: Environment): Config {
  const configHome = environment.XDG_CONFIG_HOME ?? "";
  return {
    profilesDirectory: join(isAbsolute(configHome) ? configHome : join(homedir(), ".config"), "cordon", "profiles"),
    defaultProfileName: environment.CORDON_PROFILE || "default",
  };
}
