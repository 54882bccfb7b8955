import type { ConsoleReply } from "@cordon/contract/console-api";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { formatFilter } from "../api/list-search.ts";
import { callList } from "../list/use-list.ts";

/**
 * The isolation rule of a host, as a list of none or one: most hosts have none, and that is no refusal. `data` is null
 * where there is none.
 */
export function useIsolationRule(sensorId: string, enabled = true) {
  const query = { filter: [formatFilter({ field: "sensorId", operator: "is", value: sensorId })], limit: 1 };
  return useQuery({
    ...queryOptions<ConsoleReply<"getIsolationRule"> | null>({
      queryKey: ["listIsolationRules", { query }],
      queryFn: async ({ signal }) => (await callList("listIsolationRules", query, { signal })).items[0] ?? null,
    }),
    enabled,
  });
}
