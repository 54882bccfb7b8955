import assert from "node:assert/strict";
import { test } from "node:test";
import { consoleApiOpenApi } from "./openapi.ts";
import { consolePermissions, consoleRoles, isPermitted, isWithin } from "./roles.ts";
import { type ConsoleRoute, consoleDownloads, consoleRoutes } from "./routes.ts";

const routes = Object.entries(consoleRoutes as Record<string, ConsoleRoute>);

test("no two calls have one method and path, and each path parameter has a schema", () => {
  const called = [
    ...routes.map(([, { method, path }]) => `${method} ${path}`),
    ...Object.values(consoleDownloads).map(({ path }) => `GET ${path}`),
  ];
  assert.equal(new Set(called).size, called.length);
  for (const [name, { path, params }] of routes) {
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, param]) => param);
    assert.deepEqual(Object.keys((params as { properties?: object } | undefined)?.properties ?? {}), inPath, name);
  }
});

test("what is changed under a version can be read with it, under the same path", () => {
  for (const [name, route] of routes.filter(([, { versioned, method }]) => versioned === true && method !== "GET")) {
    const read = routes.find(([, { method, path }]) => method === "GET" && path === route.path);
    assert.equal(read?.[1].versioned, true, name);
  }
});

test("only the senior security officer gives orders, and an administrator administers without giving any", () => {
  for (const permission of Object.keys(consolePermissions) as (keyof typeof consolePermissions)[]) {
    const having = consoleRoles.filter((role) => isPermitted(role, permission));
    if (permission.endsWith(".order")) assert.deepEqual(having, ["senior-security-officer"], permission);
    else if (/\.(change|decide|remove)$/.test(permission)) assert.deepEqual(having, ["administrator"], permission);
    else assert.ok(having.includes("security-auditor"), `an auditor sees everything: ${permission}`);
  }
});

test("a role is within another one when it may do nothing that the other may not", () => {
  const within = consoleRoles.map((role) => consoleRoles.filter((above) => isWithin(role, above)));
  assert.deepEqual(within, [
    ["administrator"],
    ["senior-security-officer"],
    ["administrator", "senior-security-officer", "security-officer", "security-auditor"],
    ["administrator", "security-auditor"],
  ]);
});

test("the OpenAPI document has every call, and says of each which permission it needs", () => {
  const { paths } = consoleApiOpenApi("1.2.3");
  const operations = Object.values(paths).flatMap((path) => Object.values(path)) as {
    operationId: string;
    description: string;
  }[];
  assert.equal(operations.length, routes.length + Object.keys(consoleDownloads).length);
  for (const [name, { permission }] of routes) {
    const description = operations.find(({ operationId }) => operationId === name)?.description ?? "";
    assert.ok(permission === "anyone" ? /no session/.test(description) : description.includes(permission), name);
  }
});
