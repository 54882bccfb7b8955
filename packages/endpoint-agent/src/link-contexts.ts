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

/** So often a session is offered again that got no answer at all. */
const maxUnanswered = 3;

function createLinkContext(secureContext: SecureContext): LinkContext {
  let newest: Buffer | null = null;
  let unanswered = 0;

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
        if (shookHands) {
          unanswered = 0;
          return;
        }
        // Nothing was said against it where nothing was said: it waited in line in vain, as all do in a storm, and should
        // not cost a whole handshake when its turn comes. Whatever else was wrong, the next attempt is one.
        unanswered += 1;
        if (connection.bytesRead > 0 || unanswered > maxUnanswered) newest = null;
      });
      return connection;
    },
  };
}
