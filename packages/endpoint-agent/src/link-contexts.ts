import { createSecureContext, type SecureContext } from "node:tls";

/** PEM. */
export type LinkIdentity = { key: string; certificate: string; authorities: string };

/** What the links of one agent prove themselves with: parsed once for each identity, and not at each of its attempts. */
export function createLinkContexts(): (identity: LinkIdentity) => SecureContext {
  let used: { identity: string; context: SecureContext } | null = null;

  return ({ key, certificate, authorities }) => {
    const identity = JSON.stringify([certificate, authorities]);
    if (used?.identity !== identity) {
      used = {
        identity,
        context: createSecureContext({ key, cert: certificate, ca: authorities, minVersion: "TLSv1.2" }),
      };
    }
    return used.context;
  };
}
