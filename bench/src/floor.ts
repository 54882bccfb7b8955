/** Starts the programs of a floor: its bare server, and its clients in as many processes as a fleet of that size has. */
import { startProgram } from "../../system-tests/src/called-program.ts";
import { type Owner, thisMachine } from "../../system-tests/src/programs.ts";
import { hostsPerProcess } from "./fleet/fleet.ts";
import type { FloorCalls } from "./floor-program.ts";

const program = new URL("./floor-program.ts", import.meta.url).href;

export function startFloor(owner: Owner) {
  const floor = startProgram<FloorCalls>(thisMachine, program);
  owner.after(() => floor.kill());
  return floor;
}

/** A bare server of WebSockets, and so many clients that stay connected to it. `pem`: of key and certificate. */
export async function startFloorFleet(owner: Owner, { clients, pem }: { clients: number; pem: string }) {
  const server = startFloor(owner);
  const port = await server.ask("serve", { pem });
  const processes = Math.ceil(clients / hostsPerProcess);
  const before = await server.ask("cost", undefined);
  await Promise.all(
    Array.from({ length: processes }, (_, index) => {
      const share = Math.floor((clients + index) / processes);
      return startFloor(owner).ask("connect", { clients: share, port, pem });
    }),
  );
  return {
    broadcast: (text: string) => server.ask("broadcast", { text }),
    /** Of the server since its start. */
    serverCpuMs: async () => (await server.ask("cost", undefined)).cpuMs,
    /** Of the server, for each client. */
    async residentBytesEach() {
      const { residentBytes } = await server.ask("cost", undefined);
      return (residentBytes - before.residentBytes) / clients;
    },
  };
}
