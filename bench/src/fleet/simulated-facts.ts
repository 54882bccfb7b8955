/** What a simulated host says of itself, when it enrols and at each hello. `towards`: its address on the way to the server. */
export function simulatedFacts(hostName: string, towards: string | null = null) {
  return {
    hostName,
    ipAddresses: [towards ?? "127.0.0.1"],
    osFamily: "linux" as const,
    osName: "simulated",
    agentVersion: "0.1.0",
    capabilities: [],
  };
}

/** `number` counts the hosts of a fleet from 0. */
export const hostNameOf = (number: number) => `simulated-${String(number).padStart(6, "0")}`;
