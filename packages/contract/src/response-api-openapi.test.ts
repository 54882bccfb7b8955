import assert from "node:assert/strict";
import { test } from "node:test";
import { responseApiOpenApi } from "./response-api-openapi.ts";

type Operation = { operationId: string; responses: Record<string, unknown>; requestBody?: unknown };
const document = JSON.parse(JSON.stringify(responseApiOpenApi("1.2.3")));
const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => ["get", "post", "delete"].includes(method))
    .map(([method, operation]) => ({ call: `${method} ${path}`, operation })),
);

test("the document names every call of the Response API and the two that Cordon added", () => {
  assert.deepEqual(operations.map(({ call }) => call).sort(), [
    "delete /{external_system_id}/settings",
    "delete /{external_system_id}/tasks/{task_id}",
    "get /{external_system_id}/sensors",
    "get /{external_system_id}/settings",
    "get /{external_system_id}/tasks/{task_id}",
    "post /{external_system_id}/settings",
    "post /{external_system_id}/tasks/{task_id}",
    "post /{external_system_id}/tasks/{task_id}/cancel",
    "post /{external_system_id}/tasks/{task_id}/start",
  ]);
  assert.equal(document.info.version, "1.2.3");
});

test("every call documents success, refusal of its parameters, refusal of strangers and faults", () => {
  for (const { call, operation } of operations) {
    for (const status of ["200", "400", "401", "429", "500", "503"])
      assert.ok(status in operation.responses, `${call} ${status}`);
  }
});

test("every call that can carry a body documents that it is too large, or of another type", () => {
  for (const { call, operation } of operations) {
    if (call.startsWith("get")) continue;
    for (const status of ["413", "415"]) assert.ok(status in operation.responses, `${call} ${status}`);
  }
});

test("operation IDs are unique, and paths and parameters fit each other", () => {
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  for (const [path, item] of Object.entries(
    document.paths as Record<string, { parameters: { name: string; in: string }[] }>,
  )) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    assert.deepEqual(
      item.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name),
      inPath,
    );
  }
});
