/** For system tests and the fleet simulator; nothing else imports the agent. */
export { createAgent } from "./agent.ts";
export { createAgentCore } from "./agent-core.ts";
export type { Checkpoint, CheckpointName } from "./checkpoint.ts";
export { enrol } from "./enrolment.ts";
export { type Clock, createHostClock } from "./host/clock.ts";
export type { Enforcers } from "./host/enforcers.ts";
export { readHostFacts } from "./host/facts.ts";
export { type Identity, readIdentity, writeIdentity } from "./identity.ts";
export { createMemoryJournal, type Journal, journalInUse, openJournal } from "./journal/journal.ts";
export { allowAll } from "./local-policy.ts";
export type { Logger } from "./log.ts";
export type { Session } from "./outbox.ts";
export { type RunningAgent, startAgent } from "./start-agent.ts";
