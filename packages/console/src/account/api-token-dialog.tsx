import { type ConsoleRole, consoleRoles } from "@cordon/contract/console-api";
import { Button, Group, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { CopyBlock } from "../parts/copy-text.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { useSession } from "../session/session.ts";
import { RoleChoice } from "../users/role-choice.tsx";

/** Ends with the token, which is shown here and nowhere else. */
export function ApiTokenDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const own = useSession().role;
  const [name, setName] = useState("");
  const [role, setRole] = useState<ConsoleRole>(own);
  const [days, setDays] = useState<number | string>(90);
  const create = useChange("createApiToken", { touches: ["listApiTokens"] });
  if (create.data !== undefined) {
    return (
      <Dialog onClose={onClose} title={t("account.tokenTitle")} size="lg">
        <Stack gap="sm">
          <Text size="sm">{t("account.tokenShown")}</Text>
          <CopyBlock text={`Authorization: Bearer ${create.data.token}`} label={t("account.tokenTitle")} />
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("actions.understood")}</Button>
          </Group>
        </Stack>
      </Dialog>
    );
  }
  return (
    <Dialog onClose={onClose} title={t("account.createTokenTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({ args: { body: { name: name.trim(), role, days: days === "" ? null : Number(days) } } });
        }}
      >
        <Stack gap="sm">
          <TextInput
            label={t("account.tokenName")}
            description={t("account.tokenNameWhy")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={100}
            required
            withAsterisk={false}
            data-autofocus
          />
          <RoleChoice role={role} onChange={setRole} roles={consoleRoles} />
          <NumberInput
            label={t("account.tokenDays")}
            description={t("account.tokenDaysWhy")}
            value={days}
            onChange={setDays}
            min={1}
            max={3650}
            allowDecimal={false}
          />
          {create.error !== null && <ProblemNotice error={create.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {t("account.createTokenConfirm")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
