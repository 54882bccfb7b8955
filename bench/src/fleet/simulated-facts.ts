/** What a simulated host says of itself when it enrols. `number` counts the hosts of a fleet from 0. */
export function simulatedFacts(number: number, address = "127.0.0.1") {
  return {
    hostName: hostNameOf(number),
    ipAddresses: [address],
    osFamily: "linux" as const,
    osName: "simulated",
    agentVersion: "0.1.0",
    capabilities: [],
  };
}

export const hostNameOf = (number: number) => `simulated-${String(number).padStart(6, "0")}`;
