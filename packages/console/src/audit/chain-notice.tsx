import type { ConsoleReply } from "@cordon/contract/console-api";
import { Alert, Stack, Text } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { CopyText } from "../parts/copy-text.tsx";

/** Whether every entry is as it was written, and what to do if not. */
export function ChainNotice({ verdict, onClose }: { verdict: ConsoleReply<"verifyAudit">; onClose: () => void }) {
  const { t } = useTranslation();
  const { intact, entries, lastHash, brokenAtSeq, why } = verdict;
  return (
    <Alert
      color={intact ? "cordon" : "red"}
      variant="light"
      mb="sm"
      role="status"
      icon={intact ? <IconShieldCheck aria-hidden /> : <IconShieldX aria-hidden />}
      title={
        intact
          ? t("audit.intact", { count: entries, formatted: entries.toLocaleString() })
          : t("audit.broken", { seq: brokenAtSeq ?? "?" })
      }
      withCloseButton
      closeButtonLabel={t("actions.close")}
      onClose={onClose}
    >
      {!intact && (
        <Stack gap={4}>
          {why !== null && <Text size="sm">{why}</Text>}
          <Text size="sm">{t("audit.brokenWhy")}</Text>
        </Stack>
      )}
      {intact && lastHash !== null && (
        <Text size="sm" component="div">
          {t("audit.lastHash")} <CopyText text={lastHash} />
        </Text>
      )}
    </Alert>
  );
}
