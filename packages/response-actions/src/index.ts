/** What can be ordered. A browser can load this file: it reaches no enforcer. */
import type { AnyResponseAction } from "./kit/response-action.ts";
import { networkIsolation } from "./network-isolation/network-isolation.ts";
import { prevention } from "./prevention/prevention.ts";
import { runProcess } from "./run-process/run-process.ts";

export type { AnyResponseAction, SettingAction, TaskAction, WishFault } from "./kit/response-action.ts";
export { type Exclusion, NetworkIsolationWish, networkIsolation } from "./network-isolation/network-isolation.ts";
export { Block } from "./prevention/block.ts";
export { type BannedFile, PreventionWish, prevention } from "./prevention/prevention.ts";
export { RunProcessParameters, runProcess } from "./run-process/run-process.ts";

/** The first of the two tables that a new action is added to; the other is enforcers.ts. */
export const responseActions = {
  "network-isolation": networkIsolation,
  prevention,
  "run-process": runProcess,
} as const satisfies Record<string, AnyResponseAction>;

export type ResponseActionName = keyof typeof responseActions;
export type SettingActionName = {
  [N in ResponseActionName]: (typeof responseActions)[N]["kind"] extends "setting" ? N : never;
}[ResponseActionName];
export type TaskActionName = {
  [N in ResponseActionName]: (typeof responseActions)[N]["kind"] extends "task" ? N : never;
}[ResponseActionName];
