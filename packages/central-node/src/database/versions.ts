import { Problem } from "@cordon/contract";

/** In the transaction that changes it: throws PRECONDITION_FAILED when it is not what the caller has seen. */
export function throwIfChanged(version: number, ifMatch: number): void {
  if (version === ifMatch) return;
  throw new Problem("PRECONDITION_FAILED", {
    message: "somebody else has changed it since you read it: look at it again, then decide",
    version,
  });
}
