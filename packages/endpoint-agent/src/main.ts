#!/usr/bin/env node
import { createProgram, createTerminal } from "@cordon/terminal";
import { enrollVerb } from "./command-line/enroll.ts";
import { releaseVerb } from "./command-line/release.ts";
import { serviceInstallVerb } from "./command-line/service-install.ts";
import { serviceRollbackVerb } from "./command-line/service-rollback.ts";
import { serviceUninstallVerb } from "./command-line/service-uninstall.ts";
import { startVerb } from "./command-line/start.ts";
import { statusVerb } from "./command-line/status.ts";
import { readConfig, serviceVariables } from "./config.ts";
import { agentVersion } from "./version.ts";

const config = readConfig(process.env, process.pid);
for (const name of serviceVariables) delete process.env[name];
const { stdin, stdout, stderr, env: environment } = process;
const program = createProgram({
  name: "cordon-agent",
  description: "The agent of one host: carries out what a Central Node orders, and reports what came of it.",
  version: agentVersion,
  examples: [
    ["cordon-agent enroll --server https://central.example:443 --token cordon1.…", "once"],
    ["cordon-agent start", "run it"],
    ["cordon-agent status", "what is in force"],
    ["cordon-agent release", "break-glass"],
    ["cordon-agent service install", "have systemd run it"],
  ],
  terminal: createTerminal({ stdin, stdout, stderr, environment }),
});
program.verb(enrollVerb(config));
program.verb(startVerb(config));
program.verb(statusVerb(config));
program.verb(releaseVerb(config));
const service = program.noun("service", "this agent as a service of systemd");
service.verb(serviceInstallVerb());
service.verb(serviceRollbackVerb());
service.verb(serviceUninstallVerb());
process.exitCode = await program.run(process.argv.slice(2));
