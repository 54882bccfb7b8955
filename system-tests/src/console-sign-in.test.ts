/** The first minutes of an installation, and coming in: through a real browser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addUser, needsBrowser, takeSeat } from "./console-browser.ts";
import { people, shareConsoleLab } from "./console-lab.ts";
import { until } from "./namespaces.ts";
import { serverMain } from "./programs.ts";

const lab = shareConsoleLab();

const password = "correct horse battery staple";

test(
  "the setup link of the log makes the first administrator, once, and shows how to go on",
  needsBrowser,
  async (t) => {
    const central = await lab.central();
    const { page, errors } = await takeSeat(t, await lab.browser(), central.console);

    await page.goto("/");
    await page.getByRole("heading", { name: "There is no administrator yet" }).waitFor();

    const link = await until(
      "the log holds the setup link",
      () => /https:\/\/[^"\s]+#token=[\w-]+/.exec(central.log())?.[0],
    );
    await page.goto(link);
    await page.getByLabel("Name").fill("alice");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByLabel("Password again").fill("another one entirely");
    await page.getByText("The two passwords differ.").waitFor();
    await page.getByLabel("Password again").fill(password);
    await page.getByRole("button", { name: "Make the administrator and sign in" }).click();

    await page.getByRole("heading", { name: "Enrol your first host" }).waitFor();
    assert.equal(new URL(page.url()).hash, "", "the token does not stay in the address");
    assert.deepEqual(errors, []);

    const second = await takeSeat(t, await lab.browser(), central.console);
    await second.page.goto(link);
    await second.page.getByRole("heading", { name: "Cordon is set up already", level: 1 }).waitFor();
  },
);

test(
  "a wrong password is refused in words, and signing in leads to the address that was asked for",
  needsBrowser,
  async (t) => {
    const central = await lab.central();
    addUser({ dataDir: central.dataDir, serverMain }, people.olga);
    const { page } = await takeSeat(t, await lab.browser(), central.console);
    await page.goto("/tasks");
    await page.getByLabel("Name").fill(people.olga.name);
    await page.getByLabel("Password", { exact: true }).fill("not the one at all");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Name, password or code is wrong.").waitFor();
    await page.getByLabel("Password", { exact: true }).fill(people.olga.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Tasks", level: 1 }).waitFor();
  },
);
