/** Orders, rules, tasks and people as a fleet has them in its second week, made through the console API itself. */
import { createHash } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { takeSeat } from "./console-browser.ts";
import { type Person, people } from "./console-lab.ts";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import type { AgentProcess, CentralNodeProcess, Owner, Place } from "./programs.ts";

const malware = [
  "Mimikatz 2.2.0",
  "XMRig 6.21",
  "Cobalt Strike beacon",
  "LockBit encryptor",
  "PsExec, renamed",
  "Ngrok agent",
];
const hashOf = (name: string) => createHash("sha256").update(name).digest("hex");
/** The EICAR test file's, which everybody may look up. */
const eicar = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";

export async function createScene(
  owner: Owner,
  needs: { central: CentralNodeProcess; browser: Browser; url: string; hosts: AgentProcess[]; place: Place },
) {
  const { central, browser, url, hosts, place } = needs;
  const olga = await sitDown("olga");
  const alice = await sitDown("alice");
  const [web = "", db = ""] = hosts.map(({ sensorId }) => sensorId);

  async function sitDown(person: Person) {
    const { page, signIn } = await takeSeat(owner, browser, url);
    await signIn(people[person].name, people[person].password);
    return page;
  }

  const { items } = await ask<{ items: { sensorId: string; hostName: string }[] }>(
    olga,
    "GET",
    "/hosts?limit=20&filter=hostName:contains:mail",
  );
  const away = items.slice(0, 2).map(({ sensorId }) => sensorId);
  const exclusions = [
    {
      direction: "outbound",
      protocol: 6,
      remoteAddress: "10.0.0.5",
      localPorts: null,
      remotePorts: { from: 443, to: 443 },
    },
    {
      direction: "inbound",
      protocol: 6,
      remoteAddress: "10.0.0.9",
      localPorts: { from: 22, to: 22 },
      remotePorts: null,
    },
  ];
  await ask(olga, "POST", "/isolation-rules", { sensorIds: [web], hours: 8, exclusions });
  await ask(olga, "POST", "/isolation-rules", { sensorIds: away, hours: 24, exclusions: [] });
  await ask(olga, "POST", "/prevention-rules", { name: "EICAR test file", hash: eicar, scope: "all", enabled: true });
  for (const [index, name] of malware.entries()) {
    const scope = index % 4 === 3 ? [web, db] : "all";
    await ask(olga, "POST", "/prevention-rules", { name, hash: hashOf(name), scope, enabled: index !== 4 });
  }

  const run = async (sensorIds: string[], program: string, commandLine: string | null, startNow = true) =>
    (
      await ask<{ tasks: { taskId: string }[] }>(olga, "POST", "/tasks", {
        sensorIds,
        program,
        commandLine,
        workingDirectory: null,
        startNow,
      })
    ).tasks[0]?.taskId ?? "";
  await run([web, db], "/usr/bin/uname", "-a");
  await run([db], "/usr/bin/no-such-program", null);
  await run([web], "/bin/sh", "-c 'ls /nowhere'");
  await run(away, "/usr/bin/ps", "aux --sort=-%mem");
  await run([db], "/usr/bin/last", "-n 20", false);
  const watch = `-c 'i=0; while [ $i -lt 24 ]; do i=$((i+1)); echo "12:00:$i connect 10.0.0.$i:443 curl[$((4000+i))]"; done; sleep 600'`;
  const runningTask = await run([web], "/bin/sh", watch);

  const [waiting, trusted] = [createExternalSystem(owner), createExternalSystem(owner)];
  await curlAs(trusted, central, { place }).get("sensors");
  await central.acceptSystem(trusted);
  await ask(alice, "PUT", `/external-systems/${trusted.id}/${trusted.fingerprint}/name`, { name: "SOAR, production" });
  await curlAs(waiting, central, { place }).get("sensors");
  await ask(alice, "POST", "/join-tokens", { ttlHours: 24, uses: 25 });
  await ask(alice, "POST", "/api-tokens", { name: "nightly export", role: "administrator", days: 90 });

  await until(
    "the host is isolated and its program prints",
    async () => {
      const task = await ask<{ state: string; stdout: string }>(olga, "GET", `/tasks/${runningTask}`);
      const host = await ask<{ isolation: { state: string } }>(olga, "GET", `/hosts/${web}`);
      return task.stdout.includes("12:00:24") && host.isolation.state === "in-effect";
    },
    60_000,
  );
  return {
    runningTask,
    listToImport: [hashOf("new one"), hashOf("new two"), eicar, "not a hash at all", hashOf("new two")].join("\n"),
  };
}

/** A call of the console API with the page's own session. */
async function ask<T>(page: Page, method: string, path: string, body?: unknown): Promise<T> {
  const { csrfToken } = await (await page.request.get("/api/v1/session")).json();
  const answer = await page.request.fetch(`/api/v1${path}`, {
    method,
    headers: { "x-cordon-csrf": csrfToken },
    ...(body === undefined ? {} : { data: body }),
  });
  if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
  return (await answer.json()) as T;
}
