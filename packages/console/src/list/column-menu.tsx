import { type ListFieldKind, listFields } from "@cordon/contract/console-api";
import { Button, Divider, Group, Popover, Select, Stack, TextInput, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconFilter } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type FilterOperator, filtersOf, type ListFilter, type ListSearch, withFilters } from "../api/list-search.ts";
import type { Column, ListName } from "./column.ts";
import classes from "./data-table.module.css";

const operatorsOf: Record<ListFieldKind, FilterOperator[]> = {
  text: ["contains", "not-contains", "is", "is-not"],
  choice: ["is", "is-not"],
  time: ["after", "before"],
  number: ["is", "after", "before"],
};

export function fieldKind(list: ListName, field: string): ListFieldKind | null {
  return (listFields[list] as Record<string, ListFieldKind>)[field] ?? null;
}

/** A column's head: its name, its order, and behind it sorting and filtering by it. */
export function ColumnMenu<L extends ListName>({
  list,
  column,
  search,
  onSearch,
}: {
  list: L;
  column: Column<L>;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
}) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const kind = fieldKind(list, column.field);
  if (kind === null) return <span className={classes.plainHead}>{column.title}</span>;
  const filtered = filtersOf(search).some(({ field }) => field === column.field);
  const sort = (order: string) => {
    onSearch({ ...search, sort: order });
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" trapFocus returnFocus width={270}>
      <Popover.Target>
        <UnstyledButton
          className={classes.head}
          data-active={filtered || undefined}
          aria-label={t("list.columnMenu", { column: column.title })}
          onClick={() => setOpened(!opened)}
        >
          <span className={classes.headText}>{column.title}</span>
          {search.sort === column.field && <IconArrowUp size={13} aria-hidden />}
          {search.sort === `-${column.field}` && <IconArrowDown size={13} aria-hidden />}
          {filtered && <IconFilter size={13} aria-hidden />}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p="sm">
        <Stack gap="xs">
          {column.sortable !== false && (
            <>
              <Group gap={6} grow>
                <Button size="compact-sm" variant="default" onClick={() => sort(column.field)}>
                  <IconArrowUp size={14} aria-hidden />
                  {t("list.sortUp")}
                </Button>
                <Button size="compact-sm" variant="default" onClick={() => sort(`-${column.field}`)}>
                  <IconArrowDown size={14} aria-hidden />
                  {t("list.sortDown")}
                </Button>
              </Group>
              <Divider />
            </>
          )}
          <FilterForm
            column={column}
            kind={kind}
            search={search}
            onSearch={(next) => {
              onSearch(next);
              setOpened(false);
            }}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function FilterForm<L extends ListName>({
  column,
  kind,
  search,
  onSearch,
}: {
  column: Column<L>;
  kind: ListFieldKind;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
}) {
  const { t } = useTranslation();
  const operators = operatorsOf[kind];
  const [operator, setOperator] = useState<FilterOperator>(operators[0] ?? "is");
  const [value, setValue] = useState("");
  const existing = filtersOf(search).filter(({ field }) => field === column.field);
  const add = () => {
    const filter: ListFilter = { field: column.field, operator, value: kind === "time" ? utcOf(value) : value.trim() };
    onSearch(withFilters(search, column.field, [...existing, filter]));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <Stack gap="xs">
        <Select
          aria-label={t("list.filterBy", { column: column.title })}
          data={operators.map((each) => ({ value: each, label: operatorText(each, kind, t) }))}
          value={operator}
          onChange={(next) => setOperator((next ?? "is") as FilterOperator)}
          size="xs"
          comboboxProps={{ withinPortal: false }}
        />
        {column.choices === undefined ? (
          <TextInput
            aria-label={t("list.value")}
            placeholder={t("list.value")}
            type={kind === "time" ? "datetime-local" : kind === "number" ? "number" : "text"}
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
            size="xs"
            data-autofocus
          />
        ) : (
          <Select
            aria-label={t("list.value")}
            placeholder={t("list.value")}
            data={column.choices}
            value={value === "" ? null : value}
            onChange={(next) => setValue(next ?? "")}
            size="xs"
            comboboxProps={{ withinPortal: false }}
            data-autofocus
          />
        )}
        <Button type="submit" size="xs" disabled={value.trim() === ""}>
          {t("list.addFilter")}
        </Button>
      </Stack>
    </form>
  );
}

/** What a person typed in their own zone, as the API takes it. */
function utcOf(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
}

export function operatorText(
  operator: FilterOperator,
  kind: ListFieldKind | null,
  t: ReturnType<typeof useTranslation>["t"],
): string {
  if (kind === "number" && operator === "before") return t("list.smaller");
  if (kind === "number" && operator === "after") return t("list.greater");
  return t(`list.operators.${operator}`);
}
