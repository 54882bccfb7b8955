import { type TSchema, Type } from "typebox";
import * as api from "./response-api.ts";

const json = (schema: TSchema, description: string) => ({ description, content: { "application/json": { schema } } });

const refusals = {
  "401": json(
    api.ErrorReply,
    "The pair of ID and certificate is not accepted (yet); the first knock records it for an administrator",
  ),
  "429": json(api.ErrorReply, "Too many pending external systems from this address, or in all"),
  "500": json(api.ErrorReply, "A fault of the Central Node; retry later"),
  "503": json(api.ErrorReply, "The Central Node's database does not answer, or it is closing; retry later"),
};
const badRequest = json(api.ErrorReply, "Incorrect parameters: `message` names the field, the rule and the value");
const notFound = (what: string) => ({ "404": json(api.ErrorReply, what) });
const tooLarge = {
  "413": json(api.ErrorReply, "The body is too large"),
  "415": json(api.ErrorReply, "The body is not application/json"),
};

function parameters(query: { properties: Record<string, TSchema>; required?: string[] | undefined }) {
  return Object.entries(query.properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: query.required?.includes(name) ?? false,
    schema,
  }));
}

const systemId = { name: "external_system_id", in: "path", required: true, schema: api.ExternalSystemId };
const taskId = { name: "task_id", in: "path", required: true, schema: api.TaskId };
const body = (schema: TSchema) => ({ required: true, content: { "application/json": { schema } } });
const SettingsBody = Type.Union([api.NetworkIsolationBody, api.PreventionBody]);

/** The OpenAPI 3.1 document of the Response API, made from the very schemas that validate it. */
export function responseApiOpenApi(version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "Cordon Response API",
      version,
      description:
        "Wire-compatible with the Response API of Kaspersky Anti Targeted Attack Platform. A client is known by its ID in the path and by its TLS client certificate, usually self-signed; an administrator accepts the pair once.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      contact: { name: "The Cordon project" },
    },
    servers: [{ url: api.responseApiBase, description: "This Central Node" }],
    security: [{ clientCertificate: [] }],
    tags: [
      { name: "hosts", description: "Hosts with an agent" },
      { name: "settings", description: "How a host, or all hosts, should be until told otherwise" },
      { name: "tasks", description: "Something to do once on one host" },
    ],
    paths: {
      "/{external_system_id}/sensors": {
        parameters: [systemId],
        get: {
          operationId: "listHosts",
          tags: ["hosts"],
          summary: "List hosts",
          description: "Every host that matches all of the filters given, in one answer.",
          parameters: parameters(api.SensorsQuery),
          responses: {
            "200": json(api.SensorsReply, "The hosts; an empty list when none matches"),
            "400": badRequest,
            ...refusals,
          },
        },
      },
      "/{external_system_id}/settings": {
        parameters: [systemId, ...parameters(api.SettingsQuery)],
        get: {
          operationId: "getSettings",
          tags: ["settings"],
          summary: "Read a setting",
          description: "The isolation rule in force, or the prevention rule of a scope.",
          responses: {
            "200": json(SettingsBody, "The setting as it was ordered"),
            "400": badRequest,
            ...notFound("Nothing is set, it is disabled, its time has run out, or there is no such host"),
            ...refusals,
          },
        },
        post: {
          operationId: "setSettings",
          tags: ["settings"],
          summary: "Isolate a host, or set a prevention rule",
          description: "Replaces the whole setting of that scope.",
          requestBody: body(SettingsBody),
          responses: {
            "200": json(SettingsBody, "The setting as stored, defaults filled in"),
            "400": json(
              Type.Union([api.ErrorReply, api.ConflictReply]),
              "Incorrect parameters, or a hash that another scope has already",
            ),
            ...notFound("There is no such host"),
            ...tooLarge,
            ...refusals,
          },
        },
        delete: {
          operationId: "deleteSettings",
          tags: ["settings"],
          summary: "End isolation, or delete a prevention rule",
          description: "Also succeeds when there was none, so that a retry is safe.",
          responses: {
            "200": json(api.Empty, "Done"),
            "400": badRequest,
            ...notFound("There is no such host"),
            ...tooLarge,
            ...refusals,
          },
        },
      },
      "/{external_system_id}/tasks/{task_id}": {
        parameters: [systemId, taskId],
        post: {
          operationId: "createTask",
          tags: ["tasks"],
          summary: "Run a program",
          description:
            "Orders one host to run a program once. The ID stays taken for good, also after the task was deleted.",
          parameters: parameters(api.CreateTaskQuery),
          requestBody: body(api.CreateTaskBody),
          responses: {
            "200": json(api.TaskReply, "The task, waiting for delivery"),
            "400": badRequest,
            ...notFound("There is no such host"),
            "409": json(api.ErrorReply, "The task ID exists already"),
            ...tooLarge,
            ...refusals,
          },
        },
        get: {
          operationId: "getTask",
          tags: ["tasks"],
          summary: "Read a task",
          description: "Its state and, once it ended, what came of it.",
          parameters: parameters(api.GetTaskQuery),
          responses: {
            "200": json(api.TaskReply, "The task"),
            "400": badRequest,
            ...notFound("There is no such task"),
            ...refusals,
          },
        },
        delete: {
          operationId: "deleteTask",
          tags: ["tasks"],
          summary: "Delete a task",
          description: "A waiting task is never run; a running one is terminated, with its whole process group.",
          responses: {
            "200": json(api.Empty, "Done"),
            "400": badRequest,
            ...notFound("There is no such task"),
            ...tooLarge,
            ...refusals,
          },
        },
      },
      "/{external_system_id}/tasks/{task_id}/start": {
        parameters: [systemId, taskId],
        post: {
          operationId: "startTask",
          tags: ["tasks"],
          summary: "Start a stored task",
          description:
            "Starts a task that was created with `startNow` false. Added by Cordon; KATA's API has no such call.",
          responses: {
            "200": json(api.TaskReply, "The task"),
            "400": badRequest,
            ...notFound("There is no such task"),
            ...tooLarge,
            ...refusals,
          },
        },
      },
      "/{external_system_id}/tasks/{task_id}/cancel": {
        parameters: [systemId, taskId],
        post: {
          operationId: "cancelTask",
          tags: ["tasks"],
          summary: "Cancel a task",
          description:
            "As DELETE, but the task stays readable. Its state is `cancelled` once nothing of it can run any more. Added by Cordon; KATA's API has no such call.",
          responses: {
            "200": json(api.TaskReply, "The task"),
            "400": badRequest,
            ...notFound("There is no such task"),
            ...tooLarge,
            ...refusals,
          },
        },
      },
    },
    components: {
      securitySchemes: {
        clientCertificate: {
          type: "mutualTLS",
          description:
            "Any client certificate, self-signed or not; its SHA-256 fingerprint is matched together with the ID in the path.",
        },
      },
    },
  };
}
