/** Writes words as one command line that splits into the very same words again on a host. */
export function quoteWords(words: string[], osFamily: string | null): string {
  return words.map(osFamily === "windows" ? quoteForWindows : quoteForPosix).join(" ");
}

/** POSIX quoting (XCU 2.2): between single quotes every character stands for itself, so only the quote needs care. */
function quoteForPosix(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The rules of CommandLineToArgvW: backslashes count only before a double quote, where each must be doubled. */
function quoteForWindows(word: string): string {
  if (/^[^\s"]+$/.test(word)) return word;
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
