import type { ListSearch } from "../api/list-search.ts";
import type { Column, ListName, RowOf } from "./column.ts";
import { DataTable } from "./data-table.tsx";
import { ListToolbar } from "./list-toolbar.tsx";
import classes from "./list-view.module.css";
import type { Selection } from "./selection.ts";
import { SelectionBar } from "./selection-bar.tsx";
import { useList } from "./use-list.ts";

/** A whole list: finding, filters, selection, rows. */
export function ListView<L extends ListName>({
  list,
  params,
  fixed,
  label,
  columns,
  idOf,
  nameOf,
  searchField,
  searchLabel,
  search,
  onSearch,
  selection,
  selectionActions,
  rowActions,
  empty,
  height,
}: {
  list: L;
  params?: Record<string, string>;
  /** A filter that is the page's own, such as its host: not shown, and not to be taken away. */
  fixed?: string;
  label: string;
  columns: Column<L>[];
  idOf: (row: RowOf<L>) => string;
  nameOf: (row: RowOf<L>) => string;
  /** The field that the search box filters by; none: no box. */
  searchField?: string;
  searchLabel?: string;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
  selection?: Selection<RowOf<L>> | undefined;
  selectionActions?: React.ReactNode;
  rowActions?: ((row: RowOf<L>) => React.ReactNode) | undefined;
  empty: React.ReactNode;
  height?: string;
}) {
  const asked = fixed === undefined ? search : { ...search, filter: [...(search.filter ?? []), fixed] };
  const data = useList(list, asked, params);
  return (
    <div className={classes.view}>
      {selection !== undefined && selection.picked.size > 0 ? (
        <SelectionBar list={list} search={asked} total={data.total} selection={selection}>
          {selectionActions}
        </SelectionBar>
      ) : (
        searchField !== undefined && (
          <ListToolbar
            list={list}
            columns={columns}
            searchField={searchField}
            searchLabel={searchLabel ?? ""}
            search={search}
            onSearch={onSearch}
          />
        )
      )}
      <DataTable
        list={list}
        label={label}
        columns={columns}
        data={data}
        idOf={idOf}
        nameOf={nameOf}
        search={search}
        onSearch={onSearch}
        selection={selection}
        {...(rowActions === undefined ? {} : { rowActions })}
        empty={empty}
        {...(height === undefined ? {} : { height })}
      />
    </div>
  );
}
