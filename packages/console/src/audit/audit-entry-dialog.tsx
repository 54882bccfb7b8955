import { Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { RowOf } from "../list/column.ts";
import { CopyBlock, CopyText } from "../parts/copy-text.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { actorKindText } from "./actor-kind.ts";

export function AuditEntryDialog({ entry, onClose }: { entry: RowOf<"listAudit">; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog onClose={onClose} title={t("audit.entry", { seq: entry.seq })} size="xl">
      <Stack gap="md">
        <Facts
          facts={[
            [t("audit.columns.at"), <Moment key="a" at={entry.at} />],
            [t("audit.columns.actorKind"), actorKindText(entry.actorKind, t)],
            [t("audit.columns.actorId"), entry.actorId],
            [t("audit.columns.address"), entry.address ?? t("time.none")],
            [t("audit.columns.action"), entry.action],
            [t("audit.columns.object"), entry.object],
            [t("audit.columns.result"), entry.result],
          ]}
        />
        <div>
          <Text size="xs" c="dimmed" mb={4}>
            {t("audit.detail")}
          </Text>
          <CopyBlock text={JSON.stringify(entry.detail, null, 2)} label={t("audit.detail")} />
        </div>
        <div>
          <Text size="xs" c="dimmed" mb={4}>
            {t("audit.hash")}
          </Text>
          <CopyText text={entry.hash} />
        </div>
      </Stack>
    </Dialog>
  );
}
