/** Who did something, as audit and orders keep it. */
export type Actor = {
  kind: "external-system" | "user" | "agent" | "local-administrator" | "central-node";
  /** External system ID, user name, sensor ID, or the local account's name. */
  id: string;
  /** Peer address; null where there is none. */
  address: string | null;
  /** SHA-256 of the client certificate; null where there is none. */
  fingerprint: string | null;
};

export function describeActor(actor: Actor): string {
  return `${actor.kind}:${actor.id}`;
}
