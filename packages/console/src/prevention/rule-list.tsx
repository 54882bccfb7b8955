import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, Menu } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { ListView } from "../list/list-view.tsx";
import { useSelection } from "../list/selection.ts";
import { useListSearch } from "../list/use-list-search.ts";
import { announce, announceBulk } from "../parts/announce.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { RowMenu } from "../parts/row-menu.tsx";
import { useMay } from "../session/session.ts";
import { lookUpLinks } from "./hash-text.ts";
import { type Rule, ruleColumns } from "./rule-columns.tsx";
import { RuleDialog } from "./rule-dialog.tsx";
import { ruleName } from "./rule-name.ts";

const idOf = (rule: Rule) => rule.ruleId;
const touches = ["listPreventionRules", "listHosts"] as const;

/** Prevention rules: all of them, or with `fixed` those of one host. */
export function RuleList({ fixed, empty }: { fixed?: string; empty: React.ReactNode }) {
  const { t } = useTranslation();
  const may = useMay();
  const [search, setSearch] = useListSearch();
  const selection = useSelection(idOf);
  const [edited, setEdited] = useState<ConsoleReply<"getPreventionRule"> | null>(null);
  const [deleted, setDeleted] = useState<readonly Rule[]>([]);
  const columns = useMemo(() => ruleColumns(t), [t]);
  const mayOrder = may("prevention.order");
  const change = useChange("changePreventionRule", { touches, onDone: () => announce(t("prevention.saved")) });
  const setEnabled = (rule: Rule, enabled: boolean) =>
    change.mutate({ args: { params: { ruleId: rule.ruleId }, body: { enabled } }, ifMatch: rule.version });
  return (
    <>
      {change.error !== null && <ProblemNotice error={change.error} />}
      <ListView
        list="listPreventionRules"
        {...(fixed === undefined ? {} : { fixed })}
        label={t("sections.prevention")}
        columns={columns}
        idOf={idOf}
        nameOf={ruleName}
        searchField="name"
        searchLabel={t("prevention.search")}
        search={search}
        onSearch={setSearch}
        selection={mayOrder ? selection : undefined}
        selectionActions={
          <Button size="compact-sm" variant="default" onClick={() => setDeleted([...selection.picked.values()])}>
            {t("actions.delete")}
          </Button>
        }
        rowActions={(rule) => (
          <RowMenu name={ruleName(rule)}>
            {mayOrder && <Menu.Item onClick={() => setEdited(rule)}>{t("prevention.edit")}</Menu.Item>}
            {mayOrder && (
              <Menu.Item onClick={() => setEnabled(rule, !rule.enabled)}>
                {rule.enabled ? t("prevention.disable") : t("prevention.enable")}
              </Menu.Item>
            )}
            {mayOrder && <Menu.Item onClick={() => setDeleted([rule])}>{t("actions.delete")}</Menu.Item>}
            {mayOrder && <Menu.Divider />}
            {(["virusTotal", "kasperskyTip"] as const).map((place) => (
              <Menu.Item
                key={place}
                component="a"
                href={lookUpLinks[place](rule.hash)}
                target="_blank"
                rel="noreferrer noopener"
              >
                {t(`prevention.${place}`)}
              </Menu.Item>
            ))}
          </RowMenu>
        )}
        empty={empty}
      />
      {edited !== null && <RuleDialog rule={edited} onClose={() => setEdited(null)} />}
      {deleted.length > 0 && (
        <DeleteRulesDialog rules={deleted} onClose={() => setDeleted([])} onDone={selection.clear} />
      )}
    </>
  );
}

function DeleteRulesDialog({
  rules,
  onClose,
  onDone,
}: {
  rules: readonly Rule[];
  onClose: () => void;
  onDone: () => void;
}) {
  const { t } = useTranslation();
  const names = {
    count: rules.length,
    name: rules[0] === undefined ? "" : ruleName(rules[0]),
    formatted: rules.length.toLocaleString(),
  };
  const remove = useChange("deletePreventionRules", {
    touches,
    onDone: (reply) => {
      announceBulk(reply, t("bulk.done", { count: reply.done, formatted: reply.done.toLocaleString() }), t);
      onDone();
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("prevention.deleteTitle", names)}
      what={t("prevention.deleteWhy")}
      undo={t("prevention.deleteUndo")}
      confirm={t("prevention.deleteConfirm", names)}
      dangerous
      change={remove}
      onConfirm={() => remove.mutate({ args: { body: { ruleIds: rules.map(({ ruleId }) => ruleId) } } })}
      onClose={onClose}
    />
  );
}
