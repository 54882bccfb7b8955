import type { ConsoleReply } from "@cordon/contract/console-api";
import { notifications } from "@mantine/notifications";
import type { TFunction } from "i18next";

/** Says that something was done, for a moment. */
export function announce(message: string): void {
  notifications.show({ message, color: "cordon", withBorder: true });
}

type BulkReply = ConsoleReply<"isolate">;
const shownFailures = 5;

/** What an order on several things came to. What was refused stays on the screen until it is read. */
export function announceBulk(reply: Pick<BulkReply, "done" | "failed">, done: string, t: TFunction): void {
  if (reply.failed.length === 0) {
    announce(done);
    return;
  }
  const shown = reply.failed.slice(0, shownFailures).map(({ message }) => message);
  const more = reply.failed.length - shown.length;
  notifications.show({
    color: "red",
    withBorder: true,
    autoClose: false,
    title: t("bulk.partly", { done: reply.done, failed: reply.failed.length }),
    message: [...shown, ...(more > 0 ? [t("bulk.andMore", { count: more })] : [])].join("\n"),
    styles: { description: { whiteSpace: "pre-line" } },
  });
}
