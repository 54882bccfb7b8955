import { existsSync, writeFileSync } from "node:fs";

/** What the crash programs take beside the arguments of the real ones. */
export const crashFlags = {
  /** The checkpoint to end at. */
  "kill-at": { type: "string" },
  /** A file that says that it has happened: the same program, started again, lives. */
  "kill-mark": { type: "string" },
} as const;

/** A checkpoint that ends this process by SIGKILL the first time that `kill-at` is passed. */
export function crashAt({ "kill-at": at, "kill-mark": mark }: { "kill-at"?: string; "kill-mark"?: string }) {
  return (name: string): void => {
    if (name !== at || mark === undefined || existsSync(mark)) return;
    writeFileSync(mark, name);
    process.kill(process.pid, "SIGKILL");
  };
}
