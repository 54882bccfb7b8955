import { Problem } from "@cordon/contract";
import * as oidc from "openid-client";
import type { Logger } from "pino";
import type { Identity } from "./external-sign-in.ts";
import type { UserRole } from "./user-service.ts";

export type IdentityProviderConfig = {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** What the button says. */
  label: string;
  /** The claim that holds one role, or a list of them. */
  roleClaim: string;
  /** The first whose value is in the claim counts. */
  roles: { value: string; role: UserRole }[];
};
export type IdentityProvider = ReturnType<typeof createIdentityProvider>;

/** What the browser keeps between leaving for the provider and coming back. */
export type OidcFlow = { state: string; nonce: string; verifier: string };

const answerWithinSec = 10;

/** Sign-in at an OpenID Connect provider: authorization code flow with PKCE, state and nonce. */
export function createIdentityProvider({ config, log }: { config: IdentityProviderConfig; log: Pick<Logger, "warn"> }) {
  let discovered: Promise<oidc.Configuration> | null = null;

  /** Asked for when first needed: a provider that is down must not keep the Central Node from starting. */
  function discover(): Promise<oidc.Configuration> {
    const issuer = new URL(config.issuer);
    discovered ??= oidc
      .discovery(issuer, config.clientId, undefined, oidc.ClientSecretBasic(config.clientSecret), {
        timeout: answerWithinSec,
        // The configuration lets that through for this very machine only.
        ...(issuer.protocol === "http:" ? { execute: [oidc.allowInsecureRequests] } : {}),
      })
      .catch((error) => {
        discovered = null;
        throw error;
      });
    return discovered;
  }

  async function orRefused<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem) throw error;
      log.warn({ err: error, issuer: config.issuer }, `could not ${what}`);
      throw new Problem("UNAUTHORIZED", {
        message: `${config.label} did not sign you in: try again; the Central Node's log says why`,
      });
    }
  }

  function roleOf(claims: Record<string, unknown>): UserRole {
    const claim = claims[config.roleClaim];
    const values = (Array.isArray(claim) ? claim : [claim]).map(String);
    const found = config.roles.find(({ value }) => values.includes(value));
    if (found !== undefined) return found.role;
    throw new Problem("FORBIDDEN", {
      message: `${config.label} gives you no role here: ask an administrator to put you into a group that has one`,
      subject: `${config.issuer} ${String(claims.sub)}`,
    });
  }

  return {
    label: config.label,

    /** Where to send the browser, and what it must bring back. */
    start: (redirectUri: string): Promise<{ url: URL; flow: OidcFlow }> =>
      orRefused("reach the identity provider", async () => {
        const provider = await discover();
        const flow = {
          state: oidc.randomState(),
          nonce: oidc.randomNonce(),
          verifier: oidc.randomPKCECodeVerifier(),
        };
        const url = oidc.buildAuthorizationUrl(provider, {
          redirect_uri: redirectUri,
          scope: "openid profile email",
          code_challenge: await oidc.calculatePKCECodeChallenge(flow.verifier),
          code_challenge_method: "S256",
          state: flow.state,
          nonce: flow.nonce,
        });
        return { url, flow };
      }),

    /**
     * Who came back, by the address that the browser was sent to. Throws UNAUTHORIZED for an answer that is not one to `flow`,
     * FORBIDDEN where no role is mapped.
     */
    finish: (currentUrl: URL, { state, nonce, verifier }: OidcFlow): Promise<Identity> =>
      orRefused("take the identity provider's answer", async () => {
        const provider = await discover();
        const tokens = await oidc.authorizationCodeGrant(provider, currentUrl, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        let claims: Record<string, unknown> & { sub: string } = tokens.claims() ?? { sub: "" };
        const isEnough = claims[config.roleClaim] !== undefined && claims.preferred_username !== undefined;
        if (!isEnough && provider.serverMetadata().userinfo_endpoint !== undefined) {
          claims = { ...(await oidc.fetchUserInfo(provider, tokens.access_token, claims.sub)), ...claims };
        }
        const { preferred_username: name, email, sub } = claims;
        const names = [name, email, `${String(name)}@${new URL(config.issuer).hostname}`, sub];
        return {
          subject: `${config.issuer} ${sub}`,
          names: names.filter((text) => typeof text === "string"),
          role: roleOf(claims),
        };
      }),
  };
}
