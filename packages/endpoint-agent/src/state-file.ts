import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Replaces a file whole or not at all, also when the power fails; only its owner may read it. */
export function writeStateFile(path: string, text: string) {
  const temporary = `${path}.new`;
  const file = openSync(temporary, "w", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  moveStateFile(temporary, path);
}

function moveStateFile(from: string, to: string) {
  renameSync(from, to);
  // The rename itself is durable only once the directory is.
  const directory = openSync(dirname(to), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
