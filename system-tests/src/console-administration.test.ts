/** What an administrator does in the browser, and what a person does with an account of their own. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { needsBrowser } from "./console-browser.ts";
import { people, shareConsoleLab } from "./console-lab.ts";
import { agentMain, createFolder, runForJson, thisMachine } from "./programs.ts";

const lab = shareConsoleLab();

test(
  "a user who was reset signs in with the one-time password, and must set another before anything else",
  needsBrowser,
  async (t) => {
    const alice = await lab.seat(t, "alice");
    await alice.open("Users");
    await alice.page.getByRole("button", { name: "Make a user…" }).click();
    const dialog = alice.page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("boris");
    await dialog.getByLabel("First password").fill("a first password");
    await dialog.getByRole("radio", { name: "Senior security officer" }).check();
    await dialog.getByRole("button", { name: "Make the user" }).click();
    await alice.page.getByRole("cell", { name: "boris", exact: true }).waitFor();

    const boris = await lab.takeSeat(t);
    await boris.signIn("boris", "a first password");
    await alice.page.getByRole("button", { name: "More actions: boris" }).click();
    await alice.page.getByRole("menuitem", { name: "Reset…" }).click();
    await alice.page.getByRole("button", { name: "Make a one-time password" }).click();
    const oneTime = await alice.page.getByRole("region", { name: "One-time password of boris" }).innerText();
    await alice.page.getByRole("button", { name: "Understood" }).click();

    await t.test("the session that was open is over, and the page says who may come in", async () => {
      await boris.page.getByRole("heading", { name: "Sign in to Cordon" }).waitFor();
    });
    await boris.page.getByLabel("Name").fill("boris");
    await boris.page.getByLabel("Password", { exact: true }).fill(oneTime.trim());
    await boris.page.getByRole("button", { name: "Sign in" }).click();
    await boris.page.getByRole("heading", { name: "Set a new password" }).waitFor();
    await boris.page.getByLabel("One-time password").fill(oneTime.trim());
    await boris.page.getByLabel("New password").fill("one of my very own");
    await boris.page.getByLabel("Password again").fill("one of my very own");
    await boris.page.getByRole("button", { name: "Set the password" }).click();
    await boris.page.getByRole("navigation", { name: "Sections" }).waitFor();

    await t.test("disabled, the user is out at once; the last administrator cannot be", async () => {
      await alice.page.getByRole("button", { name: "More actions: boris" }).click();
      await alice.page.getByRole("menuitem", { name: "Disable…" }).click();
      await alice.page.getByRole("button", { name: "Disable the user" }).click();
      await boris.page.getByRole("heading", { name: "Sign in to Cordon" }).waitFor();
      await alice.page.getByRole("button", { name: "More actions: alice" }).click();
      await alice.page.getByRole("menuitem", { name: "Disable…" }).click();
      await alice.page.getByRole("button", { name: "Disable the user" }).click();
      await alice.page
        .getByRole("alert")
        .getByText(/administrator/)
        .waitFor();
    });
  },
);

test("a join token's command enrols a host, and the token is not shown again", needsBrowser, async (t) => {
  const central = await lab.central();
  const { page, open, errors } = await lab.seat(t, "alice");
  await page.getByRole("link", { name: "Make a join token" }).click();
  await page.getByRole("button", { name: "Make a join token…" }).click();
  await page.getByRole("button", { name: "Make the token" }).click();
  const token = (await page.getByRole("region", { name: "The token alone:" }).innerText()).trim();
  const command = await page.getByRole("region", { name: /Run this on each host/ }).innerText();
  assert.ok(command.includes("cordon-agent enroll") && command.includes(token), command);
  await page.getByRole("button", { name: "Understood" }).click();
  const words = ["enroll", "--server", central.api, "--token", token, "--state-dir", createFolder(t, "joined")];
  await runForJson(thisMachine, agentMain, words);
  await open("Hosts");
  await page.getByText("1 row", { exact: true }).waitFor();
  assert.equal((await page.content()).includes(token), false);
  assert.deepEqual(errors, []);
});

test("a second factor that was set up is asked for at the next sign-in, and only there", needsBrowser, async (t) => {
  const { page, errors } = await lab.seat(t, "otto");
  await page.goto("/account");
  await page.getByRole("button", { name: "Set up a second factor…" }).click();
  const dialog = page.getByRole("dialog");
  const secret = await dialog.locator("code").innerText();
  await dialog.getByLabel("One-time code").fill(totp(secret, 0));
  await dialog.getByRole("button", { name: "Turn it on" }).click();
  await page.getByText("On: a code from your authenticator app").waitFor();
  assert.deepEqual(errors, []);

  const again = await lab.takeSeat(t);
  await again.page.goto("/");
  assert.equal(await again.page.getByLabel("One-time code").count(), 0);
  await again.page.getByLabel("Name").fill(people.otto.name);
  await again.page.getByLabel("Password", { exact: true }).fill(people.otto.password);
  await again.page.getByRole("button", { name: "Sign in" }).click();
  // The code of the step before was used, and each counts once: the next one is good already.
  await again.page.getByLabel("One-time code").fill(totp(secret, 1));
  await again.page.getByRole("button", { name: "Sign in" }).click();
  await again.page.getByRole("navigation", { name: "Sections" }).waitFor();
});

test(
  "the page speaks Russian to who reads it, and on a narrow screen nothing is out of reach",
  needsBrowser,
  async (t) => {
    const { page, errors } = await lab.seat(t, "olga", { viewport: { width: 390, height: 800 } });
    await page.getByRole("button", { name: "Open the menu" }).click();
    await page.getByRole("link", { name: "Prevention", exact: true }).click();
    await page.getByRole("button", { name: "Ban a file…" }).click();
    await page.getByRole("dialog").getByLabel("SHA-256 or MD5").fill("no hash");
    await page.getByRole("dialog").getByRole("button", { name: "Ban the file" }).scrollIntoViewIfNeeded();
    await page.keyboard.press("Escape");
    await page.getByTitle(/^Signed in as olga/).click();
    await page.getByLabel("Language").selectOption("ru");
    await page.getByRole("heading", { level: 1, name: "Запрет запуска" }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "ru");
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Запрет запуска" }).waitFor();
    assert.deepEqual(errors, []);
  },
);

/** RFC 6238 with the values that authenticator apps use. `ahead`: steps from now. */
function totp(secret: string, ahead: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(/[\s=]/g, "")]
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
