/** The nft and conntrack programs, as far as the isolation needs them. */
import { type IsolationTable, parseIsolationTable } from "./isolation-table.ts";
import type { NetworkIsolationFailure } from "./network-isolation.ts";
import { isolationTable } from "./nftables-ruleset.ts";
import { findProgram, runProgram, systemProgramDirectories } from "./program.ts";

export type NftOptions = {
  /** Where nft and conntrack are looked up; the system's directories by default. */
  programDirectories?: readonly string[];
  /** The longest that one call of a program may take; 15 s by default. */
  programTimeoutMs?: number;
};

export type NftFailure = { state: "failed"; reason: NetworkIsolationFailure; detail: string };
type NftResult = { succeeded: true; stdout: string } | { succeeded: false; failure: NftFailure };

/** Every call is bounded in time and throws nothing of a program's. */
export function createNft(options: NftOptions) {
  const directories = options.programDirectories ?? systemProgramDirectories;
  const timeoutMs = options.programTimeoutMs ?? 15_000;

  async function run(args: string[], stdin: string): Promise<NftResult> {
    const path = await findProgram("nft", directories);
    if (path === null) {
      const detail = `there is no nft in ${directories.join(", ")}`;
      return { succeeded: false, failure: { state: "failed", reason: "NFT_MISSING", detail } };
    }
    const result = await runProgram(path, args, { stdin, timeoutMs });
    if (result.succeeded) return result;
    return { succeeded: false, failure: { state: "failed", reason: "NFT_REFUSED", detail: result.why } };
  }

  return {
    /** Loads a text as one transaction: all of it holds afterwards, or nothing changed. */
    load: (text: string): Promise<NftResult> => run(["-f", "-"], text),

    /** As `load`, as far as nft and the kernel's checks; changes nothing. */
    check: (text: string): Promise<NftResult> => run(["-c", "-f", "-"], text),

    /** The table in the kernel, null where there is none. */
    async read(): Promise<
      { succeeded: true; table: IsolationTable | null } | { succeeded: false; failure: NftFailure }
    > {
      const listed = await run(["-j", "list", "table", "inet", isolationTable], "");
      if (listed.succeeded) return { succeeded: true, table: parseIsolationTable(listed.stdout) };
      const { detail } = listed.failure;
      if (detail.includes("No such file or directory")) return { succeeded: true, table: null };
      if (listed.failure.reason === "NFT_MISSING") return listed;
      return { succeeded: false, failure: readBackDiffers(`the rules could not be read: ${detail}`) };
    },

    /** Makes connection tracking forget every connection of this network namespace. False: it could not be done. */
    async flushConnections(): Promise<boolean> {
      const path = await findProgram("conntrack", directories);
      if (path === null) return false;
      return (await runProgram(path, ["-F"], { timeoutMs })).succeeded;
    },
  };
}

export function readBackDiffers(detail: string): NftFailure {
  return { state: "failed", reason: "READ_BACK_DIFFERS", detail };
}
