import { failure } from "@cordon/terminal";
import { findSystemd, type Systemd } from "../host/systemd.ts";

/** The unit names it, as StateDirectory. */
export const serviceStateDir = "/var/lib/cordon-agent";

export function needRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw failure("REFUSED", "this needs root rights: nothing was done", { advice: "Run it with sudo, or as root." });
}

export function needSystemd(): Systemd {
  const systemd = findSystemd();
  if (systemd !== null) return systemd;
  throw failure("REFUSED", "this host does not run systemd: nothing was done", {
    advice: "Have your own service manager run `cordon-agent start`: it stays in the foreground and logs to stderr.",
  });
}
