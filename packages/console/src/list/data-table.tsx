import { Checkbox, Loader, Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { ListSearch } from "../api/list-search.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import type { Column, ListName, RowOf } from "./column.ts";
import { ColumnMenu } from "./column-menu.tsx";
import classes from "./data-table.module.css";
import type { Selection } from "./selection.ts";
import type { useList } from "./use-list.ts";

const rowHeight = 38;
/** Rows that are drawn beyond what is seen, so that scrolling shows no gaps. */
const overscan = 14;

/**
 * Rows of a list: only those that are seen are in the page, more are asked for on scrolling. A plain table to a screen
 * reader, which is told each row's number and how many there are.
 */
export function DataTable<L extends ListName>({
  list,
  label,
  columns,
  data,
  idOf,
  nameOf,
  search,
  onSearch,
  selection,
  rowActions,
  empty,
  height,
}: {
  list: L;
  label: string;
  columns: Column<L>[];
  data: ReturnType<typeof useList<L>>;
  idOf: (row: RowOf<L>) => string;
  nameOf: (row: RowOf<L>) => string;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
  selection?: Selection<RowOf<L>> | undefined;
  rowActions?: (row: RowOf<L>) => React.ReactNode;
  empty: React.ReactNode;
  height?: string;
}) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLElement>(null);
  const { rows, total, isFetchingNextPage, hasNextPage, fetchNextPage } = data;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 30 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  if (data.isError && rows.length === 0) {
    return <ProblemNotice error={data.error} title={t("problems.notLoaded")} onRetry={() => void data.refetch()} />;
  }
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const span = columns.length + (selection === undefined ? 0 : 1) + (rowActions === undefined ? 0 : 1);
  const minWidth = columns.reduce((sum, { width }) => sum + width, (selection ? 40 : 0) + (rowActions ? 44 : 0));
  const isFiltered = (search.filter?.length ?? 0) > 0;
  return (
    <div className={classes.frame}>
      <section
        ref={scroller}
        className={classes.scroller}
        style={height === undefined ? undefined : { maxHeight: height }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must be able to scroll it
        tabIndex={0}
        aria-label={label}
        data-stale={data.isPlaceholderData || undefined}
      >
        <table className={classes.table} style={{ minWidth }} aria-rowcount={total + 1} aria-label={label}>
          <colgroup>
            {selection !== undefined && <col style={{ width: 40 }} />}
            {columns.map(({ field, width, grow }) => (
              <col key={field} style={grow ? undefined : { width }} />
            ))}
            {rowActions !== undefined && <col style={{ width: 44 }} />}
          </colgroup>
          <thead>
            <tr aria-rowindex={1}>
              {selection !== undefined && (
                <th scope="col">
                  <SelectAll rows={rows} idOf={idOf} selection={selection} />
                </th>
              )}
              {columns.map((column) => (
                <th
                  key={column.field}
                  scope="col"
                  aria-sort={sortOf(column.field, search.sort)}
                  data-align={column.align}
                >
                  <ColumnMenu list={list} column={column} search={search} onSearch={onSearch} />
                </th>
              ))}
              {rowActions !== undefined && (
                <th scope="col" className={classes.actions}>
                  <span className={classes.unseen}>{t("actions.more")}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {before > 0 && (
              // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it holds nothing, only the place of rows not drawn
              <tr aria-hidden="true">
                <td colSpan={span} style={{ height: before, padding: 0 }} />
              </tr>
            )}
            {items.map(({ index }) => {
              const row = rows[index];
              if (row === undefined) return null;
              const id = idOf(row);
              const isPicked = selection?.picked.has(id) ?? false;
              return (
                <tr key={id} aria-rowindex={index + 2} className={classes.row} data-picked={isPicked || undefined}>
                  {selection !== undefined && (
                    <td>
                      <Checkbox
                        size="xs"
                        checked={isPicked}
                        aria-label={t("list.selectRow", { name: nameOf(row) })}
                        onChange={() => {}}
                        onClick={(event) => selection.toggle(rows, index, event.shiftKey)}
                      />
                    </td>
                  )}
                  {columns.map((column) => (
                    <td key={column.field} data-align={column.align}>
                      {column.cell(row)}
                    </td>
                  ))}
                  {rowActions !== undefined && <td className={classes.actions}>{rowActions(row)}</td>}
                </tr>
              );
            })}
            {after > 0 && (
              // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it holds nothing, only the place of rows not drawn
              <tr aria-hidden="true">
                <td colSpan={span} style={{ height: after, padding: 0 }} />
              </tr>
            )}
          </tbody>
        </table>
        {data.isPending && (
          <div className={classes.centre}>
            <Loader size="sm" aria-label={t("list.loading")} />
          </div>
        )}
        {!data.isPending &&
          rows.length === 0 &&
          (isFiltered ? <EmptyNotice title={t("list.nothingFits")} why={t("list.nothingFitsWhy")} /> : empty)}
      </section>
      <div className={classes.foot}>
        <Text size="xs" c="dimmed" role="status">
          {data.isPending ? t("list.loading") : t("list.rows", { count: total, formatted: total.toLocaleString() })}
        </Text>
        {isFetchingNextPage && (
          <Text size="xs" c="dimmed">
            {t("list.loadingMore")}
          </Text>
        )}
      </div>
    </div>
  );
}

function sortOf(field: string, sort: string | undefined): "ascending" | "descending" | undefined {
  if (sort === field) return "ascending";
  return sort === `-${field}` ? "descending" : undefined;
}

function SelectAll<Row>({
  rows,
  idOf,
  selection,
}: {
  rows: Row[];
  idOf: (row: Row) => string;
  selection: Selection<Row>;
}) {
  const { t } = useTranslation();
  const count = rows.filter((row) => selection.picked.has(idOf(row))).length;
  const all = rows.length > 0 && count === rows.length;
  return (
    <Checkbox
      size="xs"
      checked={all}
      indeterminate={count > 0 && !all}
      aria-label={t("list.selectAll")}
      onChange={() => (all ? selection.clear() : selection.set(rows))}
    />
  );
}
