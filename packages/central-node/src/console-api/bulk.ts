import { Problem } from "@cordon/contract";

export type BulkOutcome = { done: number; failed: { id: string; code: string; message: string }[] };

/**
 * Does the same to several things, each by itself: one that is refused leaves the others. What comes together shares a
 * commit. Anything but a refusal is thrown, once all are through; so is BAD_REQUEST, which is about the order and not about one
 * of the things.
 */
export async function inBulk(ids: readonly string[], work: (id: string) => Promise<unknown>): Promise<BulkOutcome> {
  const each = [...new Set(ids.map((id) => id.toLowerCase()))];
  const results = await Promise.allSettled(each.map(work));
  const failed = results.flatMap((result, index) => {
    if (result.status === "fulfilled") return [];
    if (!(result.reason instanceof Problem) || result.reason.code === "BAD_REQUEST") throw result.reason;
    return [{ id: each[index] ?? "", code: result.reason.code, message: result.reason.message }];
  });
  return { done: each.length - failed.length, failed };
}
