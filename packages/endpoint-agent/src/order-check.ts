import { type AgentFailureCode, describeFault, findFault, type SettingOrder } from "@cordon/contract";
import { responseActions, type SettingAction } from "@cordon/response-actions";
import type { SettingEnforcer } from "@cordon/response-actions/enforcers";
import type { Enforcers } from "./host/enforcers.ts";
import type { LocalPolicy } from "./local-policy.ts";

export type Refusal = { reason: AgentFailureCode; detail: string };

/** Which orders of settings this agent takes. */
export function createOrderCheck({ policy, enforcers }: { policy: LocalPolicy; enforcers: Enforcers }) {
  /** An action that is a setting has a setting's enforcer: the table says so, but not for a name known only at run time. */
  function settingEnforcer(name: string): SettingEnforcer<object, string> | null {
    const action = findSettingAction(name);
    if (action === null || !Object.hasOwn(enforcers, name)) return null;
    return enforcers[name as keyof Enforcers] as SettingEnforcer<object, string>;
  }

  return {
    settingEnforcer,
    /** `inParts`: the wish is not there yet, and is checked as it comes. */
    findRefusal(
      { action: name, scope, wish }: Pick<SettingOrder, "action" | "scope" | "wish">,
      { inParts }: { inParts: boolean },
    ): Refusal | null {
      const action = findSettingAction(name);
      if (action === null)
        return { reason: "NOT_SUPPORTED", detail: `this agent knows no setting ${JSON.stringify(name)}` };
      if (!action.scopes.includes(scope)) return { reason: "INVALID_ORDER", detail: `${name} has no scope ${scope}` };
      // To lift is never refused: it takes nothing from the host's owner.
      if (wish === null) return null;
      const fault = inParts ? null : (findFault(action.wish, wish) ?? action.findFault(wish as never));
      if (fault !== null) return { reason: "INVALID_ORDER", detail: `wish: ${describeFault(fault)}` };
      if (!policy.allows({ name, kind: "setting" })) {
        return { reason: "FORBIDDEN_BY_LOCAL_POLICY", detail: `the policy file on this host does not allow ${name}` };
      }
      return settingEnforcer(name) === null ? noEnforcer(name) : null;
    },
  };
}

export function findSettingAction(name: string): SettingAction | null {
  if (!Object.hasOwn(responseActions, name)) return null;
  const action = responseActions[name as keyof typeof responseActions];
  return action.kind === "setting" ? action : null;
}

export function noEnforcer(action: string): Refusal {
  return { reason: "NOT_SUPPORTED", detail: `this agent has no way yet to enforce ${action} on this system` };
}
