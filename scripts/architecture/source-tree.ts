/** A tree of source files and what they import, read without running or fully parsing them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** Path from the root, with `/` → text. Small ones are made by hand to prove that a rule can fail. */
export type SourceTree = ReadonlyMap<string, string>;

export type Import = {
  /** As written: `./x.ts`, `@cordon/contract`, `node:fs`, `ws`. */
  specifier: string;
  line: number;
  /** Erased before it runs: `import type`, `export type`. */
  typeOnly: boolean;
  /** Path from the root of the file of ours that it leads to; null for what is not ours. */
  target: string | null;
};

/** What git has or would add: the files that are, or could be, committed. Binary files are left out. */
export function readSourceTree(root: string): SourceTree {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  });
  const tree = new Map<string, string>();
  for (const path of listed.split("\0")) {
    // A file that was deleted and not yet committed is still listed.
    if (path === "" || !existsSync(`${root}/${path}`)) continue;
    const text = readFileSync(`${root}/${path}`, "utf8");
    if (!text.includes("\0")) tree.set(path, text);
  }
  return tree;
}

/** A test, or what only tests use: a `test-….ts` beside them, or a `testing/` folder. */
export const isTest = (path: string) => /(\.test|\/test-[^/]+|\/testing\/.+)\.tsx?$/.test(path);

/** `packages/cli` of `packages/cli/src/main.ts`; null outside of every workspace. */
export function workspaceOf(path: string): string | null {
  return /^(packages\/[^/]+|system-tests|bench)\//.exec(path)?.[1] ?? null;
}

/** TypeScript files of ours that run in a product or a test. */
export function codeFiles(tree: SourceTree): string[] {
  return [...tree.keys()].filter((path) => /\.tsx?$/.test(path) && workspaceOf(path) !== null);
}

const commentOrString = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

/** The text with every comment blanked, line numbers kept. */
export function withoutComments(text: string): string {
  return text.replace(commentOrString, (part) => (part.startsWith("/") ? part.replace(/[^\n]/g, " ") : part));
}

/**
 * Every import and re-export of a file. Strings are taken out first, so that code inside a string (a fixture of a test,
 * an example in a help text) is not taken for an import.
 */
export function importsOf(tree: SourceTree, path: string): Import[] {
  const strings: string[] = [];
  const code = withoutComments(tree.get(path) ?? "").replace(commentOrString, (literal) => {
    strings.push(literal.slice(1, -1));
    // As many line breaks as there were: line numbers must stay right.
    return `"${strings.length - 1}"${literal.replace(/[^\n]/g, "")}`;
  });
  const forms = [
    /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s*\bfrom\s*)?"(\d+)"/g,
    /\b(?:import|require|import\.meta\.resolve)(\s*)\(\s*"(\d+)"/g,
    // How a file of ours is named that runs in a process or thread of its own.
    /\bnew\s+URL(\s*)\(\s*"(\d+)"\s*,\s*import\.meta\.url/g,
  ];
  return forms.flatMap((form) =>
    [...code.matchAll(form)].map((match) => {
      const specifier = strings[Number(match[2])] ?? "";
      return {
        specifier,
        line: code.slice(0, match.index).split("\n").length,
        typeOnly: match[1]?.trim() === "type",
        target: resolve(tree, path, specifier),
      };
    }),
  );
}

function resolve(tree: SourceTree, from: string, specifier: string): string | null {
  if (specifier.startsWith(".")) return posix.normalize(posix.join(posix.dirname(from), specifier));
  const ours = /^@cordon\/([^/]+)(\/.+)?$/.exec(specifier);
  if (ours === null) return null;
  const folder = ours[1] === "system-tests" || ours[1] === "bench" ? ours[1] : `packages/${ours[1]}`;
  const exported = readPackage(tree, folder)?.exports?.[`.${ours[2] ?? ""}`];
  return exported === undefined ? `${folder}/src/index.ts` : posix.join(folder, exported);
}

export type PackageFile = {
  name: string;
  exports?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
};

/** The package.json of a folder (`""` for the root's), or null. */
export function readPackage(tree: SourceTree, folder: string): PackageFile | null {
  const text = tree.get(folder === "" ? "package.json" : `${folder}/package.json`);
  return text === undefined ? null : (JSON.parse(text) as PackageFile);
}
