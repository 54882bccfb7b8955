/** For system tests and the fleet simulator; nothing else imports the Central Node. */

export { readAgentMessage } from "./agent-link/agent-message.ts";
export { createAgentSession } from "./agent-link/agent-session.ts";
export { createCentralNode } from "./central-node.ts";
export { readConfig } from "./config.ts";
