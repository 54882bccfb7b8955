import { printable, printableJson } from "./printable.ts";
import { type Progress, startProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** How a command speaks. */
export type Output = {
  terminal: Terminal;
  json: boolean;
  /**
   * The command's answer, once: with --json `value` as one JSON value, otherwise the text of `plain` (see layout.ts).
   * `plain` is trusted as it stands: hostile text goes through table, keyValues or printable first.
   */
  answer(value: unknown, plain: () => string): void;
  /** A remark for a person on stderr, one line, nothing with --json. */
  note(text: string): void;
  /** For work that lasts; silent with --json. */
  progress(text: string): Progress;
};

const silent: Progress = { update() {}, end() {} };

export function createOutput({ terminal, json }: { terminal: Terminal; json: boolean }): Output {
  let answered = false;
  return {
    terminal,
    json,
    answer(value, plain) {
      if (answered) throw new Error("a command answers once: two JSON values on stdout cannot be parsed");
      answered = true;
      const text = json ? printableJson(value) : plain();
      if (text !== "") terminal.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    note(text) {
      if (!json) terminal.stderr.write(`${printable(text)}\n`);
    },
    progress: (text) => (json ? silent : startProgress(text, terminal)),
  };
}
