import { Button, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { CopyBlock } from "../parts/copy-text.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";

/** Ends with the command to run on a host: the token in it is shown here and nowhere else. */
export function JoinTokenDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [ttlHours, setTtlHours] = useState<number | string>(24);
  const [uses, setUses] = useState<number | string>(1);
  const create = useChange("createJoinToken", { touches: ["listJoinTokens"] });
  if (create.data !== undefined) {
    return (
      <Dialog onClose={onClose} title={t("settings.tokenTitle")} size="lg">
        <Stack gap="sm">
          <Text size="sm">{t("settings.tokenWhy")}</Text>
          <CopyBlock text={create.data.command} label={t("settings.tokenWhy")} />
          <Text size="sm" c="dimmed">
            {t("settings.tokenOnly")}
          </Text>
          <CopyBlock text={create.data.token} label={t("settings.tokenOnly")} />
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("actions.understood")}</Button>
          </Group>
        </Stack>
      </Dialog>
    );
  }
  return (
    <Dialog onClose={onClose} title={t("settings.createTokenTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({ args: { body: { ttlHours: Number(ttlHours), uses: Number(uses) } } });
        }}
      >
        <Stack gap="sm">
          <NumberInput
            label={t("settings.ttlHours")}
            value={ttlHours}
            onChange={setTtlHours}
            min={1}
            max={720}
            allowDecimal={false}
            data-autofocus
          />
          <NumberInput
            label={t("settings.uses")}
            value={uses}
            onChange={setUses}
            min={1}
            max={100_000}
            allowDecimal={false}
          />
          {create.error !== null && <ProblemNotice error={create.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {t("settings.createTokenConfirm")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
