import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, FileButton, Group, Radio, Stack, Text, Textarea } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { HostPicker } from "../hosts/host-picker.tsx";
import type { NamedHost } from "../hosts/named-host.ts";
import { announce } from "../parts/announce.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { ImportPreview } from "./import-preview.tsx";

const maxBytes = 16 * 1024 * 1024;

/** A list of hashes: read, shown line by line what it would do, and only then ordered. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [fileName, setFileName] = useState<string | null>(null);
  const [tooLarge, setTooLarge] = useState(false);
  const [onAll, setOnAll] = useState(true);
  const [picked, setPicked] = useState<NamedHost[]>([]);
  const [shown, setShown] = useState<ConsoleReply<"previewImport"> | null>(null);
  const preview = useChange("previewImport", { touches: [], onDone: setShown });
  const order = useChange("importPreventionRules", {
    touches: ["listPreventionRules", "listHosts"],
    onDone: ({ counts }) => {
      announce(t("prevention.imported", { count: counts.new, formatted: counts.new.toLocaleString() }));
      onClose();
    },
  });
  const read = async (file: File | null) => {
    if (file === null) return;
    setTooLarge(file.size > maxBytes);
    if (file.size > maxBytes) return;
    setFileName(file.name);
    setText(await file.text());
    setShown(null);
  };
  const scope = onAll ? ("all" as const) : picked.map(({ sensorId }) => sensorId);
  const args = { body: { text, scope } };
  const ready = text.trim() !== "" && (onAll || picked.length > 0);
  return (
    <Dialog onClose={onClose} title={t("prevention.importTitle")} size={820}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t("prevention.importWhy")}
        </Text>
        {shown === null ? (
          <>
            <Group gap="sm">
              <FileButton onChange={(file) => void read(file)} accept=".csv,.txt,.json,text/*,application/json">
                {(props) => (
                  <Button {...props} variant="default" size="xs" leftSection={<IconFileImport size={15} aria-hidden />}>
                    {t("prevention.chooseFile")}
                  </Button>
                )}
              </FileButton>
              {fileName !== null && <Text size="sm">{fileName}</Text>}
            </Group>
            {tooLarge && <ProblemNotice error={new Error(t("prevention.tooLarge"))} />}
            <Textarea
              label={t("prevention.orPaste")}
              // A long list is not drawn whole: it would freeze the page, and nobody reads it there.
              value={text.length > 200_000 ? `${text.slice(0, 2000)}…` : text}
              readOnly={text.length > 200_000}
              onChange={(event) => {
                setText(event.currentTarget.value);
                setFileName(null);
              }}
              rows={8}
              spellCheck={false}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12 } }}
            />
            <Radio.Group
              label={t("prevention.scope")}
              value={onAll ? "all" : "some"}
              onChange={(value) => setOnAll(value === "all")}
            >
              <Stack gap={6} mt={6}>
                <Radio value="all" label={t("prevention.onAll")} />
                <Radio value="some" label={t("prevention.onSome")} />
              </Stack>
            </Radio.Group>
            {!onAll && <HostPicker label={t("tasks.onHosts")} picked={picked} onChange={setPicked} />}
          </>
        ) : (
          <ImportPreview preview={shown} />
        )}
        {preview.error !== null && <ProblemNotice error={preview.error} />}
        {order.error !== null && <ProblemNotice error={order.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={shown === null ? onClose : () => setShown(null)}>
            {shown === null ? t("actions.cancel") : t("actions.back")}
          </Button>
          {shown === null ? (
            <Button disabled={!ready} loading={preview.isPending} onClick={() => preview.mutate({ args })}>
              {t("prevention.preview")}
            </Button>
          ) : (
            <Button disabled={shown.counts.new === 0} loading={order.isPending} onClick={() => order.mutate({ args })}>
              {t("prevention.importConfirm", { count: shown.counts.new, formatted: shown.counts.new.toLocaleString() })}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}
