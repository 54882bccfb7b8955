/** The nft and conntrack programs, as far as the isolation needs them. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endRecordedHolder, recordHolder } from "./holder-record.ts";
import { type IsolationTable, parseIsolationTable } from "./isolation-table.ts";
import { type LivingNft, type NftAnswer, startLivingNft } from "./living-nft.ts";
import type { NetworkIsolationFailure } from "./network-isolation.ts";
import { endOwnedText, isolationTable, liftText } from "./nftables-ruleset.ts";
import { findProgram, runProgram, systemProgramDirectories } from "./program.ts";

export type NftOptions = {
  /** Where nft and conntrack are looked up; the system's directories by default. */
  programDirectories?: readonly string[];
  /** The longest that one call of a program may take; 15 s by default. */
  programTimeoutMs?: number;
  /** Where the isolation keeps its files, closed to others; a temporary one by default, and nothing is kept for a boot. */
  directory?: string;
};

export type NftFailure = { state: "failed"; reason: NetworkIsolationFailure; detail: string };
const pauseMs = 60_000;
const plainTable = `inet ${isolationTable}`;
type Loaded = { succeeded: true } | { succeeded: false; failure: NftFailure };
type TableRead = { succeeded: true; table: IsolationTable | null } | { succeeded: false; failure: NftFailure };

/**
 * Every call is bounded in time and throws nothing of a program's. A living nft does the work; where it does not answer, one
 * that is started for the call does. `onHolderLost`: the living nft ended, and the twin table with it.
 */
export function createNft(options: NftOptions, onHolderLost: () => void = () => {}) {
  const directories = options.programDirectories ?? systemProgramDirectories;
  const timeoutMs = options.programTimeoutMs ?? 15_000;
  let living: LivingNft | null = null;
  let starting: Promise<LivingNft | null> | null = null;
  let temporary: string | null = null;
  let ownsTwin = false;
  /** nft's words, of what will be the same at the next try. */
  let twinRefusal: string | null = null;
  /** Until then no living nft is tried: one that does not answer must not hold up each call. */
  let pausedUntilMs = 0;

  const nft = {
    find: (name = "nft") => findProgram(name, directories),

    /** Starts the living nft, so that no order has to wait for it. False: there is no nft. */
    async ready(): Promise<boolean> {
      return (await live()) !== null;
    },

    /**
     * Loads the twin's text and the plain table's as one transaction, and reads the plain table back. Where the twin cannot
     * be had the plain table is loaded alone.
     */
    async apply({ owned, plain }: { owned: string; plain: string }): Promise<TableRead> {
      const held = await live();
      const both = await ask(held, { load: owned + plain, list: plainTable });
      if (both?.refused === "") {
        if (owned !== "") [ownsTwin, twinRefusal] = [true, null];
        return toTable(both);
      }
      const loaded = await load(plain);
      if (!loaded.succeeded) return loaded;
      // The plain table alone. A twin with the rules of before must not go on beside it.
      if (owned !== "") {
        twinRefusal = both?.refused ?? null;
        await endTwin();
      }
      return nft.read();
    },

    /** The plain table in the kernel, null where there is none. */
    async read(): Promise<TableRead> {
      const answer = await ask(await live(), { list: plainTable });
      if (answer !== null) return toTable(answer);
      const listed = await run(["-j", "list", "table", ...plainTable.split(" ")], "");
      if (listed.succeeded) return toTable({ refused: "", listing: listed.stdout });
      const { detail } = listed.failure;
      if (detail.includes("No such file or directory")) return { succeeded: true, table: null };
      if (listed.failure.reason === "NFT_MISSING") return listed;
      return { succeeded: false, failure: readBackDiffers(`the rules could not be read: ${detail}`) };
    },

    /** Takes both tables away, and reads back that they are. */
    async lift(): Promise<TableRead> {
      const lifted = await nft.apply({ owned: nft.ownsTwin() ? endOwnedText : "", plain: liftText });
      if (!lifted.succeeded) await endTwin();
      [ownsTwin, twinRefusal] = [false, null];
      return lifted;
    },

    /** Loads any text as one transaction. */
    load,

    /** Any table (`inet name`) as JSON; null where there is none, or no living nft. */
    async list(table: string): Promise<string | null> {
      return (await ask(await live(), { list: table }))?.listing ?? null;
    },

    /** As `load`, as far as nft and the kernel's checks; changes nothing. */
    check: (text: string): Promise<Loaded> => run(["-c", "-f", "-"], text),

    ownsTwin: () => ownsTwin && living?.isAlive() === true,
    /** Null: nothing stands against a twin. */
    whyNoTwin: () => twinRefusal ?? (performance.now() < pausedUntilMs ? "nft does not answer" : null),

    /** Makes connection tracking forget every connection of this network namespace. False: it could not be done. */
    async flushConnections(): Promise<boolean> {
      const path = await findProgram("conntrack", directories);
      if (path === null) return false;
      return (await runProgram(path, ["-F"], { timeoutMs })).succeeded;
    },

    /** The twin goes with the living nft; the plain table stays. */
    async close() {
      await endTwin();
      if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
      temporary = null;
    },
  };

  async function live(): Promise<LivingNft | null> {
    if (living?.isAlive() === true) return living;
    if (performance.now() < pausedUntilMs) return null;
    starting ??= startHolder().finally(() => {
      starting = null;
    });
    return starting;
  }

  async function startHolder(): Promise<LivingNft | null> {
    const path = await nft.find();
    if (path === null) return null;
    const directory = options.directory ?? temporaryDirectory();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Left by an agent that was killed: its twin would stand against ours for as long as that nft takes to end.
    await endRecordedHolder(directory);
    const started = startLivingNft({
      path,
      directory,
      timeoutMs,
      onExit() {
        if (living !== started) return;
        const had = ownsTwin;
        ownsTwin = false;
        if (had) onHolderLost();
      },
    });
    living = started;
    if (started.pid !== null) recordHolder(directory, started.pid);
    return started;
  }

  async function ask(held: LivingNft | null, request: Parameters<LivingNft["run"]>[0]): Promise<NftAnswer | null> {
    const answer = (await held?.run(request)) ?? null;
    // One that somebody ended is started again at once; one that hangs is not.
    if (answer === null && held?.isAlive() === true) pausedUntilMs = performance.now() + pauseMs;
    return answer;
  }

  async function endTwin() {
    const held = living;
    [living, ownsTwin] = [null, false];
    await held?.close();
  }

  function temporaryDirectory(): string {
    temporary ??= mkdtempSync(join(tmpdir(), "cordon-nft-"));
    return temporary;
  }

  async function load(text: string): Promise<Loaded> {
    const answer = living?.isAlive() === true ? await ask(living, { load: text }) : null;
    if (answer === null) return run(["-f", "-"], text);
    return answer.refused === "" ? { succeeded: true } : { succeeded: false, failure: refused(answer.refused) };
  }

  async function run(
    args: string[],
    stdin: string,
  ): Promise<{ succeeded: true; stdout: string } | { succeeded: false; failure: NftFailure }> {
    const path = await nft.find();
    if (path === null) {
      const detail = `there is no nft in ${directories.join(", ")}`;
      return { succeeded: false, failure: { state: "failed", reason: "NFT_MISSING", detail } };
    }
    const result = await runProgram(path, args, { stdin, timeoutMs });
    return result.succeeded ? result : { succeeded: false, failure: refused(result.why) };
  }

  return nft;
}

function toTable({ refused: why, listing }: NftAnswer): TableRead {
  if (why !== "") return { succeeded: false, failure: readBackDiffers(`the rules could not be read: ${why}`) };
  return { succeeded: true, table: listing === null ? null : parseIsolationTable(listing) };
}

function refused(detail: string): NftFailure {
  return { state: "failed", reason: "NFT_REFUSED", detail };
}

export function readBackDiffers(detail: string): NftFailure {
  return { state: "failed", reason: "READ_BACK_DIFFERS", detail };
}
