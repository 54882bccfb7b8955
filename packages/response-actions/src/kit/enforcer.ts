/** One place where a Central Node can be reached, by number, not by name: what must stay open while a host is isolated. */
export type CentralNodeEndpoint = { address: string; port: number };

/** `called-off`: something newer was ordered meanwhile, so nobody waits for the answer any more. */
export type Reachability = "reached" | "silent" | "called-off";

/**
 * What holds on the host after an enforcer ran, as read back from the system, never as hoped.
 * `reason` is one of the action's own failure codes.
 */
export type Effect<Failure extends string = string> =
  | {
      state: "in-effect";
      detail: string;
      remainingSec: number | null;
      refused?: readonly RefusedPart[];
      /** What a person must hear though the wish holds: that somebody had taken it away, for one. */
      reason?: Failure;
    }
  | { state: "lifted" }
  /** `retryAfterSec`: trying again on its own sooner does harm; a newer order does not wait for it. */
  | { state: "failed"; reason: Failure; detail: string; retryAfterSec?: number };

/**
 * A part of a wish that this host does not carry out, because it would not outlive it, while the rest is in effect.
 * `part` is a key of the part (for prevention the hash), `reason` a failure code of the action.
 */
export type RefusedPart = { part: string; reason: string; detail: string };

/** Reports whether the action can really be done here now, by trying what it needs; `why` names what is missing. */
export type Ability = { able: true } | { able: false; why: string };

/**
 * Makes a setting true on this host. Every method may be called again at any time, in any state, after a crash at any point:
 * the same call twice leaves the same effect. Calls of one enforcer never overlap (the agent sees to it).
 */
export type SettingEnforcer<Wish, Failure extends string> = {
  ability(): Promise<Ability>;
  /** `wish` null lifts. `remainingSec`: from now until the wish ends by the system's own timer; null: no end. */
  enforce(order: {
    /** Whose wish it is. An action that has the scope `all` holds both at once, and each is replaced by itself. */
    scope: "host" | "all";
    wish: Wish | null;
    remainingSec: number | null;
    centralNode: readonly CentralNodeEndpoint[];
    /** Makes a round trip to the Central Node that begins now, over the agent's own link; waits for a link where there is none. */
    proveReachable(withinMs: number): Promise<Reachability>;
  }): Promise<Effect<Failure>>;
  /** What is in force now, read from the system; changes nothing. */
  readBack(scope: "host" | "all"): Promise<Effect<Failure>>;
  /** Gets ready, and from then on calls `noticed` when something may no longer hold. Called once, before all but `ability`. */
  watch?(noticed: () => void): void;
  /** Ends helper processes and watches of this enforcer. What is in force stays in force. */
  close(): Promise<void>;
};

/** Names one process beyond doubt: a process ID alone may be used again by another. Kept in the journal. */
export type ProcessIdentity = { pid: number; startTicks: string; bootId: string };

export type TaskOutcome<Failure extends string = string> =
  | {
      state: "completed" | "cancelled";
      exitCode: number | null;
      stdout: string;
      stderr: string;
      stdoutTruncated: boolean;
      stderrTruncated: boolean;
      /** The signal that ended the program, where one did; or that it was stopped after its longest time. */
      detail?: string;
    }
  | { state: "failed"; reason: Failure; detail: string };

/** The end of what a program has printed so far; truncated: there was more before it. */
export type PrintedSoFar = { stdout: string; stderr: string; stdoutTruncated: boolean; stderrTruncated: boolean };

export type TaskEnforcer<Parameters, Failure extends string> = {
  ability(): Promise<Ability>;
  /** Never throws: what goes wrong is an outcome. Aborting `signal` terminates the whole process group, then resolves `cancelled`. */
  run(order: {
    parameters: Parameters;
    signal: AbortSignal;
    /** Called once the program runs, before any of its output is read. */
    onStarted(process: ProcessIdentity): void;
    /** Called from time to time while the program runs and prints. */
    onOutput?(printed: PrintedSoFar): void;
  }): Promise<TaskOutcome<Failure>>;
  /** Kills what is left of a process group that an earlier agent started, if it is still the same process. Reports whether it was there. */
  terminateLeftover(process: ProcessIdentity): Promise<boolean>;
};
