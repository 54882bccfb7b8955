/**
 * Splits a line into words as a POSIX shell does (XCU 2.2 Quoting), and does nothing else a shell does: no expansion, no
 * comments, and `;`, `|`, `&`, `<`, `>` are ordinary characters. Null: a quote is not closed, or the line ends in a
 * backslash.
 */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  // Null between words. An empty string is a word of no characters, such as '' gives.
  let word: string | null = null;
  let at = 0;
  while (at < line.length) {
    const character = line.charAt(at);
    if (isBlank(character)) {
      if (word !== null) words.push(word);
      word = null;
      at += 1;
    } else if (character === "'") {
      const end = line.indexOf("'", at + 1);
      if (end === -1) return null;
      word = (word ?? "") + line.slice(at + 1, end);
      at = end + 1;
    } else if (character === '"') {
      const quoted = readDoubleQuoted(line, at + 1);
      if (quoted === null) return null;
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (character === "\\") {
      if (at + 1 === line.length) return null;
      word = (word ?? "") + line.charAt(at + 1);
      at += 2;
    } else {
      word = (word ?? "") + character;
      at += 1;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

const isBlank = (character: string) => character === " " || character === "\t" || character === "\n";

/** Between double quotes a backslash quotes only these four; before anything else it stands for itself. */
const quotable = '$`"\\';

function readDoubleQuoted(line: string, start: number): { text: string; end: number } | null {
  let text = "";
  for (let at = start; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (character === '"') return { text, end: at + 1 };
    if (character === "\\" && at + 1 < line.length && quotable.includes(line.charAt(at + 1))) at += 1;
    text += line.charAt(at);
  }
  return null;
}
