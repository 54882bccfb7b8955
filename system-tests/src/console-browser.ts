/** A real browser in front of the console: Debian's Chromium without windows, driven by playwright-core. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Owner } from "./programs.ts";

/** The same engine without the parts of a desktop, which nobody looks at here: a smaller package, and fewer processes. */
const chromiumPath = "/usr/bin/chromium-headless-shell";
const consoleFolder = fileURLToPath(new URL("../../packages/console", import.meta.url));

/** What a test passes to be skipped by name, and with the reason, where there is no browser or no page to look at. */
export const needsBrowser: { skip?: string } = skipReason();

function skipReason(): { skip?: string } {
  if (!existsSync(chromiumPath)) return { skip: "needs Debian's chromium-headless-shell" };
  if (!existsSync(join(consoleFolder, "dist", "index.html"))) return { skip: "needs the console's page to be built" };
  return {};
}

/** Nothing of it asks anybody outside; as root it cannot have a sandbox. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser(owner: Owner): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: flags });
  owner.after(() => browser.close());
  return browser;
}

export type Seat = Awaited<ReturnType<typeof takeSeat>>;

/** Somebody at a browser of their own until the owner ends: cookies, language and colours are theirs alone. */
export async function takeSeat(owner: Owner, browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({
    baseURL: url,
    // The Central Node's own certificate: nobody has been told to trust it.
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
    ...options,
  });
  owner.after(() => context.close());
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const errors = watchErrors(page);
  const sections = page.getByRole("navigation", { name: "Sections" });
  return {
    page,
    context,
    /** What the page said in the browser's console, and what it threw. */
    errors,
    async signIn(name: string, password: string): Promise<void> {
      await page.goto("/");
      await page.getByLabel("Name").fill(name);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await sections.waitFor();
    },
    /** With the session that came along. */
    async comeIn(): Promise<void> {
      await page.goto("/");
      await sections.waitFor();
    },
    /** Follows a section's link, and waits for its page. */
    async open(section: string): Promise<void> {
      await sections.getByRole("link", { name: section, exact: true }).click();
      await page.getByRole("heading", { level: 1, name: section }).waitFor();
    },
  };
}

function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  return errors;
}

/** `cordon-server user add` with a password, which comes by stdin. */
export function addUser(
  { dataDir, serverMain }: { dataDir: string; serverMain: string },
  { name, role, password }: { name: string; role: string; password: string },
): void {
  const words = [serverMain, "user", "add", name, "--role", role, "--password-stdin", "--data-dir", dataDir];
  const made = spawnSync(process.execPath, words, { input: password, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`user add: ${made.stderr}`);
}
