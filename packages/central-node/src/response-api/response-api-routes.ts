import {
  CreateTaskBody,
  CreateTaskQuery,
  describeFault,
  ExternalSystemId,
  findFault,
  GetTaskQuery,
  knockBases,
  NetworkIsolationBody,
  PreventionBody,
  Problem,
  parse,
  responseApiBase,
  responseApiOpenApi,
  SensorsQuery,
  SettingsQuery,
  TaskId,
} from "@cordon/contract";
import type { NetworkIsolationWish, PreventionWish } from "@cordon/response-actions";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { BlockService } from "../blocks/block-service.ts";
import type { HostService } from "../hosts/host-service.ts";
import { digestOf, takeJsonBodies } from "../http/json-body.ts";
import { type Peer, peerOf } from "../http/peer.ts";
import { toProblem } from "../http/to-problem.ts";
import type { SettingService } from "../settings/setting-service.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { sendProblem } from "./response-api-errors.ts";
import { createSensorList } from "./sensor-list.ts";
import * as translate from "./translate.ts";

export type ResponseApiNeeds = {
  /** Returns who an accepted external system is; throws UNAUTHORIZED or TOO_MANY_PENDING, and records a first knock. */
  authorise(knock: { externalSystemId: string; peer: Peer["certificate"]; address: string }): Promise<{ actor: Actor }>;
  hosts: Pick<HostService, "list">;
  settings: Pick<SettingService, "set" | "lift" | "findInForce" | "listStates">;
  blocks: Pick<BlockService, "countLastDay">;
  tasks: Pick<TaskService, "create" | "get" | "start" | "cancel" | "delete">;
  audit: AuditLog;
  version: string;
};

const callers = new WeakMap<FastifyRequest, Actor>();

/** KATA's words end here. Register it without a prefix: it owns its paths. */
export function responseApiRoutes({ authorise, hosts, settings, tasks, blocks, audit, version }: ResponseApiNeeds) {
  const sensorsOf = createSensorList({ settings, blocks, version });

  return async (app: FastifyInstance): Promise<void> => {
    takeJsonBodies(app);

    app.setErrorHandler(async (error, request, reply) => {
      const problem = toProblem(error, request);
      await recordRefusal(request, problem);
      return sendProblem(problem, reply);
    });
    app.setNotFoundHandler((_request, reply) => sendProblem(new Problem("NOT_FOUND"), reply));

    const openApi = responseApiOpenApi(version);
    app.get(`${responseApiBase}/openapi.json`, () => openApi);

    for (const base of [responseApiBase, ...knockBases]) {
      app.register(async (known) => {
        // Before the body is read: a stranger's 8 MiB are not worth reading.
        known.addHook("onRequest", identify);
        if (base === responseApiBase) addCalls(known);
        const all = { method: ["GET", "POST", "PUT", "PATCH", "DELETE"], handler: async () => refuseUnknownPath() };
        known.route({ url: `${base}/:external_system_id`, ...all });
        known.route({ url: `${base}/:external_system_id/*`, ...all });
      });
    }
  };

  async function identify(request: FastifyRequest): Promise<void> {
    const { external_system_id } = request.params as { external_system_id: string };
    const fault = findFault(ExternalSystemId, external_system_id);
    if (fault !== null) {
      const message = describeFault({ ...fault, path: ["external_system_id"], value: external_system_id });
      throw new Problem("BAD_REQUEST", { message });
    }
    const peer = peerOf(request.raw);
    const { actor } = await authorise({
      externalSystemId: external_system_id,
      peer: peer.certificate,
      address: peer.address,
    });
    callers.set(request, actor);
  }

  function addCalls(app: FastifyInstance): void {
    const path = `${responseApiBase}/:external_system_id`;

    app.get(`${path}/sensors`, async (request, reply) => {
      const query = parse(SensorsQuery, request.query);
      const found = await hosts.list({
        ...(query.ip === undefined ? {} : { address: query.ip }),
        ...(query.host === undefined ? {} : { hostName: query.host }),
        ...(query.sensor_id === undefined ? {} : { sensorId: query.sensor_id.toLowerCase() }),
      });
      // A stream, as many hosts are, has no type of its own.
      return reply.type("application/json; charset=utf-8").send(await sensorsOf(found));
    });

    app.get(`${path}/settings`, async (request) => {
      const { target, action } = readScope(request);
      const found = await settings.findInForce(target, action);
      if (found === null) throw new Problem("NOT_FOUND");
      return action === "prevention"
        ? translate.fromPreventionWish(found.wish as PreventionWish)
        : translate.fromIsolationWish(found.wish as NetworkIsolationWish);
    });

    app.post(`${path}/settings`, async (request) => {
      const change = { ...readScope(request), actor: callerOf(request), ...digestOf(request) };
      if (change.action === "prevention") {
        const wish = translate.toPreventionWish(parse(PreventionBody, request.body));
        if (wish === null) await settings.lift(change);
        else await settings.set(change, wish);
        return translate.fromPreventionWish(wish);
      }
      const wish = translate.toIsolationWish(parse(NetworkIsolationBody, request.body));
      await settings.set(change, wish);
      return translate.fromIsolationWish(wish);
    });

    app.delete(`${path}/settings`, async (request) => {
      await settings.lift({ ...readScope(request), actor: callerOf(request), ...digestOf(request) });
      return {};
    });

    app.post(`${path}/tasks/:task_id`, async (request) => {
      const { sensor_id } = parse(CreateTaskQuery, request.query);
      const taskId = readTaskId(request);
      const order = translate.toRunProcess(parse(CreateTaskBody, request.body));
      const task = await tasks.create({
        ...order,
        ...digestOf(request),
        actor: callerOf(request),
        taskId,
        sensorId: sensor_id.toLowerCase(),
        action: "run-process",
      });
      return translate.fromTask(task, { settings: true });
    });

    app.get(`${path}/tasks/:task_id`, async (request) => {
      const query = parse(GetTaskQuery, request.query);
      return translate.fromTask(await tasks.get(readTaskId(request)), { settings: query.settings === "true" });
    });

    app.delete(`${path}/tasks/:task_id`, async (request) => {
      await tasks.delete(callerOf(request), readTaskId(request));
      return {};
    });

    app.post(`${path}/tasks/:task_id/start`, async (request) =>
      translate.fromTask(await tasks.start(callerOf(request), readTaskId(request)), { settings: true }),
    );
    app.post(`${path}/tasks/:task_id/cancel`, async (request) =>
      translate.fromTask(await tasks.cancel(callerOf(request), readTaskId(request)), { settings: true }),
    );
  }

  /** Every refusal of a known system is in the audit log; reading what is not there is none. */
  async function recordRefusal(request: FastifyRequest, problem: Problem): Promise<void> {
    const actor = callers.get(request);
    if (actor === undefined || problem.status >= 500) return;
    if (request.method === "GET" && problem.code === "NOT_FOUND") return;
    try {
      await audit.record({
        actor,
        action: `response-api.${request.method.toLowerCase()}`,
        object: request.url.slice(0, 500),
        result: problem.code,
        detail: {
          ...digestOf(request),
          ...(problem.details.message === undefined ? {} : { message: problem.details.message }),
        },
      });
    } catch (error) {
      // Nothing was changed by the request, so its refusal may be sent all the same.
      request.log.error({ err: error }, "a refusal is missing in the audit log");
    }
  }
}

function refuseUnknownPath(): never {
  throw new Problem("NOT_FOUND");
}

function readScope(request: FastifyRequest): { target: string; action: string } {
  const query = parse(SettingsQuery, request.query);
  return { target: query.sensor_id.toLowerCase(), action: translate.settingsTypes[query.settings_type] };
}

function readTaskId(request: FastifyRequest): string {
  const { task_id } = request.params as { task_id: string };
  const fault = findFault(TaskId, task_id);
  if (fault !== null)
    throw new Problem("BAD_REQUEST", { message: describeFault({ ...fault, path: ["task_id"], value: task_id }) });
  return task_id.toLowerCase();
}

function callerOf(request: FastifyRequest): Actor {
  const actor = callers.get(request);
  if (actor === undefined) throw new Error("a call was reached without identify");
  return actor;
}
