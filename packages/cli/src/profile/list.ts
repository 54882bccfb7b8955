import { exitCodes, table, type Verb } from "@cordon/terminal";
import type { Services } from "../client-verb.ts";
import { fingerprintOf } from "../identity.ts";

type ListedProfile = {
  name: string;
  isDefault: boolean;
  server: string;
  externalSystemId: string;
  fingerprint: string;
  serverFingerprint: string | null;
};

export const profileListVerb = ({ profiles, defaultProfileName }: Services): Verb<Record<never, never>> => ({
  words: "list",
  summary: "list the profiles: the Central Nodes that this command line is known to",
  examples: [["cordon profile list"]],
  parse: () => ({}),
  async act(_options, output) {
    const listed: ListedProfile[] = [];
    for (const name of await profiles.list()) {
      const profile = await profiles.read(name);
      if (profile === null) continue;
      const { server, externalSystemId, certificate, pin } = profile;
      listed.push({
        name,
        isDefault: name === defaultProfileName,
        server,
        externalSystemId,
        fingerprint: fingerprintOf(certificate),
        serverFingerprint: pin === null ? null : fingerprintOf(pin),
      });
    }
    output.answer({ profiles: listed }, () =>
      listed.length === 0
        ? "No profiles. Make one: cordon connect https://HOST:PORT\n"
        : table(
            ["profile", "server", "external system", "fingerprint"],
            listed.map(({ name, isDefault, server, externalSystemId, fingerprint }) => [
              isDefault ? `${name} (default)` : name,
              server,
              externalSystemId,
              fingerprint,
            ]),
          ),
    );
    return exitCodes.done;
  },
});
