import { printable } from "./printable.ts";
import type { Terminal } from "./terminal.ts";

export type Progress = {
  update(text: string): void;
  /** Wipes the line. Safe to call more than once. */
  end(): void;
};

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMs = 100;
const wipeLine = "\r\u001b[K";

/** One line on stderr with the time that has passed, redrawn in place; elsewhere than on a terminal a line per change of text. */
export function startProgress(
  text: string,
  terminal: Terminal,
  nowMs: () => number = () => performance.now(),
): Progress {
  const { stderr, stderrColours } = terminal;
  if (stderr.isTTY !== true) return plainProgress(text, terminal);
  let current = text;
  let frame = 0;
  let ended = false;
  const startMs = nowMs();
  const draw = () => {
    const elapsedSec = Math.floor((nowMs() - startMs) / 1000);
    const line = `${printable(current)} ${stderrColours.dim(`${elapsedSec}s`)}`;
    stderr.write(`${wipeLine}${stderrColours.cyan(frames[frame++ % frames.length] ?? "")} ${line}`);
  };
  draw();
  const timer = setInterval(draw, frameMs);
  // The line must not keep a program alive that has nothing else to do.
  timer.unref();
  return {
    update(next) {
      current = next;
      if (!ended) draw();
    },
    end() {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      stderr.write(wipeLine);
    },
  };
}

function plainProgress(text: string, { stderr }: Terminal): Progress {
  let current = text;
  stderr.write(`${printable(current)}\n`);
  return {
    update(next) {
      if (next === current) return;
      current = next;
      stderr.write(`${printable(current)}\n`);
    },
    end() {},
  };
}
