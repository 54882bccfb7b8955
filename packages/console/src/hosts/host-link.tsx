import { Link } from "@tanstack/react-router";
import type { NamedHost } from "./named-host.ts";

/** A host's name is whatever the host says: only ever text. */
export function HostLink({ host }: { host: NamedHost }) {
  return (
    <Link to="/hosts/$sensorId" params={{ sensorId: host.sensorId }} title={host.hostName}>
      {host.hostName === "" ? host.sensorId : host.hostName}
    </Link>
  );
}
