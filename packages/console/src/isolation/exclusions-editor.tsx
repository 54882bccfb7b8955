import { ActionIcon, Autocomplete, Button, Group, NativeSelect, Paper, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { type Direction, draftFault, type ExclusionDraft, protocolNumbers } from "./exclusion-draft.ts";
import classes from "./exclusions-editor.module.css";

let lastKey = 0;
export const newKey = () => ++lastKey;

/** What stays reachable, line by line. Faults are said once somebody has tried to order it. */
export function ExclusionsEditor({
  drafts,
  onChange,
  showFaults,
}: {
  drafts: ExclusionDraft[];
  onChange: (drafts: ExclusionDraft[]) => void;
  showFaults: boolean;
}) {
  const { t } = useTranslation();
  const add = () =>
    onChange([
      ...drafts,
      { key: newKey(), direction: "outbound", protocol: "tcp", remoteAddress: "", localPorts: "", remotePorts: "" },
    ]);
  return (
    <Stack gap="xs">
      {drafts.map((draft, index) => (
        <ExclusionLine
          key={draft.key}
          draft={draft}
          number={index + 1}
          showFaults={showFaults}
          onChange={(changed) => onChange(drafts.map((each) => (each.key === draft.key ? changed : each)))}
          onRemove={() => onChange(drafts.filter((each) => each.key !== draft.key))}
        />
      ))}
      <div>
        <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={add}>
          {t("isolation.addExclusion")}
        </Button>
      </div>
    </Stack>
  );
}

function ExclusionLine({
  draft,
  number,
  showFaults,
  onChange,
  onRemove,
}: {
  draft: ExclusionDraft;
  number: number;
  showFaults: boolean;
  onChange: (draft: ExclusionDraft) => void;
  onRemove: () => void;
}) {
  const { t } = useTranslation();
  const fault = draftFault(draft);
  const isBoth = draft.direction === "both";
  const errorOf = (field: string) => (showFaults && fault?.field === field ? true : undefined);
  const text = (field: "protocol" | "remoteAddress" | "localPorts" | "remotePorts") => ({
    value: draft[field],
    error: errorOf(field),
    size: "xs" as const,
  });
  return (
    <Paper withBorder p="xs" component="fieldset" className={classes.line}>
      <Group gap="xs" align="flex-start" wrap="wrap">
        <NativeSelect
          label={t("isolation.direction")}
          size="xs"
          w={104}
          value={draft.direction}
          data={(["outbound", "inbound", "both"] as const).map((value) => ({
            value,
            label: t(`isolation.directions.${value}`),
          }))}
          onChange={(event) => onChange({ ...draft, direction: event.currentTarget.value as Direction })}
        />
        <Autocomplete
          label={t("isolation.protocol")}
          placeholder={t("isolation.everyProtocol")}
          w={104}
          data={Object.keys(protocolNumbers)}
          {...text("protocol")}
          onChange={(protocol) => onChange({ ...draft, protocol })}
        />
        <TextInput
          label={t("isolation.remoteAddress")}
          placeholder="10.0.0.5"
          w={150}
          {...text("remoteAddress")}
          onChange={(event) => onChange({ ...draft, remoteAddress: event.currentTarget.value })}
        />
        <TextInput
          label={t("isolation.localPorts")}
          placeholder={t("isolation.allPorts")}
          w={112}
          disabled={isBoth}
          {...text("localPorts")}
          {...(isBoth ? { value: "" } : {})}
          onChange={(event) => onChange({ ...draft, localPorts: event.currentTarget.value })}
        />
        <TextInput
          label={t("isolation.remotePorts")}
          placeholder={t("isolation.allPorts")}
          w={112}
          disabled={isBoth}
          {...text("remotePorts")}
          {...(isBoth ? { value: "" } : {})}
          onChange={(event) => onChange({ ...draft, remotePorts: event.currentTarget.value })}
        />
        <ActionIcon
          variant="subtle"
          color="gray"
          mt={22}
          ml="auto"
          aria-label={t("isolation.removeExclusion", { number })}
          onClick={onRemove}
        >
          <IconTrash size={16} aria-hidden />
        </ActionIcon>
      </Group>
      <Text size="xs" c={showFaults && fault !== null ? "var(--mantine-color-error)" : "dimmed"} mt={4}>
        {showFaults && fault !== null
          ? faultText(fault.why, t)
          : isBoth
            ? t("isolation.portsNotWithBoth")
            : t("isolation.portsWhy")}
      </Text>
    </Paper>
  );
}

function faultText(
  why: NonNullable<ReturnType<typeof draftFault>>["why"],
  t: ReturnType<typeof useTranslation>["t"],
): string {
  return why === "portsNeedProtocol" ? t("isolation.portsNeedProtocol") : t(`isolation.faults.${why}`);
}
