import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type CallArguments, call } from "../api/call.ts";
import type { ListSearch } from "../api/list-search.ts";
import type { ListName, RowOf } from "./column.ts";

const pageSize = 100;

/** What every list answers with, whichever it is. */
type ListPage<L extends ListName> = { items: RowOf<L>[]; nextCursor: string | null; total: number };

/** Asks for one page of a list: the one place where that which all lists share is said to the types. */
export async function callList<L extends ListName>(
  list: L,
  query: ListSearch & { cursor?: string; limit?: number },
  { params, signal }: { params?: Record<string, string> | undefined; signal?: AbortSignal } = {},
): Promise<ListPage<L>> {
  const args = { ...(params === undefined ? {} : { params }), query } as unknown as CallArguments<L>;
  return (await call(list, args, signal === undefined ? {} : { signal })) as unknown as ListPage<L>;
}

/** The rows of a list as far as they were scrolled to. Rows of the search before stay until the new ones are there. */
export function useList<L extends ListName>(list: L, search: ListSearch, params?: Record<string, string>) {
  const query = useInfiniteQuery({
    queryKey: [list, { ...(params === undefined ? {} : { params }), query: search, pages: true }],
    queryFn: ({ pageParam, signal }) =>
      callList(
        list,
        { ...search, limit: pageSize, ...(pageParam === null ? {} : { cursor: pageParam }) },
        { params, signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  return { ...query, rows, total: query.data?.pages.at(-1)?.total ?? 0 };
}

/** All rows under a search, up to a limit: for a selection of more than what was scrolled to. */
export async function fetchAllRows<L extends ListName>(
  list: L,
  search: ListSearch,
  limit: number,
): Promise<RowOf<L>[]> {
  const rows: RowOf<L>[] = [];
  let cursor: string | null = null;
  do {
    const page: ListPage<L> = await callList(list, {
      ...search,
      limit: Math.min(500, limit - rows.length),
      ...(cursor === null ? {} : { cursor }),
    });
    rows.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && rows.length < limit);
  return rows;
}
