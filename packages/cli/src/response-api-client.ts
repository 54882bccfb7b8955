import { findFault, responseApiBase } from "@cordon/contract";
import { failure } from "@cordon/terminal";
import type { Static, TSchema } from "typebox";
import type { Answer, Requests } from "./pinned-requests.ts";
import {
  type Exclusion,
  type Host,
  type PreventionRule,
  readHost,
  readRule,
  readTask,
  type Task,
  WireConflict,
  WireIsolation,
  WirePrevention,
  WireSensors,
  WireTask,
  writeExclusion,
  writeRule,
} from "./wire.ts";

export type HostFilter = { sensorId?: string; hostName?: string; ipAddress?: string };
export type IsolationOrder = { autoTurnoffTimeoutInSec: number; exclusions: Exclusion[] };
export type RunOrder = {
  taskId: string;
  sensorId: string;
  program: string;
  commandLine: string | null;
  workingDirectory: string | null;
  startNow: boolean;
};

/**
 * The Response API in our words. Each call throws a failure that says what happened and what to do.
 * `scope` is a sensor ID or "all".
 */
export type ResponseApiClient = ReturnType<typeof createResponseApiClient>;

export function createResponseApiClient(needs: { requests: Requests; externalSystemId: string }) {
  const { requests, externalSystemId } = needs;
  const base = `${responseApiBase}/${externalSystemId}`;

  const call = async <S extends TSchema>(
    schema: S,
    method: "GET" | "POST" | "DELETE",
    path: string,
    { body, missing }: { body?: unknown; missing: string },
  ): Promise<Static<S>> => {
    const answer = await requests.send(method, `${base}${path}`, body);
    if (answer.status !== 200) throw refusal(answer, { externalSystemId, missing });
    if (findFault(schema, answer.body) !== null) throw notTheApi();
    return answer.body as Static<S>;
  };
  const AnyObject = { type: "object" } as const;
  const settingsPath = (scope: string, type: "network_isolation" | "prevention") =>
    `/settings?${new URLSearchParams({ sensor_id: scope, settings_type: type })}`;
  const noHost = (scope: string) => `there is no host ${scope}`;
  const noTask = (taskId: string) => `there is no task ${taskId}`;

  return {
    async listHosts(filter: HostFilter = {}): Promise<Host[]> {
      const query = new URLSearchParams();
      if (filter.sensorId !== undefined) query.set("sensor_id", filter.sensorId);
      if (filter.hostName !== undefined) query.set("host", filter.hostName);
      if (filter.ipAddress !== undefined) query.set("ip", filter.ipAddress);
      const path = query.size === 0 ? "/sensors" : `/sensors?${query}`;
      const { sensors } = await call(WireSensors, "GET", path, { missing: "the server has no list of hosts" });
      return sensors.map(readHost);
    },

    async isolate(sensorId: string, order: IsolationOrder): Promise<void> {
      const { autoTurnoffTimeoutInSec, exclusions } = order;
      const body = { settings: { autoTurnoffTimeoutInSec, excludedRules: exclusions.map(writeExclusion) } };
      await call(WireIsolation, "POST", settingsPath(sensorId, "network_isolation"), {
        body,
        missing: noHost(sensorId),
      });
    },

    async release(sensorId: string): Promise<void> {
      await call(AnyObject, "DELETE", settingsPath(sensorId, "network_isolation"), { missing: noHost(sensorId) });
    },

    /** The rule of a scope; one without files when none is set (the API answers 404 both for that and for an unknown host). */
    async getPrevention(scope: string): Promise<PreventionRule> {
      const answer = await requests.send("GET", `${base}${settingsPath(scope, "prevention")}`);
      if (answer.status === 404) return { files: [], scripts: false, killRunning: false };
      if (answer.status !== 200) throw refusal(answer, { externalSystemId, missing: noHost(scope) });
      if (findFault(WirePrevention, answer.body) !== null) throw notTheApi();
      return readRule(answer.body as Static<typeof WirePrevention>);
    },

    /** Replaces the whole rule of the scope. */
    async setPrevention(scope: string, rule: PreventionRule): Promise<void> {
      const missing = noHost(scope);
      await call(AnyObject, "POST", settingsPath(scope, "prevention"), { body: writeRule(rule), missing });
    },

    async clearPrevention(scope: string): Promise<void> {
      await call(AnyObject, "DELETE", settingsPath(scope, "prevention"), { missing: noHost(scope) });
    },

    async runProcess(order: RunOrder): Promise<Task> {
      const { taskId, sensorId, program, commandLine, workingDirectory, startNow } = order;
      const query = new URLSearchParams({ sensor_id: sensorId, task_type: "run_process" });
      const task = {
        schedule: { startNow },
        execCommand: program,
        ...(commandLine === null ? {} : { cmdLineParameters: commandLine }),
        ...(workingDirectory === null ? {} : { workingDirectory }),
      };
      const missing = noHost(sensorId);
      return readTask(taskId, await call(WireTask, "POST", `/tasks/${taskId}?${query}`, { body: { task }, missing }));
    },

    /** `whole`: with what was ordered and with the program's output. */
    async getTask(taskId: string, { whole }: { whole: boolean }): Promise<Task> {
      const path = `/tasks/${taskId}?settings=${whole}`;
      return readTask(taskId, await call(WireTask, "GET", path, { missing: noTask(taskId) }));
    },

    async changeTask(taskId: string, change: "start" | "cancel"): Promise<Task> {
      const missing = `there is no task ${taskId}, or this server cannot ${change} tasks (Cordon can, KATA cannot)`;
      return readTask(taskId, await call(WireTask, "POST", `/tasks/${taskId}/${change}`, { body: {}, missing }));
    },

    async deleteTask(taskId: string): Promise<void> {
      await call(AnyObject, "DELETE", `/tasks/${taskId}`, { missing: noTask(taskId) });
    },

    close: () => requests.close(),
  };
}

/** What an administrator types to accept an external system. */
export function acceptCommand(externalSystemId: string): string {
  return `cordon-server external-system accept ${externalSystemId} --data-dir DIR`;
}

function refusal({ status, body }: Answer, at: { externalSystemId: string; missing: string }) {
  const said = serverText(body);
  switch (status) {
    case 400:
      return failure("REFUSED", `the server refused: ${said ?? "incorrect parameters"}`, conflictAdvice(body));
    case 401:
      return failure("UNAUTHORIZED", `external system ${at.externalSystemId} is not accepted, or not yet`, {
        advice: `An administrator accepts it on the Central Node:\n${acceptCommand(at.externalSystemId)}\nIts fingerprint: cordon profile list`,
      });
    case 403:
      return failure("FORBIDDEN", `the server forbids this: ${said ?? "no reason given"}`);
    case 404:
      return failure("NOT_FOUND", at.missing);
    case 409:
      return failure("CONFLICT", "the task ID exists already", { advice: "Leave --id away to have a new one made." });
    case 413:
      return failure("BODY_TOO_LARGE", "the order is too large for the server");
    case 429:
      return failure("TOO_MANY_PENDING", "too many external systems from this address wait to be accepted", {
        advice: "Ask the administrator to accept or reject those, then try again.",
      });
    case 502:
    case 503:
    case 504:
      return failure("UNAVAILABLE", `the server is not available (${status}): ${said ?? "no reason given"}`, {
        advice: "Try again later.",
      });
    default:
      return failure("FAILED", `the server answered ${status}: ${said ?? "no reason given"}`);
  }
}

function notTheApi() {
  return failure("FAILED", "the server's answer is not one of the Response API", {
    advice: "Check that the address is that of a Central Node's Response API (its machine port).",
  });
}

/** Where a rule conflict says which hosts have the hash already. */
function conflictAdvice(body: unknown): { advice?: string } {
  if (findFault(WireConflict, body) !== null) return {};
  const { hosts } = body as Static<typeof WireConflict>;
  return hosts.length === 0
    ? {}
    : { advice: `It is in the rule of: ${hosts.map(({ host, sensorId }) => `${host} (${sensorId})`).join(", ")}` };
}

/** `error` and `message`, as one line. */
function serverText(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const { error, message } = body as { error?: unknown; message?: unknown };
  const texts = [error, message].filter((part) => typeof part === "string" && part !== "");
  return texts.length === 0 ? null : texts.join(": ");
}
