/** Several people, several rights, and a connection that goes away: through real browsers. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needsBrowser } from "./console-browser.ts";
import { shareConsoleLab } from "./console-lab.ts";

const lab = shareConsoleLab();

/** What the browser itself says of an answer that is a refusal: here it is wanted. */
const isRefusal = (error: string) => error.startsWith("Failed to load resource");

async function openRule(page: Page, name: string) {
  await page.getByRole("button", { name: `More actions: ${name}` }).click();
  await page.getByRole("menuitem", { name: "Change…" }).click();
  return page.getByRole("dialog");
}

test(
  "of two people who change one rule at once the second is told, and nothing is overwritten unseen",
  needsBrowser,
  async (t) => {
    const [first, second] = await Promise.all([lab.seat(t, "olga"), lab.seat(t, "olga")]);
    await first.open("Prevention");
    await second.open("Prevention");
    await first.page.getByRole("button", { name: "Ban a file…" }).click();
    const created = first.page.getByRole("dialog");
    await created.getByLabel("SHA-256 or MD5").fill("c3".repeat(32));
    await created.getByLabel("Name").fill("a miner");
    await created.getByRole("button", { name: "Ban the file" }).click();

    await t.test("what one does, the other sees without asking", async () => {
      await second.page.getByRole("cell", { name: "a miner", exact: true }).waitFor();
    });
    const [one, other] = await Promise.all([openRule(first.page, "a miner"), openRule(second.page, "a miner")]);
    await one.getByLabel("Name").fill("a miner of the first");
    await one.getByRole("button", { name: "Save the rule" }).click();
    await second.page
      .getByRole("cell", { name: "a miner of the first", exact: true, includeHidden: true })
      .waitFor({ state: "attached" });
    await other.getByLabel("Name").fill("a miner of the second");
    await other.getByRole("button", { name: "Save the rule" }).click();
    await other.getByText("Somebody else changed it while you looked.").waitFor();
    await other.getByRole("button", { name: "Cancel" }).click();
    await first.page.getByRole("cell", { name: "a miner of the first", exact: true }).waitFor();
    assert.deepEqual(first.errors, []);
    assert.deepEqual(
      second.errors.filter((error) => !isRefusal(error)),
      [],
    );
  },
);

test("a lost connection is said, and what happened meanwhile is there once it is back", needsBrowser, async (t) => {
  const central = await lab.central();
  const { page, open } = await lab.seat(t, "olga");
  await open("Hosts");
  await page.getByText("No host yet").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await central.kill();
  await page.getByText("Connection lost").waitFor();
  await central.restart();
  await lab.agent();
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
  await page.getByRole("cell").getByRole("link").waitFor();
});

test(
  "a role sees what it may, is offered nothing else, and is told so where it goes by hand",
  needsBrowser,
  async (t) => {
    await lab.agent();
    const otto = await lab.seat(t, "otto");
    const links = otto.page.getByRole("navigation", { name: "Sections" }).getByRole("link");
    assert.deepEqual(await links.allInnerTexts(), ["Overview", "Hosts", "Isolation", "Prevention", "Tasks"]);
    await otto.open("Hosts");
    await otto.page.getByRole("cell").getByRole("link").waitFor();
    assert.equal(await otto.page.getByRole("checkbox").count(), 0, "nothing to select where nothing can be ordered");
    assert.equal(await otto.page.getByRole("button", { name: /^More actions/ }).count(), 0);
    await otto.page.goto("/audit");
    await otto.page.getByText("Your role does not have this right.").waitFor();

    const anna = await lab.seat(t, "anna");
    await anna.open("Settings");
    await anna.page.getByText("Your role sees the settings and does not change them.").waitFor();
    assert.equal(await anna.page.getByRole("button", { name: "Make a join token…" }).count(), 0);
    await anna.open("Audit log");
    await anna.page.getByRole("button", { name: "Verify the chain" }).click();
    await anna.page.getByText(/^The chain is intact: [\d,]+ entries/).waitFor();
    assert.deepEqual(anna.errors, []);
  },
);

test(
  "a program's output is seen while it prints, and what looks like HTML in it stays text",
  needsBrowser,
  async (t) => {
    const agent = await lab.agent();
    const go = join(agent.stateDir, "go-on");
    const { page, open, errors } = await lab.seat(t, "olga");
    await open("Hosts");
    await page.getByRole("cell").getByRole("link").click();
    await page.getByRole("button", { name: "Run a program…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Program", { exact: true }).fill("/bin/sh");
    const script = `echo first; while [ ! -e ${go} ]; do sleep 0.1; done; echo "<b>last</b>"; echo sorry >&2; exit 3`;
    await dialog.getByLabel("Options").fill(`-c '${script}'`);
    await dialog.getByText(/The program runs once on .*, as root\./).waitFor();
    await dialog.getByRole("button", { name: "Run it" }).click();

    const output = page.getByRole("region", { name: "Standard output" });
    await output.getByText("first").waitFor();
    await page.getByText("running", { exact: true }).waitFor();
    assert.equal(existsSync(go), false);
    assert.doesNotMatch(await output.innerText(), /last/);
    writeFileSync(go, "");
    await output.getByText("<b>last</b>").waitFor();
    await page.getByRole("region", { name: "Standard error" }).getByText("sorry").waitFor();
    await page.getByText("completed", { exact: true }).waitFor();
    await page.locator("dl").getByText("3", { exact: true }).waitFor();
    assert.deepEqual(errors, []);
  },
);
