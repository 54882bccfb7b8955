import { Button } from "@mantine/core";
import { IconPlus, IconTerminal2 } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { useMay } from "../session/session.ts";
import { RunDialog } from "./run-dialog.tsx";
import { TaskList } from "./task-list.tsx";

export function TasksPage() {
  const { t } = useTranslation();
  const may = useMay();
  const [opened, setOpened] = useState(false);
  return (
    <>
      <PageHeader title={t("sections.tasks")}>
        {may("tasks.order") && (
          <Button size="xs" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setOpened(true)}>
            {t("tasks.create")}
          </Button>
        )}
      </PageHeader>
      <TaskList
        empty={
          <EmptyNotice
            icon={<IconTerminal2 size={32} aria-hidden />}
            title={t("tasks.noneTitle")}
            why={t("tasks.noneWhy")}
          />
        }
      />
      {opened && <RunDialog hosts={[]} onClose={() => setOpened(false)} />}
    </>
  );
}
