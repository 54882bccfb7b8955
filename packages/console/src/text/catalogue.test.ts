import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { english } from "./english/english.ts";
import { russian } from "./russian/russian.ts";

type Texts = { [key: string]: string | Texts };

function flatten(texts: Texts, before = ""): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "string" ? [[before + key, value] as const] : [...flatten(value, `${before}${key}.`)],
    ),
  );
}

const plural = /_(zero|one|two|few|many|other)$/;
const texts = { en: flatten(english), ru: flatten(russian) };

test("every text is there in both languages, in each of the forms that the language counts in", () => {
  const stems = new Set([...texts.en.keys()].map((key) => key.replace(plural, "")));
  const wanted = (language: "en" | "ru") =>
    [...stems].flatMap((stem) => {
      const isCounted = texts.en.has(`${stem}_other`);
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      return isCounted ? forms.map((form) => `${stem}_${form}`) : [stem];
    });
  assert.deepEqual([...texts.ru.keys()].sort(), wanted("ru").sort());
  assert.deepEqual([...texts.en.keys()].sort(), wanted("en").sort());
});

test("a text says the same things in both languages: what is put into it is named alike, and nothing is left empty", () => {
  const namesIn = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();
  for (const [key, text] of texts.ru) {
    assert.notEqual(text.trim(), "", key);
    const stem = key.replace(plural, "");
    const original = texts.en.get(key) ?? texts.en.get(`${stem}_other`) ?? "";
    // The form of one names the one thing, the other forms count.
    const expected = key.endsWith("_one") ? (texts.en.get(`${stem}_one`) ?? original) : original;
    assert.deepEqual(namesIn(text), namesIn(expected), key);
  }
});

test("every text is shown somewhere: one that is not is translated and kept for nobody", () => {
  const source = fileURLToPath(new URL("..", import.meta.url));
  const code = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith("text/english") && !path.startsWith("text/russian"))
    .map((path) => readFileSync(join(source, path), "utf8"))
    .join("\n");
  const unused = [...new Set([...texts.en.keys()].map((key) => key.replace(plural, "")))].filter((key) => {
    if (code.includes(`"${key}"`)) return false;
    // Put together from a part and a value: `hosts.tabs.${tab}`, `tasks.${order}Action`.
    const parts = key.split(".");
    const last = parts.pop() ?? "";
    const before = parts.map((part) => `${part}.`).join("");
    const patterns = [`\`${before}\${`, ...(last.match(/[A-Z][a-z]+$/g) ?? []).map((end) => `}${end}\``)];
    return !patterns.some(
      (pattern) => code.includes(pattern) && (pattern.startsWith("`") || code.includes(`\`${before}\${`)),
    );
  });
  assert.deepEqual(unused, []);
});
