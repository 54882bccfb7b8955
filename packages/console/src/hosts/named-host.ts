/** What an order needs to know of a host: its ID for the Central Node, its name for the person. */
export type NamedHost = { sensorId: string; hostName: string };

/** For texts that name one host and count several: `{ count, name, formatted }`. */
export function namesOf(hosts: readonly NamedHost[]): { count: number; name: string; formatted: string } {
  const [first] = hosts;
  return { count: hosts.length, name: first?.hostName ?? "", formatted: hosts.length.toLocaleString() };
}
