import { Button, Group, Menu, Stack, TextInput } from "@mantine/core";
import { IconPlugConnected } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import type { Column } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { useListSearch } from "../list/use-list-search.ts";
import { CopyText } from "../parts/copy-text.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { Mark, type MarkTone } from "../parts/mark.tsx";
import { Ago, Moment } from "../parts/moment.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { RowMenu } from "../parts/row-menu.tsx";
import { useMay } from "../session/session.ts";
import { type Decision, DecisionDialog, type ExternalSystem } from "./decision-dialog.tsx";

const tones: Record<ExternalSystem["state"], MarkTone> = {
  pending: "waiting",
  accepted: "good",
  rejected: "bad",
  withdrawn: "quiet",
};
const decisionsFor: Record<ExternalSystem["state"], Decision[]> = {
  pending: ["accept", "reject"],
  accepted: ["withdraw"],
  rejected: ["accept"],
  withdrawn: ["accept"],
};
const idOf = (system: ExternalSystem) => `${system.externalSystemId} ${system.fingerprint}`;
const nameOf = (system: ExternalSystem) => system.name ?? system.externalSystemId;

export function ExternalSystemsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const mayDecide = may("external-systems.decide");
  const [search, setSearch] = useListSearch();
  const [asked, setAsked] = useState<{ system: ExternalSystem; decision: Decision } | null>(null);
  const [named, setNamed] = useState<ExternalSystem | null>(null);
  const columns = useMemo<Column<"listExternalSystems">[]>(
    () => [
      {
        field: "state",
        title: t("externalSystems.columns.state"),
        width: mayDecide ? 250 : 120,
        cell: (system) => (
          <Group gap="sm" wrap="nowrap">
            <Mark tone={tones[system.state]}>{t(`externalSystems.states.${system.state}`)}</Mark>
            {mayDecide &&
              system.state === "pending" &&
              decisionsFor.pending.map((decision) => (
                <Button
                  key={decision}
                  size="compact-xs"
                  variant={decision === "accept" ? "filled" : "default"}
                  onClick={() => setAsked({ system, decision })}
                >
                  {t(`externalSystems.${decision}`)}
                </Button>
              ))}
          </Group>
        ),
        choices: (["pending", "accepted", "rejected", "withdrawn"] as const).map((value) => ({
          value,
          label: t(`externalSystems.states.${value}`),
        })),
      },
      {
        field: "name",
        title: t("externalSystems.columns.name"),
        width: 160,
        grow: true,
        cell: ({ name }) => <span title={name ?? ""}>{name ?? t("externalSystems.unnamed")}</span>,
      },
      {
        field: "externalSystemId",
        title: t("externalSystems.columns.externalSystemId"),
        width: 190,
        cell: (system) => (
          <CopyText text={system.externalSystemId} shown={`${system.externalSystemId.slice(0, 13)}…`} />
        ),
      },
      { field: "address", title: t("externalSystems.columns.address"), width: 130, cell: ({ address }) => address },
      {
        field: "fingerprint",
        title: t("externalSystems.columns.fingerprint"),
        width: 200,
        cell: ({ fingerprint }) => <CopyText text={fingerprint} shown={`${fingerprint.slice(0, 16)}…`} />,
      },
      {
        field: "subject",
        title: t("externalSystems.columns.subject"),
        width: 180,
        cell: ({ subject }) => <span title={subject}>{subject}</span>,
      },
      {
        field: "validTo",
        title: t("externalSystems.columns.validTo"),
        width: 190,
        cell: (system) =>
          system.expired ? (
            <Mark tone="bad">
              <Moment at={system.validTo} /> · {t("externalSystems.expired")}
            </Mark>
          ) : (
            <Moment at={system.validTo} />
          ),
      },
      {
        field: "lastSeenAt",
        title: t("externalSystems.columns.lastSeenAt"),
        width: 140,
        cell: (system) => (
          <span
            title={t("externalSystems.knocks", { count: system.knocks, formatted: system.knocks.toLocaleString() })}
          >
            <Ago at={system.lastSeenAt} />
          </span>
        ),
      },
      {
        field: "firstSeenAt",
        title: t("externalSystems.columns.firstSeenAt"),
        width: 180,
        cell: (system) => <Moment at={system.firstSeenAt} />,
      },
    ],
    [t, mayDecide],
  );
  return (
    <>
      <PageHeader title={t("sections.externalSystems")} />
      <ListView
        list="listExternalSystems"
        label={t("sections.externalSystems")}
        columns={columns}
        idOf={idOf}
        nameOf={nameOf}
        searchField="name"
        searchLabel={t("externalSystems.search")}
        search={search}
        onSearch={setSearch}
        rowActions={
          mayDecide
            ? (system) => (
                <RowMenu name={nameOf(system)}>
                  {decisionsFor[system.state].map((decision) => (
                    <Menu.Item key={decision} onClick={() => setAsked({ system, decision })}>
                      {t(`externalSystems.${decision}`)}
                    </Menu.Item>
                  ))}
                  <Menu.Item onClick={() => setNamed(system)}>{t("externalSystems.rename")}</Menu.Item>
                </RowMenu>
              )
            : undefined
        }
        empty={
          <EmptyNotice
            icon={<IconPlugConnected size={32} aria-hidden />}
            title={t("externalSystems.noneTitle")}
            why={t("externalSystems.noneWhy")}
          />
        }
      />
      {asked !== null && <DecisionDialog {...asked} onClose={() => setAsked(null)} />}
      {named !== null && <NameDialog system={named} onClose={() => setNamed(null)} />}
    </>
  );
}

function NameDialog({ system, onClose }: { system: ExternalSystem; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(system.name ?? "");
  const rename = useChange("nameExternalSystem", { touches: ["listExternalSystems"], onDone: onClose });
  const { externalSystemId, fingerprint } = system;
  return (
    <Dialog onClose={onClose} title={t("externalSystems.nameTitle")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate({ args: { params: { externalSystemId, fingerprint }, body: { name: name.trim() } } });
        }}
      >
        <Stack gap="sm">
          <TextInput
            label={t("externalSystems.columns.name")}
            description={t("externalSystems.nameWhy")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={255}
            data-autofocus
          />
          {rename.error !== null && <ProblemNotice error={rename.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("actions.cancel")}
            </Button>
            <Button type="submit" loading={rename.isPending}>
              {t("actions.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
