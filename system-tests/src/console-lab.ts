/** A Central Node with people who may sign in, and a browser. */
import type { TestContext } from "node:test";
import { addUser, openBrowser, takeSeat } from "./console-browser.ts";
import { type CentralNodeProcess, serverMain, startCentralNode } from "./programs.ts";

export const people = {
  alice: { name: "alice", role: "administrator", password: "who looks after it all" },
  olga: { name: "olga", role: "senior-security-officer", password: "who gives every order" },
  otto: { name: "otto", role: "security-officer", password: "who sees and gives none" },
  anna: { name: "anna", role: "security-auditor", password: "who only ever looks on" },
} as const;
export type Person = keyof typeof people;

export type ConsoleLab = Awaited<ReturnType<typeof createConsoleLab>>;

/** `central`: one that runs already. `url`: where a browser finds its console, if not where it says. */
export async function createConsoleLab(
  t: TestContext,
  { central, url }: { central?: CentralNodeProcess; url?: string } = {},
) {
  const node = central ?? (await startCentralNode(t));
  for (const person of Object.values(people)) addUser({ dataDir: node.dataDir, serverMain }, person);
  const browser = await openBrowser(t);
  const base = url ?? node.console;
  return {
    central: node,
    browser,
    url: base,
    /** A seat with this person signed in. */
    async seat(person: Person, options: Parameters<typeof takeSeat>[2] = {}) {
      const seat = await takeSeat(browser, base, options);
      const { name, password } = people[person];
      await seat.signIn(name, password);
      return seat;
    },
  };
}
