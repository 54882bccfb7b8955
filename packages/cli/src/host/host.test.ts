import assert from "node:assert/strict";
import { test } from "node:test";
import { no, ok, openConnectedSession } from "../test-recorded-session.ts";

const sensorId = "df64838b-b518-414b-b769-2b8be341a2f0";
const kataSensor = {
  sensorId,
  hostIp: "10.16.40.243",
  host: "host4",
  lastAccessTimestamp: "2026-04-02T10:11:12.000Z",
  version: "0.1.0",
  selfDefenseState: true,
  licenseStatus: "ok",
  osFamily: "linux",
  osName: "Debian GNU/Linux 12 (bookworm)",
  capabilities: ["network_isolation", "run_process"],
};
type Change = { state?: string; orderedGeneration?: number; reason?: string | null; detail?: string | null };
const sensor = (isolation: Change | null) => ({
  ...kataSensor,
  hostIps: ["10.16.40.243", "fd00::1"],
  settingStates:
    isolation === null
      ? []
      : [
          {
            type: "network_isolation",
            scope: "host",
            state: "in_effect",
            orderedGeneration: 1,
            reportedGeneration: 1,
            orderedAt: "2026-04-02T10:11:12.000Z",
            endsAt: "2026-04-02T12:11:12.000Z",
            reportedAt: "2026-04-02T10:11:13.000Z",
            reason: null,
            detail: "table inet cordon, 2 exclusions",
            ...isolation,
          },
        ],
});
const list = (...sensors: unknown[]) => ok({ server: { version: "0.1.0" }, sensors });
const byHost = "GET /sensors?host=host4";
const byId = `GET /sensors?sensor_id=${sensorId}`;
const isolation = `/settings?sensor_id=${sensorId}&settings_type=network_isolation`;
const echo = ok({ settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [] } });

test("host list prints a table, and with --json the hosts in full", async (t) => {
  const { run } = await openConnectedSession(t, { "GET /sensors": [list(sensor({}), kataSensor)] });
  const plain = await run(["host", "list"]);
  assert.equal(plain.exitCode, 0);
  const [head = "", first = "", second = ""] = plain.stdout.split("\n");
  assert.match(head, /^HOST +ADDRESS +SYSTEM +LAST SEEN +CAN +SETTINGS +SENSOR ID$/);
  assert.match(
    first,
    /^host4 +10\.16\.40\.243 .* network-isolation run-process +network-isolation in-effect +df64838b/,
  );
  assert.match(second, / - +df64838b/);
  const { hosts } = JSON.parse((await run(["host", "list", "--json"])).stdout);
  assert.deepEqual(hosts[0].ipAddresses, ["10.16.40.243", "fd00::1"]);
  assert.equal(hosts[0].settingStates[0].state, "in-effect");
  assert.equal(hosts[1].settingStates, null);
});

test("host list passes its filters on, and a hostile name reaches the terminal harmless", async (t) => {
  const hostile = { ...sensor(null), host: "\u001b]0;owned\u0007ho\u202est\n4", osName: "\u009b2J" };
  const { run, asked } = await openConnectedSession(t, { "GET /sensors?host=a+b&ip=10.0.0.7": [list(hostile)] });
  const { exitCode, stdout } = await run(["host", "list", "--ip", "10.0.0.7", "--host", "a b"]);
  assert.equal(exitCode, 0, JSON.stringify(asked));
  assert.match(stdout, /^host 4 +10/m);
  assert.doesNotMatch(stdout.replaceAll("\n", ""), /\p{Cc}|\u202e/u);
  const json = await run(["host", "list", "--ip", "10.0.0.7", "--host", "a b", "--json"]);
  assert.equal(JSON.parse(json.stdout).hosts[0].hostName, hostile.host);
  assert.doesNotMatch(json.stdout.replaceAll("\n", ""), /\p{Cc}|\u202e/u);
  assert.equal((await run(["host", "list", "--ip", "host4"])).exitCode, 2);
});

test("host isolate sends the rule, waits until the host reports it and prints when it ends", async (t) => {
  const { run, asked } = await openConnectedSession(t, {
    [byHost]: [list(sensor({ orderedGeneration: 3, state: "lifted" }))],
    [`POST ${isolation}`]: [echo],
    // What is said of the older order is not taken for the answer to this one.
    [byId]: [
      list(sensor({ orderedGeneration: 3, state: "in_effect", endsAt: "2001-01-01T00:00:00.000Z" } as Change)),
      list(sensor({ orderedGeneration: 4, state: "pending" })),
      list(sensor({ orderedGeneration: 4 })),
    ],
  });
  const args = ["--for", "2h", "--allow", "out:tcp:10.0.0.5:443", "--allow", "in:udp:10.0.0.6:5000-5010"];
  const { exitCode, stdout, stderr } = await run(["host", "isolate", "host4", ...args]);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /isolation: +in effect\n/);
  assert.match(stdout, /ends at: +2026-04-02T12:11:12/);
  assert.match(stdout, /allowed: +out:tcp:10\.0\.0\.5:443 in:udp:10\.0\.0\.6:5000-5010/);
  assert.match(stderr, /waiting until host4 reports/);
  const order = asked.find(({ method }) => method === "POST");
  assert.deepEqual(order?.body, {
    settings: {
      autoTurnoffTimeoutInSec: 7200,
      excludedRules: [
        {
          direction: "outbound",
          protocol: 6,
          remoteIpv4Address: "10.0.0.5",
          remotePortRange: { fromPort: 443, toPort: 443 },
        },
        {
          direction: "inbound",
          protocol: 17,
          remoteIpv4Address: "10.0.0.6",
          localPortRange: { fromPort: 5000, toPort: 5010 },
        },
      ],
    },
  });
});

test("host isolate --json answers with one value that says what is in effect", async (t) => {
  const { run } = await openConnectedSession(t, {
    [byId]: [list(sensor(null)), list(sensor({}))],
    [`POST ${isolation}`]: [echo],
  });
  const { exitCode, stdout, stderr } = await run(["host", "isolate", sensorId.toUpperCase(), "--for", "2h", "--json"]);
  assert.equal(exitCode, 0, stderr);
  const answer = JSON.parse(stdout);
  assert.equal(answer.inEffect, true);
  assert.equal(answer.endsAt, "2026-04-02T12:11:12.000Z");
  assert.equal(stderr, "");
});

test("against a server that does not tell, host isolate says that the order was taken and no more", async (t) => {
  const { run } = await openConnectedSession(t, {
    [byHost]: [list(kataSensor)],
    [byId]: [list(kataSensor)],
    [`POST ${isolation}`]: [echo],
    [`DELETE ${isolation}`]: [ok({})],
  });
  const isolated = await run(["host", "isolate", "host4", "--for", "2h"]);
  assert.equal(isolated.exitCode, 0);
  assert.match(isolated.stdout, /this server does not tell whether it is in effect/);
  assert.equal(JSON.parse((await run(["host", "isolate", "host4", "--for", "2h", "--json"])).stdout).inEffect, null);
  const released = await run(["host", "release", "host4"]);
  assert.equal(released.exitCode, 0);
  assert.match(released.stdout, /this server does not tell/);
});

test("an isolation that the host reports as failed exits with 1 and its reason; one without a report exits with 6", async (t) => {
  const { run } = await openConnectedSession(t, {
    [byHost]: [list(sensor(null))],
    [byId]: [
      list(sensor({ state: "failed", reason: "NFT_MISSING", detail: "no nft" })),
      list(sensor({ state: "pending" })),
    ],
    [`POST ${isolation}`]: [echo],
  });
  const failed = await run(["host", "isolate", "host4", "--for", "2h"]);
  assert.equal(failed.exitCode, 1);
  assert.match(failed.stderr, /host4 could not be isolated: NFT_MISSING: no nft/);
  const late = await run(["host", "isolate", "host4", "--for", "2h", "--timeout", "5s"]);
  assert.equal(late.exitCode, 6);
  assert.match(late.stderr, /within 5 s; the order stands/);
  const unwaited = await run(["host", "isolate", "host4", "--for", "2h", "--no-wait"]);
  assert.equal(unwaited.exitCode, 0);
  assert.match(unwaited.stdout, /not waited/);
});

test("host release waits until the isolation is lifted, and is done at once where there never was one", async (t) => {
  const { run, asked } = await openConnectedSession(t, {
    [byHost]: [list(sensor({ orderedGeneration: 4 })), list(sensor(null))],
    [byId]: [
      list(sensor({ orderedGeneration: 5, state: "pending" })),
      list(sensor({ orderedGeneration: 5, state: "lifted" })),
    ],
    [`DELETE ${isolation}`]: [ok({})],
  });
  const { exitCode, stdout } = await run(["host", "release", "host4"]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /isolation: +lifted/);
  assert.deepEqual(asked.filter(({ method }) => method === "DELETE").length, 1);
  assert.equal((await run(["host", "release", "host4"])).exitCode, 0);
});

test("durations out of bounds, missing ones and unknown hosts are told apart by exit code", async (t) => {
  const other = "00000000-0000-4000-8000-000000000001";
  const { run, asked } = await openConnectedSession(t, {
    [byHost]: [list(sensor(null), { ...sensor(null), sensorId: other })],
    "GET /sensors?host=nobody": [list()],
  });
  for (const duration of ["59m", "10000h", "soon", "-1h"]) {
    const { exitCode, stderr } = await run(["host", "isolate", "host4", `--for=${duration}`]);
    assert.equal(exitCode, 2, duration);
    assert.match(stderr, /--for must be/);
  }
  assert.equal((await run(["host", "isolate", "host4"])).exitCode, 2);
  assert.equal(asked.length, 0);
  assert.equal((await run(["host", "isolate", "nobody", "--for", "1h"])).exitCode, 5);
  const ambiguous = await run(["host", "isolate", "host4", "--for", "1h"]);
  assert.equal(ambiguous.exitCode, 2);
  assert.match(ambiguous.stderr, new RegExp(`2 hosts answer to host4[\\s\\S]*${sensorId}[\\s\\S]*${other}`));
  assert.ok(asked.every(({ method }) => method === "GET"));
});

test("a GET is tried again after a broken connection, an order is not", async (t) => {
  const { run, asked } = await openConnectedSession(t, {
    [byHost]: ["hang up", list(kataSensor)],
    [`POST ${isolation}`]: ["hang up", echo],
  });
  const { exitCode, stderr } = await run(["host", "isolate", "host4", "--for", "2h"]);
  assert.equal(exitCode, 3);
  assert.match(stderr, /whether the order was taken is not known/);
  assert.deepEqual(
    asked.map(({ method }) => method),
    ["GET", "GET", "POST"],
  );
});

test("what a server refuses or cannot do is passed on in words, with an exit code of its own", async (t) => {
  const { run } = await openConnectedSession(t, {
    "GET /sensors": [
      list(),
      no(400, { error: "Bad Request", message: "ip must be\u001b[31m an address" }),
      no(500, { error: "Internal Server Error" }),
      no(503, "<html>busy</html>"),
      ok("<html>hello</html>"),
      ok({ sensors: [{ host: "no id" }] }),
    ],
  });
  const outcomes: [number, RegExp][] = [
    [1, /the server refused: Bad Request: ip must be an address/],
    [1, /answered 500: Internal Server Error/],
    [3, /not available \(503\)/],
    [1, /not one of the Response API/],
    [1, /not one of the Response API/],
  ];
  for (const [expected, message] of outcomes) {
    const { exitCode, stderr } = await run(["host", "list"]);
    assert.equal(exitCode, expected, stderr);
    assert.match(stderr, message);
  }
});
