/** Lints the APIs' OpenAPI documents with Spectral's rules; errors and warnings fail. Needs no network. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { responseApiOpenApi } from "@cordon/contract";
import { consoleApiOpenApi } from "@cordon/contract/console-api";
import project from "../package.json" with { type: "json" };

const scripts = dirname(fileURLToPath(import.meta.url));
const spectral = join(scripts, "..", "node_modules", ".bin", "spectral");
const ruleset = join(scripts, "openapi-ruleset.yaml");

for (const document of [responseApiOpenApi(project.version), consoleApiOpenApi(project.version)]) {
  const lint = spawnSync(
    spectral,
    ["lint", "--ruleset", ruleset, "--fail-severity=warn", "--stdin-filepath=openapi.json"],
    // Indented, so that the line in a message leads somewhere.
    { input: JSON.stringify(document, null, 2), stdio: ["pipe", "inherit", "inherit"] },
  );
  if (lint.error !== undefined) throw lint.error;
  if (lint.status !== 0) process.exitCode = lint.status ?? 1;
}
