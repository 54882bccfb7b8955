import type { ConsoleReply, ConsoleRole } from "@cordon/contract/console-api";
import { Button, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { announce } from "../parts/announce.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { CopyBlock } from "../parts/copy-text.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { RoleChoice } from "./role-choice.tsx";

export type User = ConsoleReply<"getUser">;

export function CreateUserDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<ConsoleRole>("security-officer");
  const create = useChange("createUser", {
    touches: ["listUsers"],
    onDone: () => {
      announce(t("users.created"));
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t("users.createTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({ args: { body: { name: name.trim(), role, password } } });
        }}
      >
        <Stack gap="sm">
          <TextInput
            label={t("users.columns.name")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={64}
            autoComplete="off"
            required
            withAsterisk={false}
            data-autofocus
          />
          <PasswordInput
            label={t("users.initialPassword")}
            description={t("users.initialPasswordWhy")}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <RoleChoice role={role} onChange={setRole} />
          {create.error !== null && <ProblemNotice error={create.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {t("users.createConfirm")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

export function RoleDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const [role, setRole] = useState<ConsoleRole>(user.role);
  const change = useChange("changeUser", { touches: ["listUsers"], onDone: onClose });
  return (
    <ConfirmDialog
      title={t("users.roleTitle", { name: user.name })}
      what={t("users.roleWhy")}
      confirm={t("users.roleConfirm")}
      disabled={role === user.role}
      change={change}
      onConfirm={() =>
        change.mutate({ args: { params: { userId: user.userId }, body: { role } }, ifMatch: user.version })
      }
      onClose={onClose}
    >
      <RoleChoice role={role} onChange={setRole} />
    </ConfirmDialog>
  );
}

export function DisableUserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChange("changeUser", { touches: ["listUsers"], onDone: onClose });
  return (
    <ConfirmDialog
      title={t("users.disableTitle", { name: user.name })}
      what={t("users.disableWhy")}
      undo={t("users.disableUndo")}
      confirm={t("users.disableConfirm")}
      dangerous
      change={change}
      onConfirm={() =>
        change.mutate({ args: { params: { userId: user.userId }, body: { disabled: true } }, ifMatch: user.version })
      }
      onClose={onClose}
    />
  );
}

/** Ends with a one-time password, which is shown here and nowhere else. */
export function ResetUserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const reset = useChange("resetUser", { touches: ["listUsers"] });
  if (reset.data !== undefined) {
    return (
      <Dialog onClose={onClose} title={t("users.oneTimePassword", { name: user.name })}>
        <Stack gap="sm">
          <Text size="sm">{t("users.oneTimePasswordWhy")}</Text>
          <CopyBlock text={reset.data.password} label={t("users.oneTimePassword", { name: user.name })} />
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("actions.understood")}</Button>
          </Group>
        </Stack>
      </Dialog>
    );
  }
  return (
    <ConfirmDialog
      title={t("users.resetTitle", { name: user.name })}
      what={t("users.resetWhy")}
      confirm={t("users.resetConfirm")}
      dangerous
      change={reset}
      onConfirm={() => reset.mutate({ args: { params: { userId: user.userId } } })}
      onClose={onClose}
    />
  );
}
