/**
 * Text from hosts and servers is hostile: an escape sequence in a host name could rewrite the screen, retitle the window
 * or type into the shell; a bidi override could show `exe.txt` for `txt.exe`. Nothing of it reaches a terminal.
 */

// Cc (C0, DEL, C1) and line/paragraph separators; Cf format characters that reorder or hide text, tags included; lone surrogates.
const unprintable =
  /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;
const unprintableButLines = new RegExp(`(?![\\n\\t])${unprintable.source}`, "gu");
/** Whole escape sequences go, not the escape alone: `[31m` left behind reads as noise. */
const escapeSequence =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what must not be there
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?/g;

/** One line: escape sequences gone, line breaks and tabs as a space. */
export function printable(text: string): string {
  return text
    .replace(escapeSequence, "")
    .replace(/[\r\n\t]+/g, " ")
    .replace(unprintable, "");
}

/** Several lines, such as a program's output: line feeds and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(escapeSequence, "").replace(unprintableButLines, "");
}

/** Exact JSON that is safe on a terminal: what `printable` would drop is written as \u escapes. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.replace(unprintableButLines, (character) =>
    Array.from({ length: character.length }, (_, index) => escaped(character.charCodeAt(index))).join(""),
  );
}

function escaped(codeUnit: number): string {
  return `\\u${codeUnit.toString(16).padStart(4, "0")}`;
}
