import type { TFunction } from "i18next";

export const actorKinds = ["user", "external-system", "agent", "local-administrator", "central-node"] as const;

/** A kind that this page does not know yet is shown as it is. */
export function actorKindText(kind: string, t: TFunction): string {
  const known = actorKinds.find((each) => each === kind);
  return known === undefined ? kind : t(`audit.actorKinds.${known}`);
}
