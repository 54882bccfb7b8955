import type { ListRequest } from "../database/list-query.ts";
import { csvOf } from "./csv.ts";
import type { Download, Downloads } from "./handlers.ts";
import type { HostList } from "./host-list.ts";
import type { PreventionList } from "./prevention-list.ts";
import { readOutput, type TaskCalls } from "./tasks-handlers.ts";

/** Each page counts them all again: of many, fewer pages. */
const rowsPerPage = 5000;

export function createOrdersDownloads({
  hostList,
  preventionList,
  tasks,
  now,
}: {
  hostList: Pick<HostList, "list">;
  preventionList: Pick<PreventionList, "list">;
  tasks: Pick<TaskCalls, "get" | "findOutput">;
  now: () => Date;
}): Pick<Downloads, "hosts" | "preventionRules" | "taskStdout" | "taskStderr"> {
  const today = () => now().toISOString().slice(0, 10);

  const output =
    (which: "stdout" | "stderr"): Download =>
    async ({ params }) => {
      const task = await tasks.get(params.taskId ?? "");
      return { fileName: `${task.taskId}-${which}.txt`, content: (await readOutput(tasks, task))[which] };
    };

  return {
    async hosts({ query }) {
      const list = wholeList(query);
      const header = ["name", "sensor ID", "IP addresses", "OS", "agent", "capabilities", "activity", "last contact"];
      const more = ["enrolled", "isolation", "isolation ends", "prevention", "failures in the last day"];
      // Refused before anything is sent.
      await hostList.list({ ...list, limit: 1 });
      const content = csvOf(
        [...header, ...more],
        (cursor) => hostList.list({ ...list, limit: rowsPerPage, ...(cursor === null ? {} : { cursor }) }),
        (host) => [
          ...[host.hostName, host.sensorId, host.ipAddresses.join(" "), host.osName, host.agentVersion],
          ...[host.capabilities.join(" "), host.activity, host.lastAccessAt, host.enrolledAt, host.isolation.state],
          ...[host.isolation.endsAt, host.prevention.state, host.failuresLastDay],
        ],
      );
      return { fileName: `hosts-${today()}.csv`, content };
    },

    async preventionRules({ query }) {
      const list = wholeList(query);
      await preventionList.list({ ...list, limit: 1 });
      // Hash and name first: the file can be imported as it is.
      const content = csvOf(
        ["hash", "name", "scope", "enabled", "author", "created", "in effect on", "of hosts", "refused on", "blocks"],
        (cursor) => preventionList.list({ ...list, limit: rowsPerPage, ...(cursor === null ? {} : { cursor }) }),
        (rule) => [
          ...[rule.hash, rule.name, rule.scope === "all" ? "all" : rule.scope.map((host) => host.sensorId).join(" ")],
          ...[rule.enabled, rule.author, rule.createdAt, rule.inEffectOn, rule.ofHosts, rule.refusedOn, rule.blocks],
        ],
      );
      return { fileName: `prevention-rules-${today()}.csv`, content };
    },

    taskStdout: output("stdout"),
    taskStderr: output("stderr"),
  };
}

/** All of its pages are wanted, whichever was asked for. */
function wholeList({ filter, sort }: ListRequest): ListRequest {
  return { ...(filter === undefined ? {} : { filter }), ...(sort === undefined ? {} : { sort }) };
}
