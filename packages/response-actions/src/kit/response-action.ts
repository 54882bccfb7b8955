import type { TSchema } from "typebox";

/** Where a value breaks a rule that its schema cannot say, in the words of the action. */
export type WishFault = { path: (string | number)[]; rule: string; value?: unknown };

type ResponseAction = {
  /** One name everywhere: folder, capability, permission, command line, audit. */
  name: string;
  summary: string;
  /** Failure codes that only this action reports: code → sentence. */
  failures: Record<string, string>;
};

/** How a host (or all hosts) should be until told otherwise. Replaced whole, reconciled, never queued. */
export type SettingAction = ResponseAction & {
  kind: "setting";
  /** Whose wish it can be: one host's, or also the one of all hosts. */
  scopes: readonly ("host" | "all")[];
  wish: TSchema;
  /** The first rule broken that the schema cannot say, or null. Takes a value that fits the schema. */
  findFault(wish: never): WishFault | null;
  /** Seconds from the order until the wish ends by itself; null: no end. */
  lifetimeSec(wish: never): number | null;
};

/** Something to do once, under an ID that the caller chose. */
export type TaskAction = ResponseAction & {
  kind: "task";
  parameters: TSchema;
  findFault(parameters: never): WishFault | null;
};

export type AnyResponseAction = SettingAction | TaskAction;
