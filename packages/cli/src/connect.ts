import { readFile } from "node:fs/promises";
import { type ExitCode, exitCodes, failure, isFailure, keyValues, type Output, type Verb } from "@cordon/terminal";
import { addressOf, profileNameOf, type Services } from "./client-verb.ts";
import { parseTimeoutFlag } from "./duration.ts";
import { createIdentity, fingerprintOf } from "./identity.ts";
import { createRequests, isConnectionError, unreachable } from "./pinned-requests.ts";
import type { Profile } from "./profile/profile-store.ts";
import { acceptCommand, createResponseApiClient, type ResponseApiClient } from "./response-api-client.ts";
import { choosePin, parseFingerprint, readPresentedChain } from "./server-trust.ts";

export type ConnectOptions = {
  server: string;
  profileName: string;
  wait: boolean;
  timeoutMs: number;
  /** What to pin from the start, or null: trust what the server shows at first. */
  trust: { fingerprint: string } | { caFile: string } | null;
  trustNewCertificate: boolean;
};

const pollMs = 2000;

export const connectVerb = (services: Services): Verb<ConnectOptions> => ({
  words: "connect <url>",
  summary: "make this command line known to a Central Node",
  description: [
    "Makes an ID and a certificate, asks the Central Node for admission, shows what its administrator",
    "compares and types, and waits until that is done. Run again, it goes on with the same identity.",
    "",
    "The server's certificate is trusted on first use and pinned: the topmost one that the server shows, so",
    "that it may renew its own. Compare the fingerprint, or give --fingerprint or --ca to pin from the start.",
  ].join("\n"),
  examples: [
    ["cordon connect https://central.example.com"],
    ["cordon connect https://10.0.0.5:8443 --profile lab --no-wait"],
    ["cordon connect https://central.example.com --ca ca.pem"],
  ],
  flags: (command) =>
    command
      .option("--no-wait", "do not wait for the administrator (exit code 4 until accepted)")
      .option("--timeout <duration>", "how long to wait", "15m")
      .option("--fingerprint <sha256>", "trust just the certificate of the server's chain with this SHA-256")
      .option("--ca <file>", "trust just the certificate in this PEM file, and what it signed")
      .option("--trust-new-certificate", "pin what the server shows now in place of what was pinned"),
  parse: ([url], flags) => parseConnect(String(url), flags, services.defaultProfileName),
  act: (options, output) => connect(options, services, output),
});

function parseConnect(url: string, flags: Record<string, unknown>, defaultProfileName: string): ConnectOptions {
  const { fingerprint, ca } = flags;
  if (fingerprint !== undefined && ca !== undefined) throw failure("USAGE", "give --fingerprint or --ca, not both");
  return {
    server: parseServer(url),
    profileName: profileNameOf(flags) ?? defaultProfileName,
    wait: flags.wait !== false,
    timeoutMs: parseTimeoutFlag(flags.timeout),
    trust: typeof fingerprint === "string" ? { fingerprint: checkedFingerprint(fingerprint) } : caTrust(ca),
    trustNewCertificate: flags.trustNewCertificate === true,
  };
}

async function connect(options: ConnectOptions, services: Services, output: Output): Promise<ExitCode> {
  const { profiles, clock } = services;
  const known = await profiles.read(options.profileName);
  // One that was never in contact is known to nobody yet: it may turn to another address.
  if (known !== null && known.pin !== null && known.server !== options.server) {
    throw failure("USAGE", `profile "${options.profileName}" is for ${known.server}`, {
      advice: "Choose another name with --profile, or remove it: cordon profile remove NAME",
    });
  }
  const identity = known ?? { version: 1 as const, ...(await createIdentity(clock.nowMs())), pin: null };
  const fresh: Profile = { ...identity, server: options.server };
  // Before the first knock: an administrator must never accept an identity that this side has lost.
  if (known?.server !== fresh.server) await profiles.write(options.profileName, fresh);

  const pin = await pinFor(fresh, options);
  const profile = { ...fresh, pin };
  if (pin !== fresh.pin) {
    await profiles.write(options.profileName, profile);
    output.note(`Trusting from now on the server's certificate ${fingerprintOf(pin)}`);
  }

  const { externalSystemId, certificate: cert, privateKey: key } = profile;
  const requests = createRequests({ address: addressOf(profile.server), pin, client: { cert, key }, clock });
  const client = createResponseApiClient({ requests, externalSystemId });
  try {
    if (!(await isAccepted(client))) {
      output.note(`External system: ${externalSystemId}`);
      output.note(`Fingerprint:     ${fingerprintOf(cert)}`);
      output.note(`To accept it, an administrator compares the fingerprint and runs on the Central Node:`);
      output.note(`  ${acceptCommand(externalSystemId)}`);
      await waitUntilAccepted(client, options, services, output);
    }
  } finally {
    client.close();
  }
  const answer = {
    profile: options.profileName,
    server: profile.server,
    externalSystemId,
    fingerprint: fingerprintOf(cert),
    serverFingerprint: fingerprintOf(pin),
    accepted: true,
  };
  output.answer(answer, () =>
    keyValues([
      ["connected to", profile.server],
      ["profile", options.profileName],
      ["external system", externalSystemId],
      ["fingerprint", answer.fingerprint],
      ["server trusted by", answer.serverFingerprint],
    ]),
  );
  return exitCodes.done;
}

async function pinFor(profile: Profile, { trust, trustNewCertificate }: ConnectOptions): Promise<string> {
  if (trust !== null && "caFile" in trust) return readCertificate(trust.caFile);
  if (profile.pin !== null && trust === null && !trustNewCertificate) return profile.pin;
  const address = addressOf(profile.server);
  try {
    return choosePin(await readPresentedChain(address), address, trust?.fingerprint);
  } catch (error) {
    throw isConnectionError(error) ? unreachable(error, address) : error;
  }
}

async function waitUntilAccepted(
  client: ResponseApiClient,
  { wait, timeoutMs }: ConnectOptions,
  { clock }: Services,
  output: Output,
): Promise<void> {
  const advice = "Run the same command again once it is accepted; the identity stays.";
  if (!wait) throw failure("UNAUTHORIZED", "not accepted yet", { advice });
  const deadlineMs = clock.nowMs() + timeoutMs;
  const progress = output.progress("waiting to be accepted");
  try {
    while (clock.nowMs() < deadlineMs) {
      await clock.delay(pollMs);
      if (await isAccepted(client)) return;
    }
  } finally {
    progress.end();
  }
  throw failure("TIMED_OUT", "not accepted in time", { advice });
}

async function isAccepted(client: ResponseApiClient): Promise<boolean> {
  try {
    await client.listHosts();
    return true;
  } catch (error) {
    if (isFailure(error) && error.failureCode === "UNAUTHORIZED") return false;
    throw error;
  }
}

function parseServer(text: string): string {
  const example = "one looks like https://central.example.com:443";
  if (!URL.canParse(text)) throw failure("USAGE", `"${text}" is not an address: ${example}`);
  const url = new URL(text);
  if (url.protocol !== "https:") throw failure("USAGE", `the address must start with https://: ${example}`);
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw failure("USAGE", `the address must be host and port alone: ${example}`);
  }
  return url.origin;
}

function checkedFingerprint(text: string): string {
  const fingerprint = parseFingerprint(text);
  if (fingerprint === null) throw failure("USAGE", `--fingerprint must be a SHA-256: 64 hex digits, not "${text}"`);
  return fingerprint;
}

function caTrust(ca: unknown): { caFile: string } | null {
  return typeof ca === "string" ? { caFile: ca } : null;
}

async function readCertificate(path: string): Promise<string> {
  const pem = await readFile(path, "utf8");
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const [only] = certificates;
  if (only === undefined || certificates.length > 1) {
    throw failure("USAGE", `${path} must hold just one certificate in PEM; it holds ${certificates.length}`);
  }
  return `${only}\n`;
}
