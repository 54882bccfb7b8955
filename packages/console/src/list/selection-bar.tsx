import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ListSearch } from "../api/list-search.ts";
import type { ListName, RowOf } from "./column.ts";
import { type Selection, selectionLimit } from "./selection.ts";
import classes from "./selection-bar.module.css";
import { fetchAllRows } from "./use-list.ts";

/** What was picked, and what can be done with all of it at once. */
export function SelectionBar<L extends ListName>({
  list,
  search,
  total,
  selection,
  children,
}: {
  list: L;
  search: ListSearch;
  total: number;
  selection: Selection<RowOf<L>>;
  children: React.ReactNode;
}) {
  const { t } = useTranslation();
  const [isFetching, setFetching] = useState(false);
  const count = selection.picked.size;
  if (count === 0) return null;
  const selectAll = async () => {
    setFetching(true);
    try {
      selection.set(await fetchAllRows(list, search, selectionLimit));
    } finally {
      setFetching(false);
    }
  };
  const most = Math.min(total, selectionLimit);
  return (
    <Group
      className={classes.bar}
      gap="xs"
      role="toolbar"
      aria-label={t("list.selected", { count, formatted: String(count) })}
    >
      <Text size="sm" fw={600} role="status">
        {t("list.selected", { count, formatted: count.toLocaleString() })}
      </Text>
      {count < most && (
        <Button size="compact-sm" variant="subtle" loading={isFetching} onClick={() => void selectAll()}>
          {t("list.selectAllMatching", { formatted: most.toLocaleString() })}
        </Button>
      )}
      {total > selectionLimit && (
        <Text size="xs" c="dimmed">
          {t("list.selectionLimit", { formatted: selectionLimit.toLocaleString() })}
        </Text>
      )}
      <Group gap={6} ml="auto">
        {children}
        <Button size="compact-sm" variant="subtle" color="gray" onClick={selection.clear}>
          {t("list.clearSelection")}
        </Button>
      </Group>
    </Group>
  );
}
