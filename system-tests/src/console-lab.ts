/** A Central Node with people who may sign in, and a browser: shared by the tests of a file, for each costs seconds of a core. */
import { after } from "node:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { addUser, openBrowser, takeSeat } from "./console-browser.ts";
import { type CentralNodeProcess, enrolHost, type Owner, serverMain, startCentralNode } from "./programs.ts";

export const people = {
  alice: { name: "alice", role: "administrator", password: "who looks after it all" },
  olga: { name: "olga", role: "senior-security-officer", password: "who gives every order" },
  otto: { name: "otto", role: "security-officer", password: "who sees and gives none" },
  anna: { name: "anna", role: "security-auditor", password: "who only ever looks on" },
} as const;
export type Person = keyof typeof people;

/** For the top of a file. Each part starts with the first test that asks for it, and ends after the file's last test. */
export function shareConsoleLab() {
  const cleanUps: (() => Promise<void> | void)[] = [];
  after(async () => {
    for (const run of cleanUps) await run();
  });
  let passed = true;
  const owner: Owner = {
    after: (cleanUp) => void cleanUps.push(cleanUp),
    get passed() {
      return passed;
    },
  };

  const browser = once(() => openBrowser(owner));
  const central = once(() => startCentralNode(owner));
  const seats = once(async () => createSeats({ browser: await browser(), central: await central() }));
  return {
    browser,
    central,
    /** The only host. */
    agent: once(async () => enrolHost(owner, await central())),
    /** A seat with this person signed in, until the test ends. */
    async seat(t: Owner, person: Person, options: BrowserContextOptions = {}) {
      t.after(() => {
        if (t.passed === false) passed = false;
      });
      return (await seats())(t, person, options);
    },
    /** One with nobody signed in. */
    async takeSeat(t: Owner, options: BrowserContextOptions = {}) {
      await seats();
      return takeSeat(t, await browser(), (await central()).console, options);
    },
  };
}

/** `url`: where a browser finds the console, if not where it says. */
export function createSeats({
  browser,
  central,
  url = central.console,
}: {
  browser: Browser;
  central: CentralNodeProcess;
  url?: string;
}) {
  // Without an administrator the page speaks of nothing but how to make one.
  const users = new Set<Person>(["alice"]);
  addUser({ dataDir: central.dataDir, serverMain }, people.alice);
  // A password is made slow to check on purpose: who has come in once brings the session along.
  const sessions = new Map<Person, BrowserContextOptions["storageState"]>();

  return async (t: Owner, person: Person, options: BrowserContextOptions = {}) => {
    if (!users.has(person)) addUser({ dataDir: central.dataDir, serverMain }, people[person]);
    users.add(person);
    const storageState = sessions.get(person);
    const seat = await takeSeat(t, browser, url, { ...options, ...(storageState && { storageState }) });
    const { name, password } = people[person];
    if (storageState === undefined) await seat.signIn(name, password);
    else await seat.comeIn();
    sessions.set(person, await seat.context.storageState());
    return seat;
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
