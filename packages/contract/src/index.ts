export * from "./agent-protocol.ts";
export * from "./agent-protocol-prevention.ts";
export * from "./join-token.ts";
export * from "./problem.ts";
export * from "./response-api.ts";
export { responseApiOpenApi } from "./response-api-openapi.ts";
export * from "./validation.ts";
