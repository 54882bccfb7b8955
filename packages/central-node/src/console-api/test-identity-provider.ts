/** A real OpenID Connect provider on this machine, and a browser that goes through it. For tests only. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import Provider from "oidc-provider";
import type { IdentityProviderConfig } from "../users/identity-provider.ts";

/** Whom the provider takes the browser for, and what it says of that person. */
export type Person = { sub: string } & Record<string, unknown>;

export const consoleOrigin = "https://console.example";
const clientSecret = "the secret that only the two know";

export async function startIdentityProvider(t: TestContext) {
  let person: Person = { sub: "nobody" };
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  t.after(() => server.closeAllConnections());
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "cordon",
        client_secret: clientSecret,
        redirect_uris: [`${consoleOrigin}/api/v1/oidc/callback`],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"], email: ["email"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ ...person, sub }) }),
    async loadExistingGrant(ctx) {
      const { client, session, provider: own } = ctx.oidc;
      const grant = new own.Grant({ clientId: client?.clientId ?? "", accountId: session?.accountId ?? "" });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
    cookies: { keys: ["a key of the test"] },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (request.url?.startsWith("/interaction/")) {
      // Somebody typed the right password there.
      void provider.interactionFinished(request, response, { login: { accountId: person.sub } });
    } else void answer(request, response);
  });

  return {
    config: {
      issuer,
      clientId: "cordon",
      clientSecret,
      label: "Example",
      roleClaim: "groups",
      roles: [
        { value: "cordon-admins", role: "administrator" },
        { value: "soc-seniors", role: "senior-security-officer" },
        { value: "soc", role: "security-officer" },
      ],
    } satisfies IdentityProviderConfig,
    become(next: Person): void {
      person = next;
    },
    /** Follows the provider's redirects, as a browser without an earlier session there. Returns the path back at the console. */
    async goThrough(location: string): Promise<string> {
      const cookies = new Map<string, string>();
      let url = new URL(location);
      while (url.origin !== consoleOrigin) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const reply = await fetch(url, { redirect: "manual", headers: { cookie } });
        for (const line of reply.headers.getSetCookie()) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        const next = reply.headers.get("location");
        if (next === null) throw new Error(`${url.href} answered ${reply.status}: ${await reply.text()}`);
        url = new URL(next, url);
      }
      return url.pathname + url.search;
    },
  };
}
