import { type ExitCode, failure, type Output, type Verb } from "@cordon/terminal";
import type { Clock } from "./clock.ts";
import { createRequests } from "./pinned-requests.ts";
import type { ProfileStore } from "./profile/profile-store.ts";
import { createResponseApiClient, type ResponseApiClient } from "./response-api-client.ts";

/** What commands work with. */
export type Services = { profiles: ProfileStore; defaultProfileName: string; clock: Clock };

/** Where a verb that talks to the server acts. */
export type Scene = { client: ResponseApiClient; output: Output; clock: Clock };

export type ClientVerb<Options> = Omit<Verb<Options>, "act"> & {
  act(options: Options, scene: Scene): Promise<ExitCode>;
};

/** A verb that opens the profile's connection before it acts and closes it afterwards, whatever happens. */
export function clientVerb<Options>(
  verb: ClientVerb<Options>,
  { profiles, defaultProfileName, clock }: Services,
): Verb<{ options: Options; profileName: string }> {
  return {
    ...verb,
    parse: (words, flags) => ({
      options: verb.parse(words, flags),
      profileName: profileNameOf(flags) ?? defaultProfileName,
    }),
    async act({ options, profileName }, output) {
      const profile = await profiles.read(profileName);
      if (profile === null || profile.pin === null) {
        throw failure("USAGE", `there is no profile "${profileName}" yet`, {
          advice: `Make one: cordon connect https://HOST:PORT${profileName === "default" ? "" : ` --profile ${profileName}`}`,
        });
      }
      const { externalSystemId, certificate: cert, privateKey: key, pin } = profile;
      const requests = createRequests({ address: addressOf(profile.server), pin, client: { cert, key }, clock });
      const client = createResponseApiClient({ requests, externalSystemId });
      try {
        return await verb.act(options, { client, output, clock });
      } finally {
        client.close();
      }
    },
  };
}

export function profileNameOf(flags: Record<string, unknown>): string | undefined {
  return typeof flags.profile === "string" ? flags.profile : undefined;
}

/** Of an origin that was checked when the profile was made. */
export function addressOf(server: string): { host: string; port: number } {
  const url = new URL(server);
  // URLs put IPv6 addresses in brackets; sockets take them without.
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: url.port === "" ? 443 : Number(url.port) };
}
