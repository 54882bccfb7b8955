/** Requests to the Response API, from nearly right to garbage. */
import { knockBases, responseApiBase } from "@cordon/contract";
import fc from "fast-check";

export type FuzzedRequest = {
  method: string;
  /** Below nothing: the whole path with its query, as it goes on the wire. */
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
};

const systemId = "15301050-0490-4A41-81EA-B0391CF21EF3";
const taskIds = [1, 2, 3].map((number) => `00000000-0000-4000-8000-00000000000${number}`);
const [sha256, md5] = ["ab".repeat(32), "cd".repeat(16)];

const hostileTexts = [
  "",
  " ",
  "\0",
  "\ud800",
  "\udc00\ud800",
  "\u202e",
  "\u2028",
  "null",
  "undefined",
  "true",
  "NaN",
  "-0",
  "1e400",
  "0x10",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "../..",
  "..%2f..",
  "'; drop table hosts; --",
  "%",
  "%00",
  "a".repeat(10_000),
];
const hostileText = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
);

const ports = { fromPort: 443, toPort: 443 };
const bodies: object[] = [
  { settings: { autoTurnoffTimeoutInSec: 7200 } },
  {
    settings: {
      autoTurnoffTimeoutInSec: 3600,
      excludedRules: [
        { direction: "inbound", protocol: 6, remoteIpv4Address: "10.0.0.1", localPortRange: ports },
        { direction: "outbound", protocol: 17, remoteIpv4Address: "10.0.0.2", remotePortRange: ports },
        { remoteIpv4Address: "10.0.0.3" },
      ],
    },
  },
  { settings: { objects: [{ file: { sha256 }, name: "label" }, { file: { md5 } }] } },
  { settings: { objects: [{ file: { md5: md5.toUpperCase(), name: "label" } }] } },
  { settings: { objects: [] } },
  { task: { schedule: { startNow: true }, execCommand: "/bin/true", cmdLineParameters: "-p", workingDirectory: "/" } },
  { task: { shedule: { startNow: false }, execCommand: "/bin/true" } },
];

/** Values as JSON text, so that also what no value of ours can say is said. */
const hostileJson = fc.oneof(
  hostileText.map((text) => JSON.stringify(text)),
  fc.json({ maxDepth: 3, stringUnit: "binary" }),
  fc.constantFrom(
    "1e400",
    "-1e400",
    "1e-400",
    "3600.0000000001",
    "9007199254740993",
    "-0",
    "36e2",
    "7200",
    "65535",
    "null",
    "[]",
    "{}",
    '"\\ud800"',
    '"\\u0000"',
    '{"__proto__":{"fromPort":1}}',
    '{"constructor":{"prototype":{}}}',
    '{"length":1e9}',
    '{"fromPort":2,"toPort":1}',
    '{"a":1,"a":2}',
  ),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`),
);

/** One place of a documented body with something else there; or with more beside it, or twice. */
const mutated = (from: object[]) =>
  fc
    .tuple(
      fc.constantFrom(...from),
      fc.nat({ max: 20 }),
      hostileJson,
      fc.constantFrom("replace", "add", "double", "remove", "wrap"),
    )
    .map(([body, at, json, how]) => {
      const text = JSON.stringify(body);
      const places = [...text.matchAll(/"(\w+)":(\{|\[|[^,}\]]+)/g)];
      const place = places[at % places.length];
      if (place === undefined) return text;
      const [start, key = ""] = [place.index, place[1]];
      const end = start + key.length + 3;
      if (how === "add") return `${text.slice(0, start)}"__proto__":${json},${text.slice(start)}`;
      if (how === "double") return `${text.slice(0, start)}"${key}":${json},${text.slice(start)}`;
      const after = endOfValue(text, end);
      if (how === "remove") return `${text.slice(0, start)}"x":0${text.slice(after)}`;
      if (how === "wrap") return `${text.slice(0, end)}[${text.slice(end, after)}]${text.slice(after)}`;
      return text.slice(0, end) + json + text.slice(after);
    });

function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? "";
    if ("{[".includes(character)) depth += 1;
    if (depth === 0 && ",}]".includes(character)) return at;
    if ("}]".includes(character)) depth -= 1;
    if (depth === 0 && "}]".includes(character)) return at + 1;
  }
  return text.length;
}

/** Mostly of the kind that the call takes. */
function bodyFor(path: string) {
  const fitting = bodies.filter((body) => "task" in body === path.includes("/tasks/"));
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...fitting).map((value) => JSON.stringify(value)) },
    { weight: 8, arbitrary: mutated(fitting) },
    { weight: 1, arbitrary: mutated(bodies) },
    { weight: 1, arbitrary: hostileJson },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.constantFrom("{", "\ufeff{}", "{}{}", '{"settings":{"objects":[', "// {}", "{'a':1}") },
  );
}

/** As it goes on the wire: what a URL cannot carry is escaped, byte by byte. */
function escapeUrl(text: string): string {
  return [...Buffer.from(text, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[\w.~-]/.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

const segment = (...right: string[]) =>
  fc.oneof(
    { weight: 16, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: hostileText.map(escapeUrl) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("%", "%zz", "%ff", "%c0%af", "%00", "..", ".", "", "*", ":id", "a;b", "a%2fb"),
    },
  );

const path = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(
        segment(systemId, systemId.toLowerCase(), "00505693b392"),
        fc.oneof(
          fc.constantFrom("sensors", "settings"),
          fc
            .tuple(segment(...taskIds), fc.constantFrom("", "/start", "/cancel"))
            .map(([id, verb]) => `tasks/${id}${verb}`),
        ),
      )
      .map(([id, call]) => `${responseApiBase}/${id}/${call}`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(responseApiBase, ...knockBases),
        fc.array(segment(systemId, "tasks", "settings", "sensors", "openapi.json"), { maxLength: 5 }),
      )
      .map(([base, segments]) => [base, ...segments].join("/")),
  },
);

const rightValues = (hostId: string) =>
  new Map([
    ["sensor_id", [hostId, "all", hostId.toUpperCase(), "11111111-1111-4111-8111-111111111111", "null"]],
    ["settings_type", ["network_isolation", "prevention", "network_izolation"]],
    ["task_type", ["run_process"]],
    ["settings", ["true", "false"]],
    ["ip", ["10.16.40.243"]],
    ["host", ["host4"]],
    ["__proto__", ["1"]],
    ["more", ["1"]],
  ]);

const query = (hostId: string) =>
  fc
    .array(
      fc
        .constantFrom(...rightValues(hostId))
        .chain(([key, right]) =>
          fc
            .oneof(
              { weight: 8, arbitrary: fc.constantFrom(...right) },
              { weight: 1, arbitrary: hostileText.map(escapeUrl) },
              { weight: 1, arbitrary: fc.constantFrom("%", "%ff", "%00", "a=b", "[]") },
            )
            .map((value) => `${key}=${value}`),
        ),
      { maxLength: 4 },
    )
    .map((pairs) => pairs.join("&"));

/** What the call needs, so that many requests get past the door. */
const rightQuery = (hostId: string) =>
  fc
    .tuple(fc.constantFrom(hostId, hostId, "all"), fc.constantFrom("network_isolation", "prevention"))
    .map(([sensorId, type]) => `sensor_id=${sensorId}&settings_type=${type}&task_type=run_process`);

const contentTypes = [
  "application/json",
  "application/json; charset=utf-8",
  "APPLICATION/JSON",
  "application/json; charset=utf-16",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/jsonx",
  ";;",
  "",
];
const headers = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant("application/json") },
      { weight: 1, arbitrary: fc.constantFrom(...contentTypes) },
    ),
    fc.dictionary(
      fc.constantFrom(
        "accept",
        "accept-encoding",
        "content-encoding",
        "content-length",
        "if-none-match",
        "range",
        "x-request-id",
        "accept-version",
        "authorization",
        "cookie",
        "x-http-method-override",
        "expect",
      ),
      fc.constantFrom("gzip", "0", "1", "-1", "1e9", "*/*", "DELETE", "bytes=0-", "x", "100-continue"),
      { maxKeys: 2 },
    ),
  )
  .map(([contentType, more]) => ({ ...more, "content-type": contentType }));

export function fuzzedRequest(hostId: string): fc.Arbitrary<FuzzedRequest> {
  return path
    .chain((path) =>
      fc.record({
        path: fc.constant(path),
        method: fc.oneof(
          { weight: 12, arbitrary: fc.constantFrom("GET", "POST", "POST", "DELETE") },
          { weight: 1, arbitrary: fc.constantFrom("PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "SEARCH") },
        ),
        query: fc.oneof({ weight: 4, arbitrary: rightQuery(hostId) }, { weight: 1, arbitrary: query(hostId) }),
        headers: fc.oneof(
          { weight: 4, arbitrary: fc.constant({ "content-type": "application/json" }) },
          { weight: 1, arbitrary: headers },
        ),
        body: fc.option(bodyFor(path), { nil: undefined, freq: 6 }),
      }),
    )
    .map(({ method, path, query, headers, body }) => ({
      method,
      url: query === "" ? path : `${path}?${query}`,
      headers,
      body: method === "GET" || method === "HEAD" ? undefined : body,
    }));
}
