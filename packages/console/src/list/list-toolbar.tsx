import { Button, CloseButton, Group, Pill, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { filtersOf, formatFilter, type ListFilter, type ListSearch, withFilters } from "../api/list-search.ts";
import { localTimeText } from "../text/time-text.ts";
import type { Column, ListName } from "./column.ts";
import { fieldKind, operatorText } from "./column-menu.tsx";

/** A keystroke is asked for after this: short enough to feel at once, long enough to not ask for every letter of a fast hand. */
const typingMs = 90;

/** Finding by the list's first column, and every filter that holds, to be taken away one by one. */
export function ListToolbar<L extends ListName>({
  list,
  columns,
  searchField,
  searchLabel,
  search,
  onSearch,
}: {
  list: L;
  columns: Column<L>[];
  searchField: string;
  searchLabel: string;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
}) {
  const { t } = useTranslation();
  const filters = filtersOf(search);
  const isTyped = (filter: ListFilter) => filter.field === searchField && filter.operator === "contains";
  const typed = filters.find(isTyped)?.value ?? "";
  const others = filters.filter((filter) => !isTyped(filter) || filter.value !== typed);
  const find = (value: string) => {
    const kept = filters.filter((filter) => filter.field === searchField && !isTyped(filter));
    onSearch(withFilters(search, searchField, [...kept, { field: searchField, operator: "contains", value }]));
  };
  const remove = (gone: ListFilter) => {
    const left = filters.filter((filter) => formatFilter(filter) !== formatFilter(gone)).map(formatFilter);
    const { filter: _, ...rest } = search;
    onSearch(left.length === 0 ? rest : { ...rest, filter: left });
  };
  return (
    <Group gap={6} wrap="wrap">
      <SearchBox label={searchLabel} value={typed} onChange={find} />
      {others.map((filter) => {
        const text = filterText(list, columns, filter, t);
        return (
          <Pill
            key={formatFilter(filter)}
            size="md"
            withRemoveButton
            removeButtonProps={{
              "aria-label": t("list.removeFilter", { filter: text }),
              "aria-hidden": false,
              tabIndex: 0,
            }}
            onRemove={() => remove(filter)}
          >
            {text}
          </Pill>
        );
      })}
      {filters.length > 0 && (
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={() => onSearch(search.sort === undefined ? {} : { sort: search.sort })}
        >
          {t("list.clearFilters")}
        </Button>
      )}
    </Group>
  );
}

function SearchBox({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(value);
  useEffect(() => {
    // Changed from outside (a filter taken away, going back), not by these letters.
    if (value !== sent.current) setText(value);
    sent.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(waiting.current), []);
  const type = (next: string) => {
    setText(next);
    clearTimeout(waiting.current);
    waiting.current = setTimeout(() => {
      sent.current = next;
      onChange(next);
    }, typingMs);
  };
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => type(event.currentTarget.value)}
      leftSection={<IconSearch size={15} aria-hidden />}
      rightSection={
        text === "" ? null : <CloseButton size="sm" aria-label={t("list.clearFilters")} onClick={() => type("")} />
      }
      w={260}
      size="xs"
    />
  );
}

function filterText<L extends ListName>(
  list: L,
  columns: Column<L>[],
  { field, operator, value }: ListFilter,
  t: ReturnType<typeof useTranslation>["t"],
): string {
  const column = columns.find((each) => each.field === field);
  const kind = fieldKind(list, field);
  const shown =
    column?.choices?.find((choice) => choice.value === value)?.label ??
    (kind === "time" ? localTimeText(value, document.documentElement.lang) : null) ??
    (value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return `${column?.title ?? field} ${operatorText(operator, kind, t)} ${shown}`;
}
