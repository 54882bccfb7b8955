import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type ListSearch, readListSearch } from "../api/list-search.ts";

/** The filters and order in the page's address, and how they are changed there. */
export function useListSearch(): [ListSearch, (search: ListSearch) => void] {
  const raw = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const search = useMemo(() => readListSearch(raw), [raw]);
  const setSearch = useCallback(
    (next: ListSearch) => {
      // Replaced: going back leads to the page before, not through every letter that was typed.
      void navigate({ to: ".", search: { ...next } as never, replace: true });
    },
    [navigate],
  );
  return [search, setSearch];
}
