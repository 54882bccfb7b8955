/** Lints the APIs' OpenAPI documents with Spectral's rules; errors and warnings fail. Needs no network. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { responseApiOpenApi } from "@cordon/contract";
import { consoleApiOpenApi } from "@cordon/contract/console-api";
import project from "../package.json" with { type: "json" };

const scripts = dirname(fileURLToPath(import.meta.url));
const spectral = join(scripts, "..", "node_modules", ".bin", "spectral");
const ruleset = join(scripts, "openapi-ruleset.yaml");

// As files: of a pipe Spectral reads at once, and fails with EAGAIN where a large document is not all there yet.
const folder = mkdtempSync(join(tmpdir(), "cordon-openapi-"));
const documents = {
  "response-api.json": responseApiOpenApi(project.version),
  "console-api.json": consoleApiOpenApi(project.version),
};
try {
  for (const [name, document] of Object.entries(documents)) {
    // Indented, so that the line in a message leads somewhere.
    writeFileSync(join(folder, name), JSON.stringify(document, null, 2));
  }
  const files = Object.keys(documents).map((name) => join(folder, name));
  const words = ["lint", "--ruleset", ruleset, "--fail-severity=warn", ...files];
  const lint = spawnSync(spectral, words, { stdio: ["ignore", "inherit", "inherit"] });
  if (lint.error !== undefined) throw lint.error;
  if (lint.status !== 0) process.exitCode = lint.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
