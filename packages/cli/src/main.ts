#!/usr/bin/env node
import { createTerminal } from "@cordon/terminal";
import { systemClock } from "./clock.ts";
import { readConfig } from "./config.ts";
import { createCordon } from "./cordon.ts";
import { createProfileStore } from "./profile/profile-store.ts";

const { stdin, stdout, stderr, env } = process;
const { profilesDirectory, defaultProfileName } = readConfig(env);
const terminal = createTerminal({ stdin, stdout, stderr, environment: env });
const profiles = createProfileStore(profilesDirectory);

const cordon = createCordon(terminal, { profiles, defaultProfileName, clock: systemClock });
// Not process.exit: a pipe that is still being read would lose the end of the answer.
process.exitCode = await cordon.run(process.argv.slice(2));
