import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { type NamedHost, namesOf } from "../hosts/named-host.ts";
import { announceBulk } from "../parts/announce.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";

export function ReleaseDialog({
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
  const release = useChange("release", {
    touches: ["listIsolationRules", "getIsolationRule", "listHosts", "getHost"],
    onDone: (reply) => {
      announceBulk(reply, t("isolation.released", { count: reply.done, formatted: reply.done.toLocaleString() }), t);
      onDone?.();
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("isolation.releaseTitle", names)}
      what={t("isolation.releaseWhy")}
      undo={t("isolation.releaseUndo")}
      confirm={t("isolation.releaseConfirm", names)}
      change={release}
      onConfirm={() => release.mutate({ args: { body: { sensorIds: hosts.map(({ sensorId }) => sensorId) } } })}
      onClose={onClose}
    />
  );
}
