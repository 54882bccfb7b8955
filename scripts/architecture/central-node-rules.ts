/** The one-way order inside the Central Node. */
import type { Rule, Violation } from "./rule.ts";
import { codeFiles, importsOf, isTest, type SourceTree, withoutComments } from "./source-tree.ts";

const source = "packages/central-node/src/";

/** A folder may import from the rows above its own, never from its own row or below. */
const layers = [
  ["database", "http", "text", "changes"],
  ["audit"],
  ["users", "external-systems", "hosts", "installation"],
  ["metrics"],
  ["enrolment", "settings", "tasks", "blocks"],
  ["agent-link", "response-api", "console-api"],
  ["admin-socket"],
  ["command-line"],
];

/** `settings` of `packages/central-node/src/settings/x.ts`; null for a file beside main.ts. */
function sliceOf(path: string): string | null {
  const parts = path.slice(source.length).split("/");
  return parts.length > 1 ? (parts[0] ?? null) : null;
}

function sliceFiles(tree: SourceTree): { file: string; slice: string }[] {
  return codeFiles(tree)
    .filter((file) => file.startsWith(source))
    .flatMap((file) => {
      const slice = sliceOf(file);
      return slice === null ? [] : [{ file, slice }];
    });
}

const layerOf = (slice: string) => layers.findIndex((row) => row.includes(slice));

const slicesDependOneWay: Rule = {
  rule: `inside central-node a folder imports only from the rows above its own: ${layers.map((row) => row.join(", ")).join(" ← ")}`,
  why: "a slice that knows who calls it cannot be changed, or tested, without its callers",
  check: (tree) =>
    sliceFiles(tree).flatMap(({ file, slice }): Violation[] => {
      if (layerOf(slice) < 0) {
        return [
          { file, what: `is in ${slice}/, which has no place in scripts/architecture/central-node-rules.ts yet` },
        ];
      }
      return importsOf(tree, file).flatMap(({ target, line }) => {
        const other = target?.startsWith(source) ? sliceOf(target) : null;
        if (other === null || other === slice || layerOf(other) < layerOf(slice)) return [];
        return [{ file, line, what: `imports ${target}` }];
      });
    }),
};

const slicesKnowNoRoot: Rule = {
  rule: "only command-line/ and tests import central-node.ts, config.ts or main.ts",
  why: "the composition root hands each slice what it needs; a slice that reaches for the root can reach everything",
  check: (tree) =>
    sliceFiles(tree)
      .filter(({ file, slice }) => slice !== "command-line" && !isTest(file))
      .flatMap(({ file }) =>
        importsOf(tree, file)
          .filter(
            ({ target }) => target !== null && /^(central-node|config|main)\.ts$/.test(target.slice(source.length)),
          )
          .map(({ target, line }) => ({ file, line, what: `imports ${target}` })),
      ),
};

const storesArePrivate: Rule = {
  rule: "a slice calls another slice's service, never its store",
  why: "the service checks, audits and nudges; whoever goes to the store goes around all three",
  check: (tree) =>
    sliceFiles(tree)
      .filter(({ file }) => !isTest(file))
      .flatMap(({ file, slice }) =>
        importsOf(tree, file)
          .filter(({ target }) => target?.startsWith(source) && /-store\.ts$/.test(target))
          .filter(({ target }) => target !== null && sliceOf(target) !== slice)
          .map(({ target, line }) => ({ file, line, what: `imports ${target}` })),
      ),
};

const oneSliceWritesATable: Rule = {
  rule: "only one slice writes a table, and database/ writes only what it keeps for itself",
  why: "what holds between a table's rows is kept in one place, or nowhere",
  check: (tree) => {
    const writers = new Map<string, { file: string; slice: string }>();
    return sliceFiles(tree)
      .filter(({ file }) => !isTest(file) && !file.includes("/migrations/"))
      .flatMap(({ file, slice }) => {
        const code = withoutComments(tree.get(file) ?? "");
        const tables = [...code.matchAll(/\b(?:insertInto|updateTable|deleteFrom|replaceInto)\(\s*"(\w+)"/g)];
        return tables.flatMap(([, table = ""]) => {
          const writer = writers.get(table);
          if (writer === undefined) writers.set(table, { file, slice });
          if (writer === undefined || writer.slice === slice) return [];
          return [{ file, what: `writes the table ${table}, which ${writer.file} writes as well` }];
        });
      });
  },
};

export const centralNodeRules = { slicesDependOneWay, slicesKnowNoRoot, storesArePrivate, oneSliceWritesATable };
