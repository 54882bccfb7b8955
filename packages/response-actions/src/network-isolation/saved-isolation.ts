/**
 * The confirmed isolation on disk, for the boot: a script without any code of the agent's loads it before the network comes
 * up (endpoint-agent/systemd/isolation-boot.sh). Its head holds the times, and is all that the script has to understand.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type CompiledRuleset, tableText } from "./nftables-ruleset.ts";

/** How often somebody took the isolation away, and when last. */
export type Tampering = { times: number; lastAt: string };
export type SavedIsolation = { digest: string; centralNode: string[]; tampering: Tampering | null };

const fileName = "boot.nft";
/** Stands where the kernel's timer belongs: the script puts in what is left at the boot. */
const timeLeft = "@LEFT@s";

/** `wallMs`: milliseconds since 1970 by the host's clock. */
export function createSavedIsolation({ directory, wallMs }: { directory: string; wallMs(): number }) {
  const path = join(directory, fileName);
  let written: { ruleset: CompiledRuleset; tampering: Tampering | null } | null = null;

  const saved = {
    /** Null: there is none that still runs, or it cannot be read. */
    read(): SavedIsolation | null {
      try {
        return parseHead(readFileSync(path, "utf8"), wallMs());
      } catch {
        // Absent, as on every host that is not isolated.
        return null;
      }
    },
    /** Durable when it returns. `remainingSec`: whole, as the kernel tells it. */
    write(ruleset: CompiledRuleset, remainingSec: number, tampering: Tampering | null) {
      const savedAt = Math.floor(wallMs() / 1000);
      const head = [
        "cordon isolation 1",
        `saved_at ${savedAt}`,
        `ends_at ${savedAt + Math.ceil(remainingSec)}`,
        // After a reboot no more is left than this, wherever the clock stands.
        `left ${Math.ceil(remainingSec)}`,
        `digest ${ruleset.mark.digest}`,
        `central_node ${ruleset.centralNode.join(" ")}`,
        ...(tampering === null ? [] : [`tampered ${tampering.times} ${tampering.lastAt}`]),
      ];
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const rules = tableText(ruleset, { timeout: timeLeft, confirmed: true, owned: false });
      replaceFile(directory, path, `${head.map((line) => `# ${line}\n`).join("")}${rules}`);
      written = { ruleset, tampering };
    },
    /** Keeps the times of what was written by this process fit for a reboot. */
    refresh(remainingSec: number) {
      if (written !== null) saved.write(written.ruleset, remainingSec, written.tampering);
    },
    /** From then on no boot isolates anew. */
    remove() {
      written = null;
      removeSavedIsolation(directory);
    },
  };
  return saved;
}

export function removeSavedIsolation(directory: string) {
  rmSync(join(directory, fileName), { force: true });
}

function parseHead(text: string, nowMs: number): SavedIsolation | null {
  const find = (form: RegExp) => form.exec(text);
  const digest = find(/^# digest ([0-9a-f]{32})$/m)?.[1];
  const centralNode = find(/^# central_node (\S.*)$/m)?.[1];
  const endsAt = find(/^# ends_at (\d+)$/m)?.[1];
  if (digest === undefined || centralNode === undefined || endsAt === undefined) return null;
  // What ended while no agent was there to remove it proves nothing about an isolation of today.
  if (Number(endsAt) * 1000 <= nowMs) return null;
  const tampered = find(/^# tampered (\d+) (\S+)$/m);
  return {
    digest,
    centralNode: centralNode.split(" "),
    tampering: tampered === null ? null : { times: Number(tampered[1]), lastAt: String(tampered[2]) },
  };
}

/** Whole or not at all, also when the power fails. */
function replaceFile(directory: string, path: string, text: string) {
  const temporary = `${path}.new`;
  const file = openSync(temporary, "w", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(directory, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
