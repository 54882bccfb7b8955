import { EventEmitter } from "node:events";
import type { ConsoleEvent } from "@cordon/contract/console-api";

export type ChangeTopic = ConsoleEvent["topic"];
/** That something was changed, never what. Without an ID: any of them may have. */
export type Change = { topic: ChangeTopic; id?: string };

/** Slices tell here what they changed, once it is committed; whoever shows it listens. A change untold is seen later. */
export type Changes = ReturnType<typeof createChanges>;

export function createChanges() {
  const emitter = new EventEmitter();

  return {
    tell(topic: ChangeTopic, id?: string): void {
      emitter.emit("change", id === undefined ? { topic } : { topic, id });
    },
    onChange(listener: (change: Change) => void): void {
      emitter.on("change", listener);
    },
  };
}
