import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";

/** PEM. */
export type LinkIdentity = { key: string; certificate: string; authorities: string };

export type LinkContext = {
  secureContext: SecureContext;
  /**
   * Resumes the session of the newest connection, which is kept in memory alone: a Central Node that all come back to has half
   * the work.
   */
  connect(to: ConnectionOptions): TLSSocket;
};

/**
 * What the links of one agent prove themselves with: parsed once for each identity, and not at each of its attempts. A session
 * goes with the identity that it began with, so that another certificate, or other authorities, are always looked at.
 */
export function createLinkContexts(): (identity: LinkIdentity) => LinkContext {
  let used: { identity: string; context: LinkContext } | null = null;

  return ({ key, certificate, authorities }) => {
    const identity = JSON.stringify([certificate, authorities]);
    if (used?.identity !== identity) {
      const secureContext = createSecureContext({ key, cert: certificate, ca: authorities, minVersion: "TLSv1.2" });
      used = { identity, context: createLinkContext(secureContext) };
    }
    return used.context;
  };
}

function createLinkContext(secureContext: SecureContext): LinkContext {
  let newest: Buffer | null = null;

  return {
    secureContext,
    connect(to) {
      const connection = connect({ ...to, ...(newest === null ? {} : { session: newest }) });
      let shookHands = false;
      connection.once("secureConnect", () => {
        shookHands = true;
      });
      connection.on("session", (session) => {
        newest = session;
      });
      connection.once("close", () => {
        // Whatever was wrong: the next attempt is a whole handshake.
        if (!shookHands) newest = null;
      });
      return connection;
    },
  };
}
