import type { Database } from "../database/database.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { SettingService } from "../settings/setting-service.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { createHostHistory } from "./host-history.ts";
import { type ActivityThresholds, createHostList } from "./host-list.ts";
import { createHostsHandlers } from "./hosts-handlers.ts";
import { createIsolationHandlers } from "./isolation-handlers.ts";
import { createIsolationList } from "./isolation-list.ts";
import { createOrdersDownloads } from "./orders-downloads.ts";
import { createOverview } from "./overview.ts";
import { createPreventionHandlers } from "./prevention-handlers.ts";
import { createPreventionList } from "./prevention-list.ts";
import { createTaskList } from "./task-list.ts";
import { createTasksHandlers } from "./tasks-handlers.ts";

/** What the console API has of hosts and of orders: handlers and downloads. */
export function createOrders(needs: {
  database: Database;
  hosts: HostService;
  settings: SettingService;
  tasks: TaskService;
  thresholds: () => Promise<ActivityThresholds>;
  now: () => Date;
}) {
  const { settings, tasks } = needs;
  const hostList = createHostList(needs);
  const preventionList = createPreventionList({ ...needs, rules: settings.preventionRules });
  return {
    handlers: {
      ...createHostsHandlers({
        ...needs,
        hostList,
        hostHistory: createHostHistory(needs),
        overview: createOverview({ ...needs, hostList }),
      }),
      ...createIsolationHandlers({ settings, isolationList: createIsolationList(needs) }),
      ...createPreventionHandlers({ rules: settings.preventionRules, preventionList }),
      ...createTasksHandlers({ tasks, taskList: createTaskList(needs) }),
    },
    downloads: createOrdersDownloads({ ...needs, hostList, preventionList }),
  };
}
