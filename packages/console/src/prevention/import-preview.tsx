import type { ConsoleReply } from "@cordon/contract/console-api";
import { Group, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Mark, type MarkTone } from "../parts/mark.tsx";

type Preview = ConsoleReply<"previewImport">;
type Verdict = Preview["lines"][number]["verdict"];

const verdicts: Verdict[] = ["new", "known", "duplicate", "conflicting", "malformed"];
const tones: Record<Verdict, MarkTone> = {
  new: "good",
  known: "quiet",
  duplicate: "quiet",
  conflicting: "bad",
  malformed: "bad",
};

export function ImportPreview({ preview }: { preview: Preview }) {
  const { t } = useTranslation();
  const total = verdicts.reduce((sum, verdict) => sum + preview.counts[verdict], 0);
  return (
    <Stack gap="sm">
      <Group gap="lg" role="status">
        <Text size="sm">{t("prevention.readAs", { format: t(`prevention.formats.${preview.format}`) })}</Text>
        {verdicts.map((verdict) => (
          <Mark key={verdict} tone={preview.counts[verdict] === 0 ? "quiet" : tones[verdict]}>
            {preview.counts[verdict].toLocaleString()} {t(`prevention.verdicts.${verdict}`)}
          </Mark>
        ))}
      </Group>
      {preview.counts.new === 0 && <Text size="sm">{t("prevention.nothingNew")}</Text>}
      <ScrollArea.Autosize
        mah="40dvh"
        type="auto"
        viewportProps={{ tabIndex: 0, "aria-label": t("prevention.preview") }}
      >
        <Table stickyHeader fz={12.5}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={60}>{t("prevention.line")}</Table.Th>
              <Table.Th w={140}>{t("prevention.verdict")}</Table.Th>
              <Table.Th>{t("prevention.columns.hash")}</Table.Th>
              <Table.Th>{t("prevention.why")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {preview.lines.map(({ line, verdict, hash, name, why }) => (
              <Table.Tr key={`${line} ${hash}`}>
                <Table.Td>{line}</Table.Td>
                <Table.Td>
                  <Mark tone={tones[verdict]}>{t(`prevention.verdicts.${verdict}`)}</Mark>
                </Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }} ff="monospace">
                  {hash ?? t("time.none")}
                </Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{why ?? name}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
      {preview.lines.length < total && (
        <Text size="xs" c="dimmed">
          {t("prevention.shownPart")}
        </Text>
      )}
    </Stack>
  );
}
