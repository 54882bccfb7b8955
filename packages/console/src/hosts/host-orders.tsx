import { useState } from "react";
import { IsolateDialog } from "../isolation/isolate-dialog.tsx";
import { ReleaseDialog } from "../isolation/release-dialog.tsx";
import { RuleDialog } from "../prevention/rule-dialog.tsx";
import { useMay } from "../session/session.ts";
import { RunDialog } from "../tasks/run-dialog.tsx";
import type { NamedHost } from "./named-host.ts";
import { RemoveHostsDialog } from "./remove-hosts-dialog.tsx";

export type HostOrder = "isolate" | "release" | "run" | "ban" | "remove";

const permissions = {
  isolate: "isolation.order",
  release: "isolation.order",
  run: "tasks.order",
  ban: "prevention.order",
  remove: "hosts.remove",
} as const;

/** What an agent must be able to do for it. Released and removed can be whatever the agent says. */
const capabilities: Partial<Record<HostOrder, string>> = {
  isolate: "network-isolation",
  run: "run-process",
  ban: "prevention",
};

/** Whether this host's agent says that it cannot: an order would only wait there for ever. */
export function isUnable(order: HostOrder, host: { capabilities: readonly string[] }): boolean {
  const needed = capabilities[order];
  return needed !== undefined && !host.capabilities.includes(needed);
}

/** The dialogs of everything that can be done with hosts, one at a time, and which of it one may do. */
export function useHostOrders(onDone?: () => void) {
  const may = useMay();
  const [asked, setAsked] = useState<{ order: HostOrder; hosts: readonly NamedHost[] } | null>(null);
  const close = () => setAsked(null);
  const props = { hosts: asked?.hosts ?? [], onClose: close, ...(onDone === undefined ? {} : { onDone }) };
  return {
    mayOrder: (order: HostOrder) => may(permissions[order]),
    ask: (order: HostOrder, hosts: readonly NamedHost[]) => setAsked({ order, hosts }),
    dialog:
      asked === null ? null : asked.order === "isolate" ? (
        <IsolateDialog {...props} />
      ) : asked.order === "release" ? (
        <ReleaseDialog {...props} />
      ) : asked.order === "run" ? (
        <RunDialog {...props} />
      ) : asked.order === "ban" ? (
        <RuleDialog hosts={asked.hosts} onClose={close} />
      ) : (
        <RemoveHostsDialog {...props} />
      ),
  };
}
