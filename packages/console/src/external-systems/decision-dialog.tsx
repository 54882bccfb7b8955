import type { ConsoleReply } from "@cordon/contract/console-api";
import { Checkbox, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { announce } from "../parts/announce.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { Fingerprint } from "./fingerprint.tsx";

export type ExternalSystem = ConsoleReply<"decideExternalSystem">;
export type Decision = "accept" | "reject" | "withdraw";

/** Shows the certificate that asks, to be compared with what its owner says. */
export function DecisionDialog({
  system,
  decision,
  onClose,
}: {
  system: ExternalSystem;
  decision: Decision;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const [compared, setCompared] = useState(false);
  const decide = useChange("decideExternalSystem", {
    touches: ["listExternalSystems", "overview"],
    onDone: () => {
      announce(t(`externalSystems.decided.${decision}`));
      onClose();
    },
  });
  const { externalSystemId, fingerprint } = system;
  const isAccept = decision === "accept";
  return (
    <ConfirmDialog
      title={t(`externalSystems.${decision}Title`)}
      what={t(`externalSystems.${decision}Why`)}
      {...(isAccept ? { undo: t("externalSystems.acceptUndo") } : {})}
      confirm={t(`externalSystems.${decision}Confirm`)}
      dangerous={!isAccept}
      disabled={isAccept && !compared}
      change={decide}
      onConfirm={() => decide.mutate({ args: { params: { externalSystemId, fingerprint }, body: { decision } } })}
      onClose={onClose}
      size="lg"
    >
      <Stack gap="sm">
        <Fingerprint fingerprint={fingerprint} />
        <Facts
          facts={[
            [t("externalSystems.columns.externalSystemId"), externalSystemId],
            [t("externalSystems.columns.subject"), system.subject],
            [t("externalSystems.columns.address"), system.address],
            [t("externalSystems.columns.validTo"), <Moment key="v" at={system.validTo} />],
          ]}
        />
        {isAccept && (
          <>
            <Text size="sm">{t("externalSystems.compare")}</Text>
            <Checkbox
              checked={compared}
              onChange={(event) => setCompared(event.currentTarget.checked)}
              label={t("externalSystems.compareBox")}
            />
          </>
        )}
      </Stack>
    </ConfirmDialog>
  );
}
