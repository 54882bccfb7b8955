/** What a person orders in the browser, on real hosts: with the real kernel, the real programs, and another system beside. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { needsBrowser } from "./console-browser.ts";
import { createSeats, shareConsoleLab } from "./console-lab.ts";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { speakIn } from "./isolation-end-to-end-lab.ts";
import { openDoor } from "./namespace-door.ts";
import { createNetwork, needsNamespaces, until } from "./namespaces.ts";
import { connects, servicePort } from "./network-isolation-lab.ts";
import { enrolHost, startCentralNode } from "./programs.ts";

const lab = shareConsoleLab();

/** The bar is one second; a machine that runs other tests beside may take its time, and the figure is said. */
const inEffectWithinMs = 10_000;

test("a person isolates a host with an exclusion, sees it in effect, and releases it; what is excluded stays reachable", {
  ...needsBrowser,
  ...needsNamespaces,
}, async (t) => {
  const network = await createNetwork();
  t.after(() => network.close());
  const [host, stranger] = await Promise.all([speakIn(network.host), speakIn(network.stranger)]);
  const central = await startCentralNode(t, { place: network.central });
  const agent = await enrolHost(t, central, { place: network.host });
  const url = `https://127.0.0.1:${await openDoor(t, network.central, 8443)}`;
  const seat = createSeats({ browser: await lab.browser(), central, url });
  const { page, open, errors } = await seat(t, "olga");

  await open("Hosts");
  await page
    .getByRole("checkbox", { name: /^Select / })
    .last()
    .check();
  await page.getByRole("button", { name: "Isolate…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Only the Central Node stays reachable.").waitFor();
  await dialog.getByRole("button", { name: "Add an exclusion" }).click();
  await dialog.getByLabel("Direction").selectOption("both");
  await dialog.getByText("Ports need one direction").waitFor();
  assert.equal(await dialog.getByLabel("Remote ports").isDisabled(), true);
  await dialog.getByLabel("Direction").selectOption("outbound");
  await dialog.getByLabel("Remote IPv4 address").fill(stranger.ipv4);
  await dialog.getByLabel("Remote ports").fill(String(servicePort));
  await dialog.getByText(`TCP to ${stranger.ipv4}, remote port ${servicePort}`).waitFor();
  await dialog.getByRole("button", { name: "Isolate the host" }).click();

  const orderedAt = performance.now();
  await page
    .getByRole("row")
    .getByText(/^in effect · /)
    .first()
    .waitFor({ timeout: inEffectWithinMs });
  t.diagnostic(`from the order in the page to in effect in the page: ${Math.round(performance.now() - orderedAt)} ms`);
  assert.equal(await connects(10_000, host, stranger.ipv4), true, "what is excluded");
  assert.equal(await connects(300, stranger, host.ipv4), false, "what is cut");

  await open("Isolation");
  await page.getByRole("cell", { name: `TCP to ${stranger.ipv4}, remote port ${servicePort}` }).waitFor();
  await page.getByRole("button", { name: /^More actions: / }).click();
  await page.getByRole("menuitem", { name: "Release…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Release the host" }).click();
  await page.getByRole("row").getByText("disabled", { exact: true }).waitFor({ timeout: inEffectWithinMs });
  await until("the stranger reaches the host again", () => connects(300, stranger, host.ipv4));

  await open("Hosts");
  await page.getByRole("cell", { name: "lifted" }).waitFor();
  assert.equal((await agent.status()).settings.length > 0, true);
  assert.deepEqual(errors, []);
});

test(
  "an administrator accepts an external system while its client waits, after comparing the fingerprint",
  needsBrowser,
  async (t) => {
    const central = await lab.central();
    const { page, open, errors } = await lab.seat(t, "alice");
    await open("External systems");
    await page.getByText("No external system has knocked yet").waitFor();

    const system = createExternalSystem(t);
    const soar = curlAs(system, central);
    assert.equal((await soar.get("sensors")).status, 401);

    await page.getByRole("button", { name: "Accept…" }).click();
    const dialog = page.getByRole("dialog");
    const shown = await dialog.locator("code").first().innerText();
    assert.equal(shown.replaceAll(/\s/g, "").toLowerCase(), system.fingerprint);
    const accept = dialog.getByRole("button", { name: "Accept it" });
    assert.equal(await accept.isDisabled(), true, "nothing is accepted uncompared");
    await dialog.getByRole("checkbox", { name: "I have compared the fingerprint" }).check();
    await accept.click();
    await page.getByRole("cell", { name: "accepted" }).waitFor();
    assert.equal((await soar.get("sensors")).status, 200);
    assert.deepEqual(errors, []);
  },
);

test(
  "a list of hashes is shown line by line before it is ordered, and then stands in the list",
  needsBrowser,
  async (t) => {
    const { page, open, errors } = await lab.seat(t, "olga");
    await open("Prevention");
    await page.getByRole("button", { name: "Import a list…" }).click();
    const dialog = page.getByRole("dialog");
    const [first, second] = ["a1".repeat(32), "b2".repeat(16)];
    await dialog.getByLabel("Or paste it here").fill(`${first}\n${second}\nnot a hash\n${first}\n`);
    await dialog.getByRole("button", { name: "Preview" }).click();
    await dialog.getByText("2 new", { exact: true }).waitFor();
    await dialog.getByText("1 malformed").waitFor();
    await dialog.getByText("1 twice in the list").waitFor();
    await dialog.getByRole("button", { name: "Ban 2 new files" }).click();
    await page.getByText("2 files banned").waitFor();
    await page
      .getByRole("row")
      .filter({ hasText: first.slice(0, 12) })
      .waitFor();
    await page
      .getByRole("button", { name: /^More actions: / })
      .first()
      .click();
    const link = page.getByRole("menuitem", { name: "Look up on VirusTotal" });
    assert.match((await link.getAttribute("href")) ?? "", /^https:\/\/www\.virustotal\.com\/gui\/file\/[0-9a-f]+$/);
    assert.match((await link.getAttribute("rel")) ?? "", /noreferrer/);
    assert.deepEqual(errors, []);
  },
);
