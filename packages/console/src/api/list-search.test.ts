import assert from "node:assert/strict";
import { test } from "node:test";
import { filtersOf, formatFilter, nextSort, parseFilter, readListSearch, withFilters } from "./list-search.ts";

test("a filter's value may hold anything, colons as well, and is the same after a trip through the address", () => {
  const filter = { field: "osName", operator: "not-contains", value: "a:b:\n<c>" } as const;
  assert.deepEqual(parseFilter(formatFilter(filter)), filter);
});

test("of an address that was typed by hand only what is a filter is taken", () => {
  assert.deepEqual(
    readListSearch({ filter: ["hostName:is:x", "nonsense", "a:like:b", 7], sort: "-hostName", other: "y" }),
    {
      filter: ["hostName:is:x"],
      sort: "-hostName",
    },
  );
  assert.deepEqual(readListSearch({ filter: "state:is:pending" }), { filter: ["state:is:pending"] });
  assert.deepEqual(readListSearch({ filter: "x", sort: 3 }), {});
});

test("filters of one field are replaced, those of others stay, and an empty one lifts its field's", () => {
  const search = { filter: ["a:is:1", "b:is:2"], sort: "a" };
  const changed = withFilters(search, "a", [{ field: "a", operator: "contains", value: "3" }]);
  assert.deepEqual(filtersOf(changed).map(formatFilter), ["b:is:2", "a:contains:3"]);
  const lifted = withFilters({ filter: ["a:is:1"], sort: "a" }, "a", [{ field: "a", operator: "contains", value: "" }]);
  assert.deepEqual(lifted, { sort: "a" });
});

test("a column is sorted up, then down, then not", () => {
  assert.deepEqual(
    [undefined, "a", "-a", "b"].map((sort) => nextSort(sort, "a")),
    ["a", "-a", undefined, "a"],
  );
});
