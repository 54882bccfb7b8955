/** What a browser, or a script with an API token, and the Central Node's console port say to each other. */
export * from "./console-api/administration.ts";
export * from "./console-api/events.ts";
export * from "./console-api/hosts.ts";
export * from "./console-api/list-fields.ts";
export * from "./console-api/lists.ts";
export { consoleApiOpenApi } from "./console-api/openapi.ts";
export * from "./console-api/orders.ts";
export * from "./console-api/roles.ts";
export * from "./console-api/routes.ts";
