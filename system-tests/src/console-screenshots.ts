/**
 * Takes the pictures in docs/screenshots: every page, light and dark, of a real Central Node with two real hosts in network
 * namespaces and a fleet that is switched off. Needs root and chromium. `npm run screenshots`
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { addUser, openBrowser, takeSeat } from "./console-browser.ts";
import { fillWithHosts } from "./console-fleet.ts";
import { people } from "./console-lab.ts";
import { createScene } from "./console-scene.ts";
import { openDoor } from "./namespace-door.ts";
import { createNetwork } from "./namespaces.ts";
import { ownNamespaces } from "./prevention-lab.ts";
import { guardedPath } from "./prevention-place.ts";
import { enrolHost, type Owner, type Place, serverMain, startCentralNode } from "./programs.ts";

const folder = fileURLToPath(new URL("../../docs/screenshots", import.meta.url));
const cleanUps: (() => Promise<void> | void)[] = [];
const owner: Owner = { after: (cleanUp) => void cleanUps.push(cleanUp) };

try {
  await takeAll();
} finally {
  for (const run of cleanUps) await run();
}
process.exit(0);

async function takeAll(): Promise<void> {
  const network = await createNetwork();
  owner.after(() => network.close());
  const central = await startCentralNode(owner, { place: network.central });
  await central.kill();
  await fillWithHosts(central.dataDir, 240, { hostile: false });
  await central.restart();
  const hosts = await Promise.all([
    enrolHost(owner, central, { place: named(network.host, "web-01.example.org"), guard: [guardedPath] }),
    enrolHost(owner, central, { place: named(network.stranger, "db-07.example.org"), guard: [guardedPath] }),
  ]);
  for (const person of Object.values(people)) addUser({ dataDir: central.dataDir, serverMain }, person);
  const url = `https://127.0.0.1:${await openDoor(owner, network.central, 8443)}`;
  const browser = await openBrowser(owner);
  const scene = await createScene(owner, { central, browser, url, hosts, place: network.central });
  mkdirSync(folder, { recursive: true });

  for (const colorScheme of ["light", "dark"] as const) {
    const look = { colorScheme, viewport: { width: 1280, height: 800 } };
    const take = (page: Page, name: string) => picture(page, `${name}-${colorScheme}`);
    const stranger = await takeSeat(owner, browser, url, look);
    await stranger.page.goto("/");
    await stranger.page.getByRole("heading", { level: 1 }).waitFor();
    await take(stranger.page, "sign-in");

    const olga = await takeSeat(owner, browser, url, look);
    await olga.signIn(people.olga.name, people.olga.password);
    for (const [name, address] of [
      ["overview", "/"],
      ["hosts", "/hosts?sort=-lastAccessAt"],
      ["host", `/hosts/${hosts[0]?.sensorId}`],
      ["isolation", "/isolation"],
      ["prevention", "/prevention"],
      ["tasks", "/tasks"],
      ["task", `/tasks/${scene.runningTask}`],
    ] as const) {
      await olga.page.goto(address);
      await take(olga.page, name);
    }
    await olga.page.goto("/hosts?sort=-lastAccessAt");
    await olga.page.getByRole("checkbox", { name: "Select web-01.example.org" }).waitFor();
    for (const box of (await olga.page.getByRole("checkbox", { name: /^Select .*\.org$/ }).all()).slice(2, 5))
      await box.check();
    await olga.page.getByRole("button", { name: "Isolate…" }).click();
    await olga.page.getByRole("button", { name: "Add an exclusion" }).click();
    await olga.page.getByLabel("Remote IPv4 address").fill("10.0.0.5");
    await olga.page.getByLabel("Remote ports").fill("443");
    await take(olga.page, "isolate");
    await olga.page.goto("/prevention");
    await olga.page.getByRole("button", { name: "Import a list…" }).click();
    await olga.page.getByLabel("Or paste it here").fill(scene.listToImport);
    await olga.page.getByRole("button", { name: "Preview" }).click();
    await olga.page.getByText("Read as").waitFor();
    await take(olga.page, "import");

    const alice = await takeSeat(owner, browser, url, look);
    await alice.signIn(people.alice.name, people.alice.password);
    for (const name of ["external-systems", "users", "audit", "settings", "account"]) {
      await alice.page.goto(`/${name}`);
      await take(alice.page, name);
    }
    await alice.page.goto("/external-systems");
    await alice.page.getByRole("button", { name: "Accept…" }).click();
    await take(alice.page, "accept");
    await alice.page.goto("/account");
    await alice.page.getByRole("button", { name: "Set up a second factor…" }).click();
    await alice.page.getByRole("img", { name: "QR code of the secret" }).waitFor();
    await take(alice.page, "second-factor");
  }
}

/** A host with a name and a filesystem of its own: only that is guarded, and nothing of the machine itself. */
function named(place: Place, name: string): Place {
  const prepare = `mount -t tmpfs none ${guardedPath} && hostname "$0" && exec "$@"`;
  const [wrapper = "", ...words] = [...ownNamespaces, "--uts", "sh", "-c", prepare, name];
  return {
    ipv4: place.ipv4,
    run: (program, args = [], options = {}) => {
      const onlyNamed = ["--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name];
      return place.run("unshare", [...onlyNamed, program, ...args], options);
    },
    spawn: (program, args = [], options = {}) => place.spawn(wrapper, [...words, program, ...args], options),
  };
}

async function picture(page: Page, name: string): Promise<void> {
  await page.waitForLoadState("networkidle");
  await page.evaluate("document.fonts.ready");
  // Charts and times draw themselves anew; a frame later everything stands.
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 74 });
  writeFileSync(join(folder, `${name}.webp`), Buffer.from(data, "base64"));
  await session.detach();
}
