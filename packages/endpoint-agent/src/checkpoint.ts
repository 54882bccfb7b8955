/**
 * Steps of a command's journey through the agent, called as each is passed. Production passes none; the crash tests pass
 * one that kills the process there.
 */
export type CheckpointName =
  | "setting-received"
  | "setting-journaled"
  | "setting-enforced"
  | "report-spooled"
  | "task-received"
  | "task-accepted"
  | "task-starting"
  | "task-running"
  | "task-finished-journaled"
  | "report-sent";

export type Checkpoint = (name: CheckpointName) => void;
