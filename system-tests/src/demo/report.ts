/** What the demo says, and whether all of it was true. */
export type Report = ReturnType<typeof createReport>;

/** `write` gets whole lines. */
export function createReport(write: (line: string) => void) {
  let claims = 0;
  let sections = 0;
  let failed = false;

  return {
    title(text: string) {
      write(`\n${text}\n${"=".repeat(text.length)}`);
    },
    section(text: string) {
      sections += 1;
      write(`\n${sections}. ${text}`);
    },
    line: (text = "") => write(text === "" ? "" : `     ${text}`),
    /**
     * Runs `check` and says what came of it. What `check` returns is said behind the claim, further lines below it; what it
     * throws is what was seen instead, and ends the demo: the rest of the story builds on it.
     */
    // biome-ignore lint/suspicious/noConfusingVoidType: most checks have nothing to add
    async claim(text: string, check: () => Promise<string | void>): Promise<void> {
      const startedAt = performance.now();
      claims += 1;
      try {
        const detail = await check();
        const tookMs = Math.round(performance.now() - startedAt);
        const [first, ...more] = (detail ?? "").split("\n");
        write(`   ✔ ${text}${first === "" ? "" : `: ${first}`} (${tookMs} ms)`);
        for (const line of more) write(`     ${line}`);
      } catch (error) {
        failed = true;
        write(`   ✘ ${text}`);
        for (const line of String((error as Error).message).split("\n")) write(`     ${line}`);
        throw error;
      }
    },
    claims: () => claims,
    failed: () => failed,
  };
}

/** Throws what was seen, unless it is what was expected. */
export function expect(what: string, seen: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: saw ${is}, and it should have been ${should}`);
}
