/** ARCHITECTURE.md's rules, held against the whole repository; and, for each rule, a small tree that breaks it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { centralNodeRules } from "./scripts/architecture/central-node-rules.ts";
import { agentDependencies, packageRules } from "./scripts/architecture/package-rules.ts";
import { describeViolations, type Rule } from "./scripts/architecture/rule.ts";
import { importsOf, readSourceTree } from "./scripts/architecture/source-tree.ts";
import { wordRules } from "./scripts/architecture/word-rules.ts";

const rules = { ...packageRules, ...centralNodeRules, ...wordRules };
type RuleName = keyof typeof rules;

const repository = readSourceTree(fileURLToPath(new URL(".", import.meta.url)));

test("the repository is seen: rules that look at nothing would all pass", () => {
  assert.ok(repository.has("packages/contract/src/index.ts"));
  const reached = importsOf(repository, "packages/contract/src/index.ts").map(({ target }) => target);
  assert.ok(reached.includes("packages/contract/src/problem.ts"));
});

for (const rule of Object.values(rules) as Rule[]) {
  test(rule.rule, () => {
    const violations = rule.check(repository);
    if (violations.length > 0) assert.fail(`\n${describeViolations(rule, violations)}`);
  });
}

type Tree = Record<string, string>;
const node = "packages/central-node/src";
const agent = "packages/endpoint-agent/src";
const actions = "packages/response-actions/src";
const packageJson = (name: string, dependencies: string[]) =>
  JSON.stringify({ name, dependencies: Object.fromEntries(dependencies.map((each) => [each, "1.0.0"])) });

/** For each rule: trees that break it, with the file that must be blamed, and a tree that comes close and holds. */
const proofs: Record<RuleName, { broken: [blamed: string, tree: Tree][]; sound: Tree }> = {
  leavesImportNothing: {
    broken: [
      ["packages/contract/src/a.ts", { "packages/contract/src/a.ts": 'import { x } from "@cordon/response-actions";' }],
      [`${actions}/a.ts`, { [`${actions}/a.ts`]: 'import type { X } from "@cordon/contract";' }],
      ["packages/terminal/src/a.ts", { "packages/terminal/src/a.ts": 'export * from "@cordon/response-actions";' }],
    ],
    sound: {
      "packages/terminal/src/a.ts": 'import { Problem } from "@cordon/contract";',
      "packages/contract/src/a.ts": '// import { x } from "@cordon/terminal";\nconst text = \'import "@cordon/cli"\';',
    },
  },
  deployablesMeetOnTheWire: {
    broken: [
      ["packages/cli/src/a.ts", { "packages/cli/src/a.ts": 'const x = await import("@cordon/central-node");' }],
      [`${agent}/a.test.ts`, { [`${agent}/a.test.ts`]: 'import "../../central-node/src/main.ts";' }],
      [`${node}/a.ts`, { [`${node}/a.ts`]: 'import { lab } from "@cordon/system-tests";' }],
    ],
    sound: { "system-tests/src/a.ts": 'import "@cordon/cli"; import "@cordon/endpoint-agent";' },
  },
  packagesAreImportedByName: {
    broken: [[`${agent}/a.ts`, { [`${agent}/a.ts`]: 'import { x } from "../../contract/src/problem.ts";' }]],
    sound: { [`${agent}/host/a.ts`]: 'import { x } from "../journal.ts"; import { y } from "@cordon/contract";' },
  },
  consoleHoldsOnlyTwoLeaves: {
    broken: [
      [
        "packages/console/src/a.tsx",
        { "packages/console/src/a.tsx": 'import { table } from "@cordon/terminal";\nexport const a = <p>a</p>;' },
      ],
    ],
    sound: {
      "packages/console/src/a.ts": 'import "@cordon/contract/console-api"; import "@cordon/response-actions";',
    },
  },
  enforcersBelongToTheAgent: {
    broken: [[`${node}/a.ts`, { [`${node}/a.ts`]: 'import { x } from "@cordon/response-actions/enforcers";' }]],
    sound: { [`${agent}/host/a.ts`]: 'import { x } from "@cordon/response-actions/enforcers";' },
  },
  productsHoldNoTests: {
    broken: [[`${node}/a.ts`, { [`${node}/a.ts`]: 'import { x } from "./database/test-databases.ts";' }]],
    sound: { [`${node}/a.test.ts`]: 'import { x } from "./database/test-databases.ts";' },
  },
  leavesLoadInABrowser: {
    broken: [
      [
        "packages/contract/src/deep.ts",
        {
          "packages/contract/src/index.ts": 'export * from "./deep.ts";',
          "packages/contract/src/deep.ts": 'import { x } from "node:crypto";',
        },
      ],
      [
        `${actions}/index.ts`,
        { [`${actions}/index.ts`]: 'export { x } from "./enforcers.ts";', [`${actions}/enforcers.ts`]: "" },
      ],
      [
        `${actions}/run-process/run-process.ts`,
        {
          [`${actions}/index.ts`]: 'import { x } from "./run-process/run-process.ts";',
          [`${actions}/run-process/run-process.ts`]: 'import { y } from "./enforce.linux.ts";',
        },
      ],
    ],
    sound: {
      [`${actions}/index.ts`]: 'export type { Effect } from "./kit/enforcer.ts";\nexport * from "./a.ts";',
      [`${actions}/kit/enforcer.ts`]: 'import type { Stats } from "node:fs";',
      [`${actions}/a.ts`]: 'import { Type } from "typebox";',
      [`${actions}/run-process/enforce.linux.ts`]: 'import "node:child_process";',
    },
  },
  importsAreDeclared: {
    broken: [
      [
        `${node}/a.ts`,
        { [`${node}/a.ts`]: 'import x from "ws/sub";', "packages/central-node/package.json": packageJson("n", []) },
      ],
      [
        `${node}/a.ts`,
        { [`${node}/a.ts`]: 'import "@cordon/contract";', "packages/central-node/package.json": packageJson("n", []) },
      ],
      [
        `${node}/a.ts`,
        { [`${node}/a.ts`]: 'import "fast-check";', "package.json": '{"devDependencies":{"fast-check":"1"}}' },
      ],
      ["scripts/a.ts", { "scripts/a.ts": 'import "left-pad";', "package.json": "{}" }],
    ],
    sound: {
      "package.json": '{"devDependencies":{"fast-check":"1"}}',
      "packages/central-node/package.json": packageJson("n", ["@cordon/contract", "@peculiar/x509"]),
      [`${node}/a.ts`]: 'import "node:fs"; import "fs"; import "@peculiar/x509/sub"; import "@cordon/contract";',
      [`${node}/a.test.ts`]: 'import "fast-check";',
      "packages/console/package.json": '{"name":"c","devDependencies":{"vite":"1"}}',
      "packages/console/vite.config.ts": 'import { defineConfig } from "vite";',
    },
  },
  agentBringsOnlyWhatItMust: {
    broken: [
      [
        "packages/endpoint-agent/package.json",
        { "packages/endpoint-agent/package.json": packageJson("a", [...Object.keys(agentDependencies), "left-pad"]) },
      ],
      [
        "packages/contract/package.json",
        {
          "packages/endpoint-agent/package.json": packageJson("a", Object.keys(agentDependencies)),
          "packages/contract/package.json": packageJson("c", ["left-pad"]),
        },
      ],
      [
        "scripts/architecture/package-rules.ts",
        { "packages/endpoint-agent/package.json": packageJson("a", Object.keys(agentDependencies).slice(1)) },
      ],
    ],
    sound: {
      "packages/endpoint-agent/package.json": packageJson("a", [...Object.keys(agentDependencies), "@cordon/contract"]),
      "packages/central-node/package.json": packageJson("n", ["fastify"]),
    },
  },
  noImportCycles: {
    broken: [
      [
        `${node}/a.ts`,
        {
          [`${node}/a.ts`]: 'import { b } from "./b.ts";',
          [`${node}/b.ts`]: 'import { c } from "./c.ts";',
          [`${node}/c.ts`]: 'import type { A } from "./a.ts";',
        },
      ],
    ],
    sound: {
      [`${node}/a.ts`]: 'import { b } from "./b.ts"; import { c } from "./c.ts";',
      [`${node}/b.ts`]: 'import { c } from "./c.ts";',
      [`${node}/c.ts`]: "",
    },
  },
  slicesDependOneWay: {
    broken: [
      [`${node}/hosts/a.ts`, { [`${node}/hosts/a.ts`]: 'import type { X } from "../settings/setting-service.ts";' }],
      [`${node}/settings/a.ts`, { [`${node}/settings/a.ts`]: 'import { x } from "../tasks/task-service.ts";' }],
      [`${node}/database/a.ts`, { [`${node}/database/a.ts`]: 'import { x } from "../hosts/host-service.ts";' }],
      [`${node}/http/a.ts`, { [`${node}/http/a.ts`]: 'import { x } from "../database/database.ts";' }],
      [`${node}/new-thing/a.ts`, { [`${node}/new-thing/a.ts`]: "" }],
    ],
    sound: {
      [`${node}/response-api/a.ts`]:
        'import "../settings/setting-service.ts"; import "../http/peer.ts"; import "./b.ts";',
      [`${node}/central-node.ts`]: 'import "./settings/setting-service.ts"; import "./response-api/a.ts";',
    },
  },
  slicesKnowNoRoot: {
    broken: [[`${node}/hosts/a.ts`, { [`${node}/hosts/a.ts`]: 'import type { Config } from "../config.ts";' }]],
    sound: {
      [`${node}/command-line/start.ts`]: 'import { createCentralNode } from "../central-node.ts";',
      [`${node}/hosts/a.test.ts`]: 'import { createCentralNode } from "../central-node.ts";',
    },
  },
  storesArePrivate: {
    broken: [[`${node}/tasks/a.ts`, { [`${node}/tasks/a.ts`]: 'import { x } from "../hosts/host-store.ts";' }]],
    sound: {
      [`${node}/tasks/a.ts`]: 'import { x } from "../hosts/host-service.ts"; import { y } from "./task-store.ts";',
      [`${node}/central-node.ts`]: 'import { x } from "./hosts/host-store.ts";',
    },
  },
  oneSliceWritesATable: {
    broken: [
      [
        `${node}/tasks/a.ts`,
        {
          [`${node}/hosts/host-store.ts`]: 'tx.insertInto("hosts")',
          [`${node}/tasks/a.ts`]: 'tx\n.updateTable(\n"hosts")',
        },
      ],
    ],
    sound: {
      [`${node}/hosts/host-store.ts`]: 'tx.insertInto("hosts"); tx.deleteFrom("hosts")',
      [`${node}/tasks/a.ts`]: 'tx.selectFrom("hosts"); tx.insertInto("tasks")',
    },
  },
  kataWordsStayAtTheEdge: {
    broken: [
      [`${node}/settings/a.ts`, { [`${node}/settings/a.ts`]: 'if (type === "network_isolation") lift();' }],
      [`${actions}/run-process/a.ts`, { [`${actions}/run-process/a.ts`]: "const { execCommand } = order;" }],
      ["packages/cli/src/a.ts", { "packages/cli/src/a.ts": "query.set('sensor_id', id);" }],
    ],
    sound: {
      [`${node}/response-api/translate.ts`]: "settings.excludedRules.map(({ remoteIpv4Address }) => remoteIpv4Address)",
      [`${node}/hosts/host-store.ts`]: '// KATA calls it run_process.\nselect("sensor_id")',
      [`${node}/settings/a.test.ts`]: '"network_izolation"',
    },
  },
  textIsNeverMarkup: {
    broken: [
      [
        "packages/console/src/a.tsx",
        { "packages/console/src/a.tsx": "const a = <p dangerouslySetInnerHTML={{ __html: name }} />;" },
      ],
      ["packages/console/src/a.ts", { "packages/console/src/a.ts": "element.innerHTML = name;" }],
    ],
    sound: { "packages/console/src/a.tsx": "const a = <p>{name}</p>; // never dangerouslySetInnerHTML" },
  },
  onlyEnforcersTouchTheHost: {
    broken: [
      [`${agent}/agent.ts`, { [`${agent}/agent.ts`]: 'import { spawn } from "node:child_process";' }],
      [`${actions}/a.ts`, { [`${actions}/a.ts`]: 'import koffi from "koffi";' }],
      ["packages/cli/src/a.ts", { "packages/cli/src/a.ts": 'await import("node:child_process");' }],
    ],
    sound: {
      [`${agent}/host/a.ts`]: 'import { spawn } from "node:child_process";',
      [`${actions}/prevention/guard.ts`]: 'import koffi from "koffi";',
      [`${agent}/agent.ts`]: '// not "node:child_process" here',
    },
  },
  environmentComesInAtTheTop: {
    broken: [
      [`${node}/hosts/a.ts`, { [`${node}/hosts/a.ts`]: "const home = process.env.HOME;" }],
      [`${node}/hosts/config.ts`, { [`${node}/hosts/config.ts`]: "process.argv.slice(2)" }],
      ["packages/cli/src/a.ts", { "packages/cli/src/a.ts": 'import { env } from "node:process";' }],
    ],
    sound: {
      "packages/cli/src/main.ts": "run(process.argv, process.env)",
      [`${node}/hosts/a.ts`]: "// process.env is read in config.ts\nprocess.uptime()",
      [`${node}/hosts/a.test.ts`]: "process.env.CI",
    },
  },
  namesSayWhatAFileHolds: {
    broken: [
      [`${node}/hosts/host-utils.ts`, { [`${node}/hosts/host-utils.ts`]: "" }],
      [`${node}/common/a.ts`, { [`${node}/common/a.ts`]: "" }],
      [`${node}/helpers.test.ts`, { [`${node}/helpers.test.ts`]: "" }],
      [`${node}/hostService.ts`, { [`${node}/hostService.ts`]: "" }],
    ],
    sound: { [`${node}/database/0001-initial.ts`]: "", [`${node}/hosts/host-service.test.ts`]: "" },
  },
  problemIsTheOnlyClass: {
    broken: [[`${node}/a.ts`, { [`${node}/a.ts`]: "export class HostService {" }]],
    sound: {
      "packages/contract/src/problem.ts": "export class Problem extends Error {",
      [`${node}/a.ts`]: "// A class Like this one\nconst kind = 'a class Act';",
    },
  },
  nothingNamesThisMachine: {
    broken: [
      ["docs/a.md", { "docs/a.md": `See ${"/work"}/main.` }],
      ["a.yaml", { "a.yaml": `url: https://registry.${"npmjs"}.org/` }],
      ["package-lock.json", { "package-lock.json": '"resolved": "https://example.org/x.tgz"' }],
    ],
    sound: {
      "docs/a.md": "the folder src/work/ and https://npmjs.com",
      "package-lock.json": '"resolved": "packages/cli"',
    },
  },
};

for (const [name, { broken, sound }] of Object.entries(proofs)) {
  const rule = rules[name as RuleName] as Rule;
  test(`this is noticed when it stops being true: ${rule.rule}`, () => {
    for (const [blamed, tree] of broken) {
      const violations = rule.check(new Map(Object.entries(tree)));
      assert.deepEqual([...new Set(violations.map(({ file }) => file))], [blamed]);
      const message = describeViolations(rule, violations);
      for (const part of [blamed, rule.rule, rule.why]) assert.ok(message.includes(part), message);
    }
    assert.deepEqual(rule.check(new Map(Object.entries(sound))), []);
  });
}

test("every form of import is seen, with its line, and code inside strings and comments is not", () => {
  const text = [
    'import a, { type B } from "./a.ts";',
    "import type {",
    "  C,",
    "} from './c.ts';",
    '/* import "./no.ts"',
    ' */ export * as d from "./d.ts";',
    'const e = await import("./e.ts"); // import "./no.ts"',
    'new URL("./f.ts", import.meta.url); const fixture = `import "./no.ts"\n`;',
    'type G = import("./g.ts").G; const h = "import(\\"./no.ts\\")";',
    'export const i = "from"; export type { J } from "./j.ts";',
  ].join("\n");
  const found = importsOf(new Map([["packages/x/src/x.ts", text]]), "packages/x/src/x.ts");
  assert.deepEqual(found.map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly]).sort(), [
    ["./a.ts", 1, false],
    ["./c.ts", 2, true],
    ["./d.ts", 6, false],
    ["./e.ts", 7, false],
    ["./f.ts", 8, false],
    ["./g.ts", 10, false],
    ["./j.ts", 11, true],
  ]);
});
