import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, type ProblemCode } from "./problem.ts";

test("each refusal has the status and the title that the wire documents", () => {
  const documented: [ProblemCode, number, string][] = [
    ["BAD_REQUEST", 400, "Bad Request"],
    ["RULE_CONFLICT", 400, "Prevention rule already exists"],
    ["UNAUTHORIZED", 401, "Unauthorized"],
    ["SECOND_FACTOR_NEEDED", 401, "Second factor needed"],
    ["FORBIDDEN", 403, "Forbidden"],
    ["PASSWORD_CHANGE_NEEDED", 403, "Password change needed"],
    ["NOT_FOUND", 404, "Not Found"],
    ["CONFLICT", 409, "Conflict"],
    ["PRECONDITION_FAILED", 412, "Precondition Failed"],
    ["BODY_TOO_LARGE", 413, "Payload Too Large"],
    ["UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported Media Type"],
    ["PRECONDITION_REQUIRED", 428, "Precondition Required"],
    ["TOO_MANY_REQUESTS", 429, "Too Many Requests"],
    ["TOO_MANY_PENDING", 429, "Too Many Requests"],
    ["INTERNAL", 500, "Internal Server Error"],
    ["UNAVAILABLE", 503, "Service Unavailable"],
  ];
  for (const [code, status, title] of documented) {
    const problem = new Problem(code);
    assert.deepEqual([problem.code, problem.status, problem.title], [code, status, title]);
  }
});

test("a problem says its details' message, or its title where there is none", () => {
  assert.equal(new Problem("NOT_FOUND").message, "Not Found");
  const problem = new Problem("NOT_FOUND", { message: "there is no host x", sensorId: "x" });
  assert.equal(problem.message, "there is no host x");
  assert.equal(problem.details.sensorId, "x");
  assert.ok(problem instanceof Error);
});
