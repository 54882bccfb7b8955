import { createProgram, type Program, type Terminal } from "@cordon/terminal";
import packageJson from "../package.json" with { type: "json" };
import { type ClientVerb, clientVerb, type Services } from "./client-verb.ts";
import { connectVerb } from "./connect.ts";
import { hostIsolateVerb } from "./host/isolate.ts";
import { hostListVerb } from "./host/list.ts";
import { hostReleaseVerb } from "./host/release.ts";
import { preventionAddVerb } from "./prevention/add.ts";
import { preventionClearVerb } from "./prevention/clear.ts";
import { preventionGetVerb } from "./prevention/get.ts";
import { preventionRemoveVerb } from "./prevention/remove.ts";
import { preventionSetVerb } from "./prevention/set.ts";
import { profileListVerb } from "./profile/list.ts";
import { profileRemoveVerb } from "./profile/remove.ts";
import { taskCancelVerb } from "./task/cancel.ts";
import { taskDeleteVerb } from "./task/delete.ts";
import { taskGetVerb } from "./task/get.ts";
import { taskRunVerb } from "./task/run.ts";
import { taskStartVerb } from "./task/start.ts";

/** The program `cordon`: every noun and verb that can be typed. */
export function createCordon(terminal: Terminal, services: Services): Program {
  const program = createProgram({
    name: "cordon",
    description: "Orders a Central Node to isolate hosts, stop files from running and run programs.",
    version: packageJson.version,
    examples: [
      ["cordon connect https://central.example.com", "once: become known"],
      ["cordon host list"],
      ["cordon host isolate host4 --for 2h"],
      ["cordon task run host4 --wait -- uptime -p"],
    ],
    globalFlags: (command) =>
      command.option("--profile <name>", "which Central Node (default: CORDON_PROFILE, or else `default`)"),
    terminal,
  });
  const withClient = <Options>(verb: ClientVerb<Options>) => clientVerb(verb, services);

  program.verb(connectVerb(services));

  const host = program.noun("host", "the machines that have an agent");
  host.verb(withClient(hostListVerb));
  host.verb(withClient(hostIsolateVerb));
  host.verb(withClient(hostReleaseVerb));

  const prevention = program.noun("prevention", "files that must not run, on one host or on all");
  prevention.verb(withClient(preventionGetVerb));
  prevention.verb(withClient(preventionSetVerb));
  prevention.verb(withClient(preventionAddVerb));
  prevention.verb(withClient(preventionRemoveVerb));
  prevention.verb(withClient(preventionClearVerb));

  const task = program.noun("task", "programs to run on hosts");
  task.verb(withClient(taskRunVerb));
  task.verb(withClient(taskGetVerb));
  task.verb(withClient(taskStartVerb));
  task.verb(withClient(taskCancelVerb));
  task.verb(withClient(taskDeleteVerb));

  const profile = program.noun("profile", "the Central Nodes that this command line is known to");
  profile.verb(profileListVerb(services));
  profile.verb(profileRemoveVerb(services));

  return program;
}
