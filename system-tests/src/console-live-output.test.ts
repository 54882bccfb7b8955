/** What a program prints, from a real agent to whoever looks through the console API of real Central Nodes, while it runs. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createFolder, enrolHost, serverMain, startCentralNode, thisMachine } from "./programs.ts";
import { locatePostgres } from "./two-central-nodes-lab.ts";

type Task = { taskId: string; state: string; stdout: string; outputIsPartial: boolean; exitCode: number | null };

/** Signs in as a senior security officer who is made for it. */
async function signIn(central: Awaited<ReturnType<typeof startCentralNode>>) {
  const password = "correct horse battery";
  const role = ["--role", "senior-security-officer", "--password-stdin"];
  const words = [serverMain, "user", "add", "olga", ...role, "--data-dir", central.dataDir];
  const added = await thisMachine.run(process.execPath, words, { stdin: `${password}\n`, withinMs: 60_000 });
  assert.equal(added.exitCode, 0, added.stderr);
  let headers: Record<string, string> = {};

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      const type = body === undefined ? {} : { "content-type": "application/json" };
      // Whose certificate it is does not matter here.
      const options = { method, headers: { ...headers, ...type }, rejectUnauthorized: false };
      request(`${central.console}/api/v1${path}`, options, resolve)
        .on("error", reject)
        .end(body && JSON.stringify(body));
    });
    const cookies = answer.headers["set-cookie"]?.map((cookie) => cookie.split(";")[0]).join("; ");
    if (cookies !== undefined) headers = { ...headers, cookie: cookies };
    const content = await json(answer);
    assert.equal(answer.statusCode, 200, JSON.stringify(content));
    return content as T;
  }

  const { csrfToken } = await call<{ csrfToken: string }>("POST", "/session", { name: "olga", password });
  headers = { ...headers, "x-cordon-csrf": csrfToken };
  return call;
}

test("what a program prints shows in the console of any Central Node while it runs, and all of it once it has ended", async (t) => {
  const database = await locatePostgres(t);
  const [central, other] = [await startCentralNode(t, { database }), await startCentralNode(t, { database })];
  const agent = await enrolHost(t, central);
  const call = await signIn(other);
  const go = join(createFolder(t, "go"), "go");
  const script = `echo one; while [ ! -e ${go} ]; do sleep 0.05; done; echo two`;
  const order = { sensorIds: [agent.sensorId], program: "/bin/sh", commandLine: `-c '${script}'`, startNow: true };
  const { tasks } = await call<{ tasks: Task[] }>("POST", "/tasks", { ...order, workingDirectory: null });
  const read = () => call<Task>("GET", `/tasks/${tasks[0]?.taskId}`);
  await until("the first line shows", async () => (await read()).stdout === "one\n", 30_000);
  const { state, outputIsPartial } = await read();
  assert.deepEqual([state, outputIsPartial], ["running", true]);
  writeFileSync(go, "");
  await until("it has ended", async () => (await read()).state !== "running", 30_000);
  const ended = await read();
  assert.deepEqual(
    [ended.state, ended.stdout, ended.outputIsPartial, ended.exitCode],
    ["completed", "one\ntwo\n", false, 0],
  );
});
