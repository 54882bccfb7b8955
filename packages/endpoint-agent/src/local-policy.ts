import { readFileSync } from "node:fs";
import { findFault } from "@cordon/contract";
import { type Static, Type } from "typebox";
import type { Logger } from "./log.ts";

/** What the host's owner lets a Central Node do here: a file that only root writes, absent by default. */
const PolicyFile = Type.Object({ allowedActions: Type.Optional(Type.Array(Type.String())) });
type PolicyFile = Static<typeof PolicyFile>;

export type LocalPolicy = { allows(action: { name: string; kind: "setting" | "task" }): boolean };

export const allowAll: LocalPolicy = { allows: () => true };

/** Read at each question: what the owner changes holds from the next order on, without a restart. */
export function createLocalPolicy({ path, log }: { path: string; log: Logger }): LocalPolicy {
  return {
    allows(action) {
      const policy = read();
      // Nothing new may run under a policy that nobody can read, but an isolation still protects the host.
      if (policy === "malformed") return action.kind === "setting";
      return policy?.allowedActions?.includes(action.name) ?? true;
    },
  };

  function read(): PolicyFile | null | "malformed" {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      log.error({ error, path }, "the local policy cannot be read: no tasks are taken until it can");
      return "malformed";
    }
    try {
      const value: unknown = JSON.parse(text);
      if (findFault(PolicyFile, value) === null) return value as PolicyFile;
    } catch {
      // Not JSON: said below, with the other ways to be malformed.
    }
    log.error(
      { path },
      'the local policy is malformed: no tasks are taken; it looks like {"allowedActions":["run-process"]}',
    );
    return "malformed";
  }
}
