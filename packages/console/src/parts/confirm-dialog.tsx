import { Button, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Dialog } from "./dialog.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

/** Asks once, in words: what will happen, and how it is undone. Stays open, with the reason, when it was refused. */
export function ConfirmDialog({
  title,
  what,
  undo,
  confirm,
  dangerous = false,
  disabled = false,
  keep,
  size = "md",
  change,
  onConfirm,
  onClose,
  children,
}: {
  title: string;
  what: string;
  undo?: string;
  confirm: string;
  dangerous?: boolean;
  disabled?: boolean;
  /** On the button that changes nothing. */
  keep?: string;
  size?: "md" | "lg";
  change: { isPending: boolean; error: unknown };
  onConfirm: () => void;
  onClose: () => void;
  children?: React.ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Dialog onClose={onClose} title={title} size={size}>
      <Stack gap="sm">
        <Text size="sm">{what}</Text>
        {children}
        {undo !== undefined && (
          <Text size="sm" c="dimmed">
            {undo}
          </Text>
        )}
        {change.error !== null && <ProblemNotice error={change.error} />}
        <Group justify="flex-end" gap="xs" mt="xs">
          <Button variant="default" onClick={onClose}>
            {keep ?? t("actions.cancel")}
          </Button>
          <Button
            {...(dangerous ? { color: "red" } : {})}
            loading={change.isPending}
            disabled={disabled}
            onClick={onConfirm}
            data-autofocus
          >
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
