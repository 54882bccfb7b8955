export * from "./agent-protocol.ts";
export * from "./join-token.ts";
export * from "./problem.ts";
export * from "./validation.ts";
