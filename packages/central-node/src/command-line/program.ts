import { createProgram, type Environment, type Program, type Terminal } from "@cordon/terminal";
import { readConfig } from "../config.ts";
import { version } from "../version.ts";
import { createAdminClient } from "./admin-client.ts";
import { addAuditCommands } from "./audit-commands.ts";
import { addDatabaseCommands } from "./database-commands.ts";
import { addExternalSystemCommands } from "./external-system-commands.ts";
import { addHostCommands } from "./host-commands.ts";
import { addJoinTokenCommands } from "./join-token-commands.ts";
import { addNodeCommands } from "./node-commands.ts";
import { addPreventionCommands } from "./prevention-commands.ts";
import { givenSettings } from "./setting-flags.ts";
import { addStartCommand } from "./start-command.ts";
import { addUserCommands } from "./user-commands.ts";

/** `account`: the name of the local account that runs this, for the audit log. */
export function createServerProgram(needs: {
  terminal: Terminal;
  environment: Environment;
  account: string;
  now: () => Date;
}): Program {
  const { terminal, environment, account, now } = needs;
  const program = createProgram({
    name: "cordon-server",
    description: "Runs and administers a Central Node of Cordon.",
    version,
    examples: [
      ["cordon-server start --data-dir /var/lib/cordon"],
      ["cordon-server external-system list"],
      ["cordon-server join-token create --ttl 1h", "then on the host: cordon-agent enroll"],
      ["cordon-server doctor"],
    ],
    terminal,
  });
  const configOf = (flags: Record<string, unknown>) =>
    readConfig({
      configFile: typeof flags.config === "string" ? flags.config : undefined,
      environment,
      flags: givenSettings(flags),
    });
  const clientOf = (flags: Record<string, unknown>) => createAdminClient({ dataDir: configOf(flags).dataDir, account });
  addStartCommand(program, { configOf, now });
  addNodeCommands(program, { clientOf, configOf, now });
  addDatabaseCommands(program, { environment, now });
  addExternalSystemCommands(program, { clientOf });
  addJoinTokenCommands(program, { clientOf });
  addHostCommands(program, { clientOf });
  addPreventionCommands(program, { clientOf });
  addUserCommands(program, { clientOf });
  addAuditCommands(program, { clientOf });
  return program;
}
