import { Alert, Button, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { IconTerminal2 } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { HostPicker } from "../hosts/host-picker.tsx";
import { type NamedHost, namesOf } from "../hosts/named-host.ts";
import { announceBulk } from "../parts/announce.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";

export type ProgramToRun = { program: string; commandLine: string | null; workingDirectory: string | null };

/** A program on hosts that were picked, or are picked here. Of one host, its task is shown once it is made. */
export function RunDialog({
  hosts,
  again,
  onClose,
  onDone,
}: {
  hosts: readonly NamedHost[];
  /** What to start from. */
  again?: ProgramToRun;
  onClose: () => void;
  onDone?: () => void;
}) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [picked, setPicked] = useState(hosts);
  const [program, setProgram] = useState(again?.program ?? "");
  const [commandLine, setCommandLine] = useState(again?.commandLine ?? "");
  const [workingDirectory, setWorkingDirectory] = useState(again?.workingDirectory ?? "");
  const [startNow, setStartNow] = useState(true);
  const [tried, setTried] = useState(false);
  const names = namesOf(picked);
  const create = useChange("createTasks", {
    touches: ["listTasks", "overview"],
    onDone: (reply) => {
      announceBulk(reply, t("tasks.created", { count: reply.done, formatted: reply.done.toLocaleString() }), t);
      onDone?.();
      onClose();
      const [only] = reply.tasks;
      if (reply.tasks.length === 1 && only !== undefined) {
        void navigate({ to: "/tasks/$taskId", params: { taskId: only.taskId } });
      }
    },
  });
  const order = () => {
    setTried(true);
    if (picked.length === 0 || program.trim() === "") return;
    create.mutate({
      args: {
        body: {
          sensorIds: picked.map(({ sensorId }) => sensorId),
          program: program.trim(),
          commandLine: commandLine.trim() === "" ? null : commandLine,
          workingDirectory: workingDirectory.trim() === "" ? null : workingDirectory.trim(),
          startNow,
        },
      },
    });
  };
  const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };
  return (
    <Dialog onClose={onClose} title={hosts.length === 0 ? t("tasks.titleAny") : t("tasks.title", names)} size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          order();
        }}
      >
        <Stack gap="sm">
          {(hosts.length !== 1 || picked.length !== 1) && picked.length <= 20 && (
            <HostPicker
              label={t("tasks.onHosts")}
              picked={picked}
              onChange={setPicked}
              error={tried && picked.length === 0 ? t("hosts.pickOne") : null}
            />
          )}
          <TextInput
            label={t("tasks.program")}
            description={t("tasks.programWhy")}
            placeholder="/usr/bin/ps"
            value={program}
            onChange={(event) => setProgram(event.currentTarget.value)}
            styles={mono}
            spellCheck={false}
            autoComplete="off"
            required
            withAsterisk={false}
            data-autofocus
          />
          <TextInput
            label={t("tasks.commandLine")}
            description={t("tasks.commandLineWhy")}
            placeholder="aux --sort=-%mem"
            value={commandLine}
            onChange={(event) => setCommandLine(event.currentTarget.value)}
            styles={mono}
            spellCheck={false}
            autoComplete="off"
          />
          <TextInput
            label={t("tasks.workingDirectory")}
            description={t("tasks.workingDirectoryWhy")}
            value={workingDirectory}
            onChange={(event) => setWorkingDirectory(event.currentTarget.value)}
            styles={mono}
            spellCheck={false}
            autoComplete="off"
          />
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t("tasks.start")}
            </Text>
            <SegmentedControl
              aria-label={t("tasks.start")}
              size="xs"
              data={[
                { value: "now", label: t("tasks.startNow") },
                { value: "later", label: t("tasks.startLater") },
              ]}
              value={startNow ? "now" : "later"}
              onChange={(value) => setStartNow(value === "now")}
            />
          </div>
          <Alert variant="light" color="cordon" icon={<IconTerminal2 aria-hidden />}>
            {picked.length > 0 && <Text size="sm">{t("tasks.sentence", names)}</Text>}
            <Text size="sm" mt={4}>
              {t("tasks.undo")}
            </Text>
          </Alert>
          {create.error !== null && <ProblemNotice error={create.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {startNow ? t("tasks.confirm", { ...names, count: Math.max(1, names.count) }) : t("tasks.storeConfirm")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
