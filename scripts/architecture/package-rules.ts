/** Who may import whom between packages, and what each may bring in from outside. */
import { isBuiltin } from "node:module";
import type { Rule, Violation } from "./rule.ts";
import { codeFiles, importsOf, isTest, readPackage, type SourceTree, workspaceOf } from "./source-tree.ts";

const leaves = ["packages/contract", "packages/response-actions", "packages/terminal"];
const deployables = ["packages/central-node", "packages/endpoint-agent", "packages/console", "packages/cli"];

/** Every import that leads from one workspace into another. */
function crossings(tree: SourceTree) {
  return codeFiles(tree).flatMap((file) =>
    importsOf(tree, file).flatMap(({ specifier, line, target }) => {
      const from = workspaceOf(file);
      const to = target === null ? null : workspaceOf(target);
      return from === null || to === null || from === to ? [] : [{ file, line, specifier, from, to }];
    }),
  );
}

const leavesImportNothing: Rule = {
  rule: "contract, response-actions and terminal are leaves: they import no package of ours, but that terminal may import contract",
  why: "every program holds them, so whatever they import, all programs hold as well; terminal says contract's problems in words and exit codes",
  check: (tree) =>
    crossings(tree)
      .filter(({ from, to }) => leaves.includes(from) && !(from === "packages/terminal" && to === "packages/contract"))
      .map(({ file, line, specifier }) => ({ file, line, what: `imports ${specifier}` })),
};

const deployablesMeetOnTheWire: Rule = {
  rule: "central-node, endpoint-agent, console and cli never import each other; nothing imports bench, and only bench imports system-tests",
  why: "they run on different machines in different versions: what they share is the contract, and nothing else",
  check: (tree) =>
    crossings(tree)
      .filter(({ from, to }) =>
        to === "bench" || (to === "system-tests" && from !== "bench")
          ? true
          : deployables.includes(from) && deployables.includes(to),
      )
      .map(({ file, line, specifier }) => ({ file, line, what: `imports ${specifier}` })),
};

const packagesAreImportedByName: Rule = {
  rule: "a package is imported by its name, never by a path into its folder",
  why: "its package.json says what is public; a path reaches around that, and the import shows up in no dependency list",
  check: (tree) =>
    crossings(tree)
      .filter(({ specifier, from }) => specifier.startsWith(".") && from !== "system-tests" && from !== "bench")
      .map(({ file, line, specifier }) => ({ file, line, what: `imports ${specifier}` })),
};

const consoleHoldsOnlyTwoLeaves: Rule = {
  rule: "of ours the console imports only contract and response-actions",
  why: "what it imports is sent to a browser: the table of calls and the checks of orders, and nothing that runs on a machine",
  check: (tree) =>
    crossings(tree)
      .filter(({ from, to }) => from === "packages/console" && !leaves.slice(0, 2).includes(to))
      .map(({ file, line, specifier }) => ({ file, line, what: `imports ${specifier}` })),
};

const enforcersBelongToTheAgent: Rule = {
  rule: "only the agent (and the system tests) import @cordon/response-actions/enforcers",
  why: "the enforcers change the machine that they run on; a server or a command line must not hold that power",
  check: (tree) =>
    codeFiles(tree)
      .filter(
        (file) =>
          !["packages/endpoint-agent", "packages/response-actions", "system-tests"].includes(workspaceOf(file) ?? ""),
      )
      .flatMap((file) =>
        importsOf(tree, file)
          .filter(({ specifier }) => specifier === "@cordon/response-actions/enforcers")
          .map(({ specifier, line }) => ({ file, line, what: `imports ${specifier}` })),
      ),
};

const productsHoldNoTests: Rule = {
  rule: "only tests import tests, or the test-….ts files that help them",
  why: "what helps a test may start servers and write anywhere; it must never be part of a product",
  check: (tree) =>
    codeFiles(tree)
      .filter((file) => file.startsWith("packages/") && !isTest(file))
      .flatMap((file) =>
        importsOf(tree, file)
          .filter(({ target }) => target !== null && isTest(target))
          .map(({ specifier, line }) => ({ file, line, what: `imports ${specifier}` })),
      ),
};

const browserEntries = [
  "packages/contract/src/index.ts",
  "packages/contract/src/console-api.ts",
  "packages/response-actions/src/index.ts",
];

const leavesLoadInABrowser: Rule = {
  rule: "what contract's and response-actions' main entries reach holds no node: module and no enforcer",
  why: "the console loads them in a browser, for the same checks that the Central Node makes",
  check: (tree) => browserEntries.flatMap((entry) => browserFaults(tree, entry, new Set())),
};

function browserFaults(tree: SourceTree, file: string, seen: Set<string>): Violation[] {
  if (seen.has(file) || !tree.has(file)) return [];
  seen.add(file);
  return importsOf(tree, file).flatMap(({ specifier, line, typeOnly, target }) => {
    // A type import is erased: a browser never follows it.
    if (typeOnly) return [];
    if (isBuiltin(specifier)) return [{ file, line, what: `imports ${specifier}` }];
    if (target === null) return [];
    if (/\/enforce(rs)?[.-]/.test(target)) return [{ file, line, what: `imports the enforcer ${target}` }];
    return browserFaults(tree, target, seen);
  });
}

const importsAreDeclared: Rule = {
  rule: "a package declares in its own package.json what it imports; a test may also use what the root declares for all",
  why: "an undeclared import works only while npm happens to hoist it, and is missing from the bundle's licence list",
  check: (tree) =>
    [...codeFiles(tree), ...[...tree.keys()].filter((file) => /^(scripts\/.+|[^/]+)\.(ts|mjs)$/.test(file))].flatMap(
      (file) => {
        const folder = workspaceOf(file) ?? "";
        const own = readPackage(tree, folder);
        const root = readPackage(tree, "");
        const declared = new Set([
          own?.name,
          ...Object.keys(own?.dependencies ?? {}),
          ...Object.keys(own?.optionalDependencies ?? {}),
          // What lies beside a package.json builds the package, and is no part of it.
          ...(isTest(file) || folder === "" || folder === "system-tests" || /^packages\/[^/]+\/[^/]+$/.test(file)
            ? [...Object.keys(own?.devDependencies ?? {}), ...Object.keys(root?.devDependencies ?? {})]
            : []),
        ]);
        return (
          importsOf(tree, file)
            .filter(({ specifier }) => !specifier.startsWith(".") && !isBuiltin(specifier))
            // npm links every workspace into the root's node_modules, so the root's scripts need not declare ours.
            .filter(({ specifier }) => !(folder === "" && specifier.startsWith("@cordon/")))
            .filter(({ specifier }) => !declared.has(packageName(specifier)))
            .map(({ specifier, line }) => ({
              file,
              line,
              what: `imports ${packageName(specifier)}, which is not declared`,
            }))
        );
      },
    ),
};

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The agent runs as root on other people's machines: each package that it brings there, directly, has a reason. */
export const agentDependencies: Record<string, string> = {
  typebox: "checks every message from the Central Node and every order against its schema",
  ws: "the link: Node has a WebSocket client of its own, but it takes no client certificate and answers no ping by hand",
  pino: "structured logs",
  koffi:
    "fanotify, poll and sd_notify: Node has no call for them; prebuilt in its npm package, so no compiler on the host",
  commander: "the command line's grammar",
  picocolors: "colours that go with NO_COLOR and off a terminal",
  "cli-table3": "tables whose columns fit wide characters",
};

const agentBringsOnlyWhatItMust: Rule = {
  rule: "the agent's third-party dependencies, and those of the packages of ours that it holds, are on the allow-list in scripts/architecture/package-rules.ts",
  why: "the agent runs as root on other people's machines: each package that comes along is one more way in",
  check: (tree) => {
    const folders = ["packages/endpoint-agent", ...leaves];
    const used = folders.flatMap((folder) => {
      const own = readPackage(tree, folder);
      return Object.keys({ ...own?.dependencies, ...own?.optionalDependencies }).map((name) => ({
        name,
        file: `${folder}/package.json`,
      }));
    });
    const strangers = used
      .filter(({ name }) => !name.startsWith("@cordon/") && agentDependencies[name] === undefined)
      .map(({ name, file }) => ({ file, what: `depends on ${name}, which is not on the allow-list` }));
    const forgotten = Object.keys(agentDependencies)
      .filter((name) => tree.has("packages/endpoint-agent/package.json") && !used.some((each) => each.name === name))
      .map((name) => ({ file: "scripts/architecture/package-rules.ts", what: `allows ${name}, which nothing uses` }));
    return [...strangers, ...forgotten];
  },
};

const noImportCycles: Rule = {
  rule: "files do not import each other in a circle, types included",
  why: "files in a circle can only be understood, tested and moved together",
  check: (tree) => {
    const edges = new Map(
      codeFiles(tree).map((file) => [
        file,
        importsOf(tree, file).flatMap(({ target }) => (target !== null && tree.has(target) ? [target] : [])),
      ]),
    );
    const finished = new Set<string>();
    const found: Violation[] = [];
    const visit = (file: string, path: string[]) => {
      const at = path.indexOf(file);
      if (at >= 0) found.push({ file, what: `is in a circle: ${[...path.slice(at), file].join(" → ")}` });
      if (at >= 0 || finished.has(file)) return;
      for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
      finished.add(file);
    };
    for (const file of edges.keys()) visit(file, []);
    return found;
  },
};

export const packageRules = {
  leavesImportNothing,
  deployablesMeetOnTheWire,
  packagesAreImportedByName,
  consoleHoldsOnlyTwoLeaves,
  enforcersBelongToTheAgent,
  productsHoldNoTests,
  leavesLoadInABrowser,
  importsAreDeclared,
  agentBringsOnlyWhatItMust,
  noImportCycles,
};
