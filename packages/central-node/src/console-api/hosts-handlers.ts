import { Problem } from "@cordon/contract";
import type { HostService } from "../hosts/host-service.ts";
import { inBulk } from "./bulk.ts";
import type { Handlers } from "./handlers.ts";
import type { HostHistory } from "./host-history.ts";
import type { HostList } from "./host-list.ts";
import type { Overview } from "./overview.ts";

export function createHostsHandlers({
  hosts,
  hostList,
  hostHistory,
  overview,
}: {
  hosts: Pick<HostService, "remove">;
  hostList: Pick<HostList, "list" | "present">;
  hostHistory: HostHistory;
  overview: Overview;
}): Pick<Handlers, "overview" | "listHosts" | "getHost" | "hostHistory" | "removeHosts"> {
  async function getHost(sensorId: string) {
    const [host] = await hostList.present([sensorId]);
    if (host === undefined) throw new Problem("NOT_FOUND", { message: `there is no host ${sensorId}` });
    return host;
  }

  return {
    overview: () => overview.read(),
    listHosts: ({ query }) => hostList.list(query),
    getHost: ({ params }) => getHost(params.sensorId),
    async hostHistory({ params, query }) {
      await getHost(params.sensorId);
      return hostHistory.list(params.sensorId, query);
    },
    removeHosts: ({ body, actor }) => inBulk(body.sensorIds, (sensorId) => hosts.remove(sensorId, actor)),
  };
}
