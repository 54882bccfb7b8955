import assert from "node:assert/strict";
import { test } from "node:test";
import type { TSchema } from "typebox";
import * as api from "./response-api.ts";
import { findFault } from "./validation.ts";

const uuid = "df64838b-b518-414b-b769-2b8be341a2f0";
const fits = (schema: TSchema, value: unknown) => findFault(schema, value) === null;

function eachFits(schema: TSchema, values: unknown[]) {
  for (const value of values) assert.ok(fits(schema, value), JSON.stringify(value));
}

function noneFits(schema: TSchema, values: unknown[]) {
  for (const value of values) assert.ok(!fits(schema, value), JSON.stringify(value));
}

test("an external system's ID is a UUID, or what clients in the field use", () => {
  eachFits(api.ExternalSystemId, ["15301050-0490-4A41-81EA-B0391CF21EF3", "00505693b392", "x", "a".repeat(64)]);
  noneFits(api.ExternalSystemId, ["", "a".repeat(65), "a b", "a/b", "a.b", "ä", "a\n", "a\0"]);
});

test("a sensor ID is a UUID in any case; a setting also takes all", () => {
  const settings = (sensor_id: unknown) => ({ sensor_id, settings_type: "prevention" });
  eachFits(api.SettingsQuery, [settings(uuid), settings(uuid.toUpperCase()), settings("all")]);
  noneFits(api.SettingsQuery, ["null", "ALL", "", `${uuid}\n`, `{${uuid}}`, [uuid, uuid], null].map(settings));
  const task = (sensor_id: unknown) => ({ sensor_id, task_type: "run_process" });
  eachFits(api.CreateTaskQuery, [task(uuid)]);
  noneFits(api.CreateTaskQuery, [task("all"), { sensor_id: uuid, task_type: "run" }, { sensor_id: uuid }, {}]);
});

test("the misspellings of the help are taken, and unknown parameters ignored", () => {
  eachFits(api.SettingsQuery, [{ sensor_id: "all", settings_type: "network_izolation", more: "x" }]);
  noneFits(api.SettingsQuery, [{ sensor_id: "all", settings_type: "isolation" }]);
  eachFits(api.CreateTaskBody, [{ task: { shedule: { startNow: false }, execCommand: "x" }, more: 1 }]);
});

test("an isolation lasts 1 to 9,999 hours in whole seconds", () => {
  const body = (autoTurnoffTimeoutInSec: unknown) => ({ settings: { autoTurnoffTimeoutInSec } });
  eachFits(api.NetworkIsolationBody, [3600, 7200, 35_996_400].map(body));
  noneFits(
    api.NetworkIsolationBody,
    [3599, 35_996_401, 7200.5, "7200", null, Number.NaN, Infinity, -7200, {}].map(body),
  );
  noneFits(api.NetworkIsolationBody, [{}, { settings: null }, { settings: {} }, { settings: [] }]);
});

test("an excluded rule names one dotted IPv4 address and, at most, a direction, a protocol and port ranges", () => {
  const body = (rule: object) => ({
    settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [{ remoteIpv4Address: "10.0.0.1", ...rule }] },
  });
  const ports = { fromPort: 0, toPort: 65535 };
  eachFits(api.NetworkIsolationBody, [
    body({}),
    body({ direction: "inbound", protocol: 0, localPortRange: ports, remotePortRange: ports }),
    body({ protocol: 255, remoteIpv4Address: "255.255.255.255" }),
  ]);
  const addresses = [
    "10.0.0.256",
    "10.0.0",
    "10.0.0.1.",
    "010.0.0.1",
    "10.0.0.1/24",
    " 10.0.0.1",
    "10.0.0.1\n",
    "::1",
    "",
    7,
  ];
  noneFits(api.NetworkIsolationBody, [
    ...addresses.map((remoteIpv4Address) => body({ remoteIpv4Address })),
    ...[256, -1, 6.5, "6", null].map((protocol) => body({ protocol })),
    ...["up", "", null, "Inbound"].map((direction) => body({ direction })),
    ...[{ fromPort: 1 }, { fromPort: -1, toPort: 1 }, { fromPort: 1, toPort: 65536 }, [1, 2], null].map(
      (localPortRange) => body({ localPortRange }),
    ),
    { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: {} } },
    {
      settings: {
        autoTurnoffTimeoutInSec: 3600,
        excludedRules: Array(1001).fill({ remoteIpv4Address: "10.0.0.1" }),
      },
    },
  ]);
});

test("a hash is 64 hex digits of SHA-256 or 32 of MD5, in any case", () => {
  const body = (file: unknown) => ({ settings: { objects: [{ file }] } });
  eachFits(api.PreventionBody, [
    { settings: { objects: [] } },
    body({ sha256: "aB".repeat(32) }),
    body({ md5: "0F".repeat(16), name: "label" }),
  ]);
  noneFits(api.PreventionBody, [
    { settings: {} },
    { settings: { objects: [{}] } },
    body({ sha256: "ab".repeat(31) }),
    body({ md5: `${"0f".repeat(16)}\n` }),
    body({ md5: "0g".repeat(16) }),
    body({ md5: "0f".repeat(16), name: "x".repeat(1025) }),
    body("0f".repeat(16)),
  ]);
});

test("a program's strings are bounded, and startNow is true or false", () => {
  const body = (task: object) => ({ task: { execCommand: "x", ...task } });
  eachFits(api.CreateTaskBody, [
    body({ execCommand: "x".repeat(4096), cmdLineParameters: "y".repeat(8192), workingDirectory: "z".repeat(4096) }),
    body({ schedule: {} }),
    body({ schedule: { startNow: false } }),
  ]);
  noneFits(api.CreateTaskBody, [
    { task: {} },
    body({ execCommand: "" }),
    body({ execCommand: "x".repeat(4097) }),
    body({ cmdLineParameters: "y".repeat(8193) }),
    body({ workingDirectory: ["z"] }),
    body({ schedule: { startNow: "true" } }),
    body({ schedule: true }),
  ]);
});
