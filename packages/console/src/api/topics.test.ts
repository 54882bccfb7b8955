import assert from "node:assert/strict";
import { test } from "node:test";
import { together } from "./live-events.ts";
import { isTouched } from "./topics.ts";

test("an event makes old what shows things of its topic, and of single things only those that it names", () => {
  const host = ["getHost", { params: { sensorId: "one" } }];
  assert.equal(isTouched(["listHosts", {}], { topic: "hosts", ids: ["two"] }), true);
  assert.equal(isTouched(host, { topic: "hosts", ids: ["one"] }), true);
  assert.equal(isTouched(host, { topic: "hosts", ids: ["two"] }), false);
  assert.equal(isTouched(host, { topic: "hosts" }), true, "it may be any");
  assert.equal(isTouched(host, { topic: "tasks", ids: ["a task"] }), true, "the task may be this host's");
  assert.equal(isTouched(host, { topic: "users" }), false);
  assert.equal(isTouched(["session"], { topic: "users" }), false);
});

test("events that came together are one that names everything that they named, or anything if one did", () => {
  assert.deepEqual(
    together("tasks", [
      { topic: "tasks", ids: ["a", "b"] },
      { topic: "tasks", ids: ["b", "c"] },
    ]),
    {
      topic: "tasks",
      ids: ["a", "b", "c"],
    },
  );
  assert.deepEqual(together("tasks", [{ topic: "tasks", ids: ["a"] }, { topic: "tasks" }]), { topic: "tasks" });
});
