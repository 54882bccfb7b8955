import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { isAbsolute, resolve } from "node:path";
import { maxBodyBytes as defaultMaxBodyBytes, describeFault, findFault } from "@cordon/contract";
import { failure } from "@cordon/terminal";
import { type Static, type TSchema, Type } from "typebox";

export type ListenAddress = { host: string; port: number };

export type CentralNodeConfig = {
  dataDir: string;
  api: ListenAddress;
  console: ListenAddress;
  /** `asked`: somebody named this address, so another one must not be taken in its place. */
  metrics: ListenAddress & { asked: boolean };
  /** PostgreSQL's connection string; null: the SQLite file in the data directory. */
  database: string | null;
  serverNames: string[];
  serverCertificateFile: string | null;
  serverKeyFile: string | null;
  logLevel: Settings["logLevel"];
  limits: Limits;
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
  | "newConnectionsPerSec"
>;

const address = "^(\\*|\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+):[0-9]{1,5}$";
const addressRule = { pattern: address, rule: "must be HOST:PORT, [IPv6]:PORT or *:PORT" };
const positive = { minimum: 1, maximum: 1_000_000_000 };

/**
 * Every key of the configuration file. The environment variable of a key is CORDON_ and the key in capitals
 * (dataDir: CORDON_DATA_DIR); lists are separated by commas there.
 */
export const settingsSchema = Type.Object(
  {
    dataDir: Type.String({
      flag: "--data-dir <folder>",
      description: "where the node keeps its keys, its socket and its database",
      default: "/var/lib/cordon",
      minLength: 1,
    }),
    api: Type.String({
      ...addressRule,
      flag: "--api <host:port>",
      description: "where external systems and agents connect; * is every address, port 0 a free one",
      default: "*:443",
    }),
    console: Type.String({
      ...addressRule,
      flag: "--console <host:port>",
      description: "where browsers connect",
      default: "*:8443",
    }),
    metrics: Type.String({
      ...addressRule,
      flag: "--metrics <host:port>",
      description: "where Prometheus reads metrics, without TLS and without a password",
      default: "127.0.0.1:9464",
    }),
    database: Type.Optional(
      Type.String({
        flag: "--database <url>",
        pattern: "^postgres(ql)?://",
        rule: "must begin with postgres://",
        description: "a PostgreSQL database instead of the SQLite file in the data directory",
      }),
    ),
    serverNames: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      flag: "--server-name <names...>",
      description: "further host names and addresses that the node's own certificate is to carry",
      maxItems: 100,
      default: [],
    }),
    serverCertificateFile: Type.Optional(
      Type.String({
        flag: "--server-certificate <file>",
        description: "a certificate of your own with its chain, PEM, shown to external systems and browsers",
      }),
    ),
    serverKeyFile: Type.Optional(
      Type.String({ flag: "--server-key <file>", description: "the private key of that certificate, PEM" }),
    ),
    logLevel: Type.Enum(["fatal", "error", "warn", "info", "debug", "trace"], {
      flag: "--log-level <level>",
      description: "how much goes to the log on stderr",
      default: "info",
    }),
    pendingExternalSystems: Type.Integer({
      ...positive,
      flag: "--pending-external-systems <count>",
      description: "external systems that may wait for a decision, in all",
      default: 100,
    }),
    pendingPerAddress: Type.Integer({
      ...positive,
      flag: "--pending-per-address <count>",
      description: "external systems that may wait for a decision, from one address",
      default: 10,
    }),
    pendingDays: Type.Number({
      minimum: 0.01,
      maximum: 3650,
      flag: "--pending-days <days>",
      description: "how long an external system may wait for a decision before it is forgotten",
      default: 7,
    }),
    maxBodyBytes: Type.Integer({
      minimum: 1024,
      maximum: 256 * 1024 * 1024,
      flag: "--max-body-bytes <bytes>",
      description: "the longest request body",
      default: defaultMaxBodyBytes,
    }),
    maxHashesPerScope: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      flag: "--max-hashes-per-scope <count>",
      description: "file hashes in the prevention rule of one host, or of all hosts",
      default: 100_000,
    }),
    taskDeliveryDays: Type.Number({
      minimum: 0.0001,
      maximum: 3650,
      flag: "--task-delivery-days <days>",
      description: "how long a task waits for its host before it fails",
      default: 7,
    }),
    agentHeartbeatSec: Type.Number({
      minimum: 0.01,
      maximum: 3600,
      flag: "--agent-heartbeat-sec <seconds>",
      description: "how often an agent shows that its connection lives",
      default: 15,
    }),
    newConnectionsPerSec: Type.Integer({
      ...positive,
      flag: "--new-connections-per-sec <count>",
      description: "new agent connections taken per second; the others are asked to come back later",
      default: 200,
    }),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof settingsSchema>;
type Key = keyof Settings;
type AnnotatedSchema = TSchema & {
  flag: string;
  description: string;
  type?: string;
  default?: unknown;
  enum?: string[];
};

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
  flags: Partial<Record<Key, string | string[]>>;
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
  const { pendingExternalSystems, pendingPerAddress, pendingDays, maxBodyBytes } = settings;
  const { maxHashesPerScope, taskDeliveryDays, agentHeartbeatSec, newConnectionsPerSec } = settings;
  return {
    dataDir: resolve(settings.dataDir),
    api: readListenAddress(settings.api),
    console: readListenAddress(settings.console),
    metrics: { ...readListenAddress(settings.metrics), asked: named.metrics !== undefined },
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
      newConnectionsPerSec,
    },
  };
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

/** Texts become what the schema of their key wants; what is no number stays text, for the schema to refuse. */
function readTexts(textOf: (key: Key) => string | string[] | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const key of settingKeys) {
    const text = textOf(key);
    if (text === undefined || text === "") continue;
    const type = schemaOf(key).type;
    if (type === "array") found[key] = typeof text === "string" ? text.split(",").map((part) => part.trim()) : text;
    else if (type === "integer" || type === "number") found[key] = /^[0-9.]+$/.test(String(text)) ? Number(text) : text;
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
