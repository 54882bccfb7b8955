import { consoleDownloads } from "@cordon/contract/console-api";
import { Button } from "@mantine/core";
import { IconBan, IconDownload, IconFileImport, IconPlus } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { apiPath, queryText } from "../api/call.ts";
import { useListSearch } from "../list/use-list-search.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { useMay } from "../session/session.ts";
import { RuleDialog } from "./rule-dialog.tsx";
import { RuleList } from "./rule-list.tsx";

const ImportDialog = lazy(async () => ({ default: (await import("./import-dialog.tsx")).ImportDialog }));

export function PreventionPage() {
  const { t } = useTranslation();
  const may = useMay();
  const [search] = useListSearch();
  const [opened, setOpened] = useState<"create" | "import" | null>(null);
  const mayOrder = may("prevention.order");
  const close = () => setOpened(null);
  const create = (
    <Button size="xs" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setOpened("create")}>
      {t("prevention.add")}
    </Button>
  );
  return (
    <>
      <PageHeader title={t("sections.prevention")}>
        <Button
          component="a"
          href={`${apiPath(consoleDownloads.preventionRules.path)}${queryText(search)}`}
          download
          variant="default"
          size="xs"
          leftSection={<IconDownload size={15} aria-hidden />}
        >
          {t("actions.exportCsv")}
        </Button>
        {mayOrder && (
          <Button
            variant="default"
            size="xs"
            leftSection={<IconFileImport size={15} aria-hidden />}
            onClick={() => setOpened("import")}
          >
            {t("prevention.import")}
          </Button>
        )}
        {mayOrder && create}
      </PageHeader>
      <RuleList
        empty={
          <EmptyNotice
            icon={<IconBan size={32} aria-hidden />}
            title={t("prevention.noneTitle")}
            why={t("prevention.noneWhy")}
          />
        }
      />
      {opened === "create" && <RuleDialog onClose={close} />}
      {opened === "import" && (
        <Suspense>
          <ImportDialog onClose={close} />
        </Suspense>
      )}
    </>
  );
}
