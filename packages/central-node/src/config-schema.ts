import { maxBodyBytes as defaultMaxBodyBytes } from "@cordon/contract";
import { consoleRoles } from "@cordon/contract/console-api";
import { Type } from "typebox";

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
    reusePort: Type.Boolean({
      flag: "--reuse-port",
      rule: "must be true or false",
      description: "share --api and --console with other nodes of this machine and account, on the same PostgreSQL",
      default: false,
    }),
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
    agentsConnectingAtOnce: Type.Integer({
      ...positive,
      flag: "--agents-connecting-at-once <count>",
      description:
        "agents between their handshake and their welcome at one moment, at the most: fewer where the machine cannot; the others wait in line",
      default: 512,
    }),
    agentsWaiting: Type.Integer({
      ...positive,
      flag: "--agents-waiting <count>",
      description: "agents that may wait in line to connect; the others are cut off, and come again by themselves",
      default: 25_000,
    }),
    sessionIdleHours: Type.Number({
      minimum: 0.01,
      maximum: 720,
      flag: "--session-idle-hours <hours>",
      description: "a session in the console that is not used for so long ends",
      default: 8,
    }),
    sessionHours: Type.Number({
      minimum: 0.01,
      maximum: 720,
      flag: "--session-hours <hours>",
      description: "a session in the console ends after so long, however much it is used",
      default: 24,
    }),
    consoleUrl: Type.Optional(
      Type.String({
        flag: "--console-url <url>",
        pattern: "^https://[^/?#]+/?$",
        rule: "must be https://NAME or https://NAME:PORT",
        description:
          "how browsers reach the console: for the setup link, and for coming back from an identity provider",
      }),
    ),
    consoleFiles: Type.Optional(
      Type.String({
        flag: "--console-files <folder>",
        description: "the console's page as it was built, where it is not beside the program",
      }),
    ),
    oidcIssuer: Type.Optional(
      Type.String({
        flag: "--oidc-issuer <url>",
        pattern: "^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])([:/]|$))",
        rule: "must begin with https:// (http:// only for this very machine)",
        description: "an OpenID Connect provider at which people may sign in to the console",
      }),
    ),
    oidcClientId: Type.Optional(
      Type.String({
        flag: "--oidc-client-id <id>",
        minLength: 1,
        description: "the client ID that it gave the console",
      }),
    ),
    oidcClientSecretFile: Type.Optional(
      Type.String({ flag: "--oidc-client-secret <file>", description: "a file with the client secret" }),
    ),
    oidcLabel: Type.String({
      flag: "--oidc-label <text>",
      minLength: 1,
      maxLength: 64,
      description: "what the button for signing in there says",
      default: "single sign-on",
    }),
    oidcRoleClaim: Type.String({
      flag: "--oidc-role-claim <claim>",
      minLength: 1,
      description: "the claim that holds a person's roles or groups",
      default: "groups",
    }),
    oidcRoles: Type.Array(
      Type.String({
        pattern: `^.+=(${consoleRoles.join("|")})$`,
        rule: `must be VALUE=ROLE, with one of the roles ${consoleRoles.join(", ")}`,
      }),
      {
        flag: "--oidc-roles <value=role...>",
        description:
          "which value of that claim gives which role; the first that fits counts, and who has none is refused",
        maxItems: 100,
        default: [],
      },
    ),
  },
  { additionalProperties: false },
);
