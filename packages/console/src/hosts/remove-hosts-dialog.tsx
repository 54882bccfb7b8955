import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { announceBulk } from "../parts/announce.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { type NamedHost, namesOf } from "./named-host.ts";

export function RemoveHostsDialog({
  hosts,
  onClose,
  onDone,
}: {
  hosts: readonly NamedHost[];
  onClose: () => void;
  onDone?: () => void;
}) {
  const { t } = useTranslation();
  const names = namesOf(hosts);
  const remove = useChange("removeHosts", {
    touches: ["listHosts", "listIsolationRules", "listTasks"],
    onDone: (reply) => {
      announceBulk(reply, t("bulk.done", { count: reply.done, formatted: reply.done.toLocaleString() }), t);
      onDone?.();
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("hosts.removeTitle", names)}
      what={t("hosts.removeWhy")}
      undo={t("hosts.removeUndo")}
      confirm={t("hosts.removeConfirm", names)}
      dangerous
      change={remove}
      onConfirm={() => remove.mutate({ args: { body: { sensorIds: hosts.map(({ sensorId }) => sensorId) } } })}
      onClose={onClose}
    />
  );
}
