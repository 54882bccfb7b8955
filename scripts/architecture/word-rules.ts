/** What may be said, and what may be touched, in which file. */
import type { Rule, Violation } from "./rule.ts";
import { codeFiles, isTest, type SourceTree, withoutComments } from "./source-tree.ts";

/** Every line of these files, comments left out, where `pattern` is found. */
function findLines(tree: SourceTree, files: string[], pattern: RegExp): Violation[] {
  return files.flatMap((file) =>
    withoutComments(tree.get(file) ?? "")
      .split("\n")
      .flatMap((text, index) => {
        const found = pattern.exec(text);
        return found === null ? [] : [{ file, line: index + 1, what: `says ${found[0].trim()}` }];
      }),
  );
}

const programFiles = (tree: SourceTree) =>
  codeFiles(tree).filter((file) => file.startsWith("packages/") && !isTest(file));

const kataWord =
  /\b(settings_type|task_type|network_i[sz]olation|run_process|excludedRules|remoteIpv4Address|localPortRange|remotePortRange|execCommand|cmdLineParameters|shedule)\b/;
/** Inside the Central Node this is also how its tables spell our own `sensorId`. */
const sensorWord = /\bsensor_id\b/;
const kataPlaces =
  /^packages\/(contract\/src\/response-api[^/]*\.ts|central-node\/src\/response-api\/|cli\/src\/(response-api-client|wire)\.ts)/;

const kataWordsStayAtTheEdge: Rule = {
  rule: "KATA's words are spoken only in contract's response-api files, central-node/src/response-api/ and the command line's client for it",
  why: "a correction of the Response API must be a change in one place, and one thing must have one name everywhere else",
  check: (tree) => {
    const files = programFiles(tree).filter((file) => !kataPlaces.test(file));
    const outsideCentralNode = files.filter((file) => !file.startsWith("packages/central-node/"));
    return [...findLines(tree, files, kataWord), ...findLines(tree, outsideCentralNode, sensorWord)];
  },
};

const textIsNeverMarkup: Rule = {
  rule: "the console makes no markup and no script of a string",
  why: "host names, output and certificates come from whoever attacks: they must stay text wherever they are shown",
  check: (tree) =>
    findLines(
      tree,
      programFiles(tree).filter((file) => file.startsWith("packages/console/")),
      /\bdangerouslySetInnerHTML\b|\b(inner|outer)HTML\b|\binsertAdjacentHTML\b|\bdocument\.write\b|\beval\(|\bnew Function\b/,
    ),
};

const hostPlaces = /^packages\/(response-actions\/src\/[^/]+\/[^/]+|endpoint-agent\/src\/host\/)/;

const onlyEnforcersTouchTheHost: Rule = {
  rule: "only a response action's own folder and endpoint-agent/src/host/ start processes or call into the system",
  why: "that is the whole privileged surface: who reviews it must not have to look elsewhere",
  check: (tree) =>
    findLines(
      tree,
      programFiles(tree).filter((file) => !hostPlaces.test(file)),
      /"(node:)?child_process"|"koffi"|"(node:)?cluster"|\bprocess\.(setuid|setgid|dlopen)\b/,
    ),
};

const environmentComesInAtTheTop: Rule = {
  rule: "process.env and process.argv are read only in main.ts and config.ts",
  why: "what a function depends on must be seen in its signature, and be set by a test without touching the process",
  check: (tree) =>
    findLines(
      tree,
      programFiles(tree).filter((file) => !/^packages\/[^/]+\/src\/(main|config)\.ts$/.test(file)),
      /\bprocess\s*(\.|\?\.|\[")\s*(env|argv)\b|import\s.*\b(env|argv)\b.*"(node:)?process"/,
    ),
};

const namesSayWhatAFileHolds: Rule = {
  rule: "files and folders are kebab-case and named after what they hold, never utils, helpers, common, manager or base",
  why: "a file without a subject collects everything, and nobody finds it there again",
  check: (tree) =>
    [...tree.keys()]
      .filter((file) => /\.(ts|tsx|mjs)$/.test(file))
      .flatMap((file): Violation[] => {
        const parts = file.split("/").map((part) => part.replace(/\.(tsx?|mjs)$/, ""));
        const vague = parts.find((part) => /(^|[-.])(utils?|helpers?|commons?|managers?|base)($|\.)/i.test(part));
        if (vague !== undefined) return [{ file, what: `is named ${vague}` }];
        const odd = parts.find((part) => !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(part));
        return odd === undefined ? [] : [{ file, what: `has ${odd} in its name, which is not kebab-case` }];
      }),
};

const problemIsTheOnlyClass: Rule = {
  rule: "the only class is Problem",
  why: "createX({ … }) closures show what they need and keep the rest private; classes invite a base that collects everything",
  check: (tree) =>
    findLines(
      tree,
      programFiles(tree).filter((file) => file !== "packages/contract/src/problem.ts"),
      /(^|\s)(export |abstract |default )*class\s+[A-Z]\w*[\s{]|=\s*class\b/,
    ),
};

// Put together here, or this file would break its own rule.
const machinePath = new RegExp(`(^|[\\s"'\`(=:])/${"work"}/`);
const registryHost = new RegExp(
  `\\b(${["registry.npmjs", "registry.yarnpkg", "registry.npmmirror"].join("|")})\\.(org|com)\\b`,
);

const nothingNamesThisMachine: Rule = {
  rule: "nothing committed names a path of the machine it was written on, or the host of a package registry",
  why: "a checkout must work anywhere, and from whatever registry its user has",
  check: (tree) =>
    [...tree].flatMap(([file, text]) =>
      text.split("\n").flatMap((line, index) => {
        const found = machinePath.exec(line) ?? registryHost.exec(line) ?? lockedAddress(file, line);
        return found === null ? [] : [{ file, line: index + 1, what: `says ${found[0].trim()}` }];
      }),
    ),
};

function lockedAddress(file: string, line: string): RegExpExecArray | null {
  return file.endsWith("package-lock.json") ? /"resolved": "(http|git)[^"]*/.exec(line) : null;
}

export const wordRules = {
  kataWordsStayAtTheEdge,
  textIsNeverMarkup,
  onlyEnforcersTouchTheHost,
  environmentComesInAtTheTop,
  namesSayWhatAFileHolds,
  problemIsTheOnlyClass,
  nothingNamesThisMachine,
};
