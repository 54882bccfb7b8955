import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { describeFault, findFault } from "@cordon/contract";
import type { ConsoleRole } from "@cordon/contract/console-api";
import { failure } from "@cordon/terminal";
import type { Static, TSchema } from "typebox";
import { settingsSchema } from "./config-schema.ts";

export type ListenAddress = { host: string; port: number };

export type CentralNodeConfig = {
  dataDir: string;
  api: ListenAddress;
  console: ListenAddress;
  /** `asked`: somebody named this address, so another one must not be taken in its place. */
  metrics: ListenAddress & { asked: boolean };
  /** Others may listen at `api` and `console` too: the kernel gives each new connection to one of them. */
  reusePort: boolean;
  /** PostgreSQL's connection string; null: the SQLite file in the data directory. */
  database: string | null;
  serverNames: string[];
  serverCertificateFile: string | null;
  serverKeyFile: string | null;
  logLevel: Settings["logLevel"];
  limits: Limits;
  /** How browsers reach the console; null: nobody said so. */
  consoleUrl: string | null;
  /** The folder with the console's page, as it was built. */
  consoleFiles: string;
  /** Null: people sign in with a password only. */
  identityProvider: {
    issuer: string;
    clientId: string;
    clientSecretFile: string;
    label: string;
    roleClaim: string;
    roles: { value: string; role: ConsoleRole }[];
  } | null;
};

export type Limits = Pick<
  Settings,
  | "pendingExternalSystems"
  | "pendingPerAddress"
  | "pendingDays"
  | "maxBodyBytes"
  | "maxHashesPerScope"
  | "taskDeliveryDays"
  | "agentHeartbeatSec"
  | "agentsConnectingAtOnce"
  | "agentsWaiting"
  | "sessionIdleHours"
  | "sessionHours"
>;

/** In the workspace; a bundle that is shipped names its own. */
const builtConsole = join(import.meta.dirname, "..", "..", "console", "dist");

export type Settings = Static<typeof settingsSchema>;
type Key = keyof Settings;
type AnnotatedSchema = TSchema & {
  flag: string;
  description: string;
  type?: string;
  default?: unknown;
  enum?: string[];
};

/** Texts, as they come from outside; true is a flag that takes no value. */
export type GivenSettings = Partial<Record<Key, string | string[] | true>>;

export const settingKeys = Object.keys(settingsSchema.properties) as Key[];

export function schemaOf(key: Key): AnnotatedSchema {
  // Every property above carries a flag and a description.
  return settingsSchema.properties[key] as unknown as AnnotatedSchema;
}

export function environmentNameOf(key: string): string {
  return `CORDON_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * File < environment < flags. `flags` holds texts by key; absent ones were not given.
 * Throws a USAGE failure that names the key, its rule, and where the value came from.
 */
export function readConfig(given: {
  configFile: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  flags: GivenSettings;
}): CentralNodeConfig {
  const file = given.configFile ?? given.environment.CORDON_CONFIG;
  const fromFile = file === undefined ? {} : readSettingsFile(file);
  const fromEnvironment = readTexts((key) => given.environment[environmentNameOf(key)]);
  const fromFlags = readTexts((key) => given.flags[key]);
  check(fromFile, `in ${file}`);
  check(fromEnvironment, "from the environment", environmentNameOf);
  check(fromFlags, "on the command line", (key) => flagNameOf(key as Key));
  const named: Partial<Settings> = { ...fromFile, ...fromEnvironment, ...fromFlags };
  const defaults = Object.fromEntries(
    settingKeys.flatMap((key) => (schemaOf(key).default === undefined ? [] : [[key, schemaOf(key).default]])),
  );
  // Each part was checked against the schema, and defaults fill what is required.
  const settings = { ...defaults, ...named } as Settings;
  if ((settings.serverCertificateFile === undefined) !== (settings.serverKeyFile === undefined)) {
    throw failure("USAGE", "a server certificate needs its private key and the other way round", {
      advice: "Give both --server-certificate and --server-key.",
    });
  }
  if (settings.reusePort && settings.database === undefined) {
    throw failure("USAGE", "nodes that share their ports must share their database", {
      advice: "Give --database as well, the same to each of them, or leave --reuse-port out.",
    });
  }
  const { pendingExternalSystems, pendingPerAddress, pendingDays, maxBodyBytes } = settings;
  const { sessionIdleHours, sessionHours } = settings;
  const { maxHashesPerScope, taskDeliveryDays, agentHeartbeatSec } = settings;
  const { agentsConnectingAtOnce, agentsWaiting } = settings;
  return {
    dataDir: resolve(settings.dataDir),
    api: readListenAddress(settings.api),
    console: readListenAddress(settings.console),
    metrics: { ...readListenAddress(settings.metrics), asked: named.metrics !== undefined },
    reusePort: settings.reusePort,
    database: settings.database ?? null,
    serverNames: settings.serverNames,
    serverCertificateFile: absolute(settings.serverCertificateFile),
    serverKeyFile: absolute(settings.serverKeyFile),
    logLevel: settings.logLevel,
    limits: {
      pendingExternalSystems,
      pendingPerAddress,
      pendingDays,
      maxBodyBytes,
      maxHashesPerScope,
      taskDeliveryDays,
      agentHeartbeatSec,
      agentsConnectingAtOnce,
      agentsWaiting,
      sessionIdleHours,
      sessionHours,
    },
    consoleUrl: settings.consoleUrl ?? null,
    consoleFiles: absolute(settings.consoleFiles) ?? builtConsole,
    identityProvider: readIdentityProvider(settings),
  };
}

function readIdentityProvider(settings: Settings): CentralNodeConfig["identityProvider"] {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcLabel: label, oidcRoleClaim: roleClaim } = settings;
  const clientSecretFile = absolute(settings.oidcClientSecretFile);
  if (issuer === undefined && clientId === undefined && clientSecretFile === null) return null;
  if (issuer === undefined || clientId === undefined || clientSecretFile === null || settings.oidcRoles.length === 0) {
    throw failure(
      "USAGE",
      "an identity provider needs its issuer, a client ID, a client secret and a mapping of roles",
      {
        advice: "Give --oidc-issuer, --oidc-client-id, --oidc-client-secret and --oidc-roles, or none of them.",
      },
    );
  }
  const roles = settings.oidcRoles.map((text) => {
    const at = text.lastIndexOf("=");
    // The schema let only roles through.
    return { value: text.slice(0, at), role: text.slice(at + 1) as ConsoleRole };
  });
  return { issuer, clientId, clientSecretFile, label, roleClaim, roles };
}

/** For --print-config and logs: a database password does not show. */
export function withoutSecrets(config: CentralNodeConfig): CentralNodeConfig {
  return { ...config, database: config.database === null ? null : hidePassword(config.database) };
}

function hidePassword(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password !== "") parsed.password = "hidden";
    if (parsed.searchParams.has("password")) parsed.searchParams.set("password", "hidden");
    return parsed.href;
  } catch {
    // What cannot be taken apart may hold a password anywhere.
    return "postgres://hidden";
  }
}

function readSettingsFile(file: string): Record<string, unknown> {
  const advice = "It must be one JSON object; `cordon-server start --print-config` shows the keys.";
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw failure("USAGE", `cannot read the configuration file ${file}: ${(error as Error).message}`, { advice });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw failure("USAGE", `the configuration file ${file} is not a JSON object`, { advice });
  }
  return value as Record<string, unknown>;
}

/** Texts become what the schema of their key wants; what is no number, say, stays text, for the schema to refuse. */
function readTexts(textOf: (key: Key) => string | string[] | true | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const key of settingKeys) {
    const text = textOf(key);
    if (text === undefined || text === "") continue;
    const type = schemaOf(key).type;
    if (type === "array") found[key] = typeof text === "string" ? text.split(",").map((part) => part.trim()) : text;
    else if (type === "integer" || type === "number") found[key] = /^[0-9.]+$/.test(String(text)) ? Number(text) : text;
    else if (type === "boolean")
      found[key] = ({ true: true, false: false } as Record<string, unknown>)[String(text)] ?? text;
    else found[key] = text;
  }
  return found;
}

function check(settings: Record<string, unknown>, where: string, nameOf = (key: string) => key): void {
  for (const [key, value] of Object.entries(settings)) {
    if (!Object.hasOwn(settingsSchema.properties, key)) {
      throw failure("USAGE", `unknown setting ${JSON.stringify(key)} ${where}`, {
        advice: `Known are: ${settingKeys.join(", ")}`,
      });
    }
    const fault = findFault(schemaOf(key as Key), value);
    if (fault === null) continue;
    throw failure("USAGE", `${describeFault({ ...fault, path: [nameOf(key), ...fault.path] })} (${where})`);
  }
}

function flagNameOf(key: Key): string {
  return schemaOf(key).flag.split(" ")[0] ?? key;
}

function readListenAddress(text: string): ListenAddress {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(text.slice(colon + 1));
  if (port > 65535) throw failure("USAGE", `${text}: a port is at most 65535`);
  return { host: host === "*" ? everyAddress() : host, port };
}

/** `::` takes IPv4 too, but cannot be listened on where the kernel has IPv6 switched off. */
function everyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((found) => found?.family === "IPv6") ? "::" : "0.0.0.0";
}

function absolute(file: string | undefined): string | null {
  if (file === undefined) return null;
  return isAbsolute(file) ? file : resolve(file);
}
