/** What the agent tells the program that started it as a service: systemd, by the protocol of sd_notify(3). */
import { openUnixDatagrams } from "@cordon/response-actions/enforcers";
import type { Logger } from "../log.ts";

export type ServiceManager = {
  /** The agent runs, and is well: to be said again and again, with a line for people. */
  well(status: string): void;
  stopping(): void;
};

/** Nobody is told anything where `notifySocket` is null: the agent was not started as a service. */
export async function createServiceManager({
  notifySocket,
  log,
}: {
  notifySocket: string | null;
  log: Logger;
}): Promise<ServiceManager> {
  if (notifySocket === null) return { well() {}, stopping() {} };
  const datagrams = await openUnixDatagrams(notifySocket);
  const tell = (...lines: string[]) => {
    const errno = datagrams.send(lines.join("\n"));
    if (errno !== null) log.warn({ errno, lines }, "the service manager could not be told");
  };
  return {
    // Ready is said each time: once alone could be lost, and the service would be taken for one that never started.
    well: (status) => tell("READY=1", "WATCHDOG=1", `STATUS=${status.replaceAll(/\s+/g, " ")}`),
    stopping: () => tell("STOPPING=1", "STATUS=stopping"),
  };
}
