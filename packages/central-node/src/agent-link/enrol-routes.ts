import { type EnrolReply, EnrolRequest, enrolPath, parse } from "@cordon/contract";
import type { FastifyInstance } from "fastify";
import { peerOf } from "../http/peer.ts";

/** The one agent route without a client certificate: the join token is what opens it. */
export function enrolRoutes(
  app: FastifyInstance,
  enrol: (request: EnrolRequest, address: string) => Promise<EnrolReply>,
): void {
  app.post(enrolPath, (request) => enrol(parse(EnrolRequest, request.body), peerOf(request.raw).address));
}
