import { useCallback, useRef, useState } from "react";

/** How many things one order may name. */
export const selectionLimit = 1000;

export type Selection<Row> = ReturnType<typeof useSelection<Row>>;

/** Rows that were picked. They stay picked while filters change: what is ordered is what the count says. */
export function useSelection<Row>(idOf: (row: Row) => string) {
  const [picked, setPicked] = useState<ReadonlyMap<string, Row>>(new Map());
  const anchor = useRef<number | null>(null);

  /** `range`: from the row that was picked last to this one, as with Shift. */
  const toggle = useCallback(
    (rows: readonly Row[], index: number, range: boolean) => {
      const row = rows[index];
      if (row === undefined) return;
      setPicked((before) => {
        const next = new Map(before);
        const on = !before.has(idOf(row));
        const from = range && anchor.current !== null ? Math.min(anchor.current, index) : index;
        const to = range && anchor.current !== null ? Math.max(anchor.current, index) : index;
        for (const each of rows.slice(from, to + 1)) {
          if (on && next.size < selectionLimit) next.set(idOf(each), each);
          if (!on) next.delete(idOf(each));
        }
        return next;
      });
      anchor.current = index;
    },
    [idOf],
  );

  const set = useCallback(
    (rows: readonly Row[]) => setPicked(new Map(rows.slice(0, selectionLimit).map((row) => [idOf(row), row]))),
    [idOf],
  );
  const clear = useCallback(() => setPicked(new Map()), []);
  return { picked, toggle, set, clear };
}
