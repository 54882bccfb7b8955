import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Who is at the other end of a request's connection. */
export type Peer = {
  /** The client certificate as presented: nothing about it is verified but that the peer has its key. */
  certificate: X509Certificate | null;
  /** IPv4 addresses in dotted form, also on a dual-stack listener. */
  address: string;
};

/** A certificate is parsed once for a connection, not for each request. */
const peers = new WeakMap<object, Peer>();

export function peerOf(request: IncomingMessage): Peer {
  const { socket } = request;
  let peer = peers.get(socket);
  if (peer === undefined) {
    peer = {
      certificate: certificateOf(socket),
      address: (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, ""),
    };
    peers.set(socket, peer);
  }
  return peer;
}

/** As `Peer` has it, read from the connection; null too once that has ended. */
export function certificateOf(socket: Socket): X509Certificate | null {
  return socket instanceof TLSSocket ? (socket.getPeerX509Certificate() ?? null) : null;
}

/** Ends the remembering for a connection that makes no more requests, of which there may be many thousands. */
export function forgetPeer({ socket }: IncomingMessage): void {
  peers.delete(socket);
}
