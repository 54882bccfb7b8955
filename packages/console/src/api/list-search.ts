/** Filters and sort order of a list, as they stand in the address: a filtered list can be sent to somebody. */
export type FilterOperator = "contains" | "not-contains" | "is" | "is-not" | "before" | "after";
export type ListFilter = { field: string; operator: FilterOperator; value: string };
export type ListSearch = { filter?: string[]; sort?: string };

const operators: readonly string[] = ["contains", "not-contains", "is", "is-not", "before", "after"];

/** `null` for a text that is no filter: an address may have been typed by hand. The value may hold colons. */
export function parseFilter(text: string): ListFilter | null {
  const [, field, operator, value] = /^([^:]+):([^:]+):([\s\S]*)$/.exec(text) ?? [];
  if (field === undefined || operator === undefined || value === undefined || !operators.includes(operator))
    return null;
  return { field, operator: operator as FilterOperator, value };
}

export const formatFilter = ({ field, operator, value }: ListFilter) => `${field}:${operator}:${value}`;

export function filtersOf(search: ListSearch): ListFilter[] {
  return (search.filter ?? []).map(parseFilter).filter((filter) => filter !== null);
}

/** The search with all filters of a field replaced by these. An empty value lifts a filter. */
export function withFilters(search: ListSearch, field: string, filters: ListFilter[]): ListSearch {
  const kept = filtersOf(search).filter((filter) => filter.field !== field);
  const all = [...kept, ...filters.filter(({ value }) => value !== "")].map(formatFilter);
  const { filter: _, ...rest } = search;
  return all.length === 0 ? rest : { ...rest, filter: all };
}

/** Up, down, and back to the list's own order. */
export function nextSort(current: string | undefined, field: string): string | undefined {
  if (current === field) return `-${field}`;
  return current === `-${field}` ? undefined : field;
}

/** Only what a list understands of an address's search. */
export function readListSearch(search: Record<string, unknown>): ListSearch {
  const given = Array.isArray(search.filter) ? search.filter : search.filter === undefined ? [] : [search.filter];
  const filter = given.filter((each): each is string => typeof each === "string" && parseFilter(each) !== null);
  return {
    ...(filter.length === 0 ? {} : { filter: filter.slice(0, 32) }),
    ...(typeof search.sort === "string" ? { sort: search.sort } : {}),
  };
}
