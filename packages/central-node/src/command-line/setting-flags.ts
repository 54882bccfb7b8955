import { type Command, Option } from "commander";
import { environmentNameOf, type GivenSettings, schemaOf, settingKeys } from "../config.ts";

/** A flag for each key of the configuration, and the configuration file's own. */
export function settingFlags(command: Command): void {
  command.option("--config <file>", "a JSON file with these settings (CORDON_CONFIG)");
  for (const key of settingKeys) {
    const { flag, description, default: preset, enum: choices } = schemaOf(key);
    const shown = preset === undefined || String(preset) === "" ? "" : `; default ${preset}`;
    const option = new Option(flag, `${description} (${environmentNameOf(key)}${shown})`);
    command.addOption(choices === undefined ? option : option.choices(choices));
  }
}

/** What was given on the command line, by key of the configuration. */
export function givenSettings(flags: Record<string, unknown>): GivenSettings {
  const given: GivenSettings = {};
  for (const key of settingKeys) {
    const value = flags[new Option(schemaOf(key).flag).attributeName()];
    // Commander gives a text for a flag with one value, a list for one with several, true for one without.
    if (value !== undefined) given[key] = value as string | string[] | true;
  }
  return given;
}
