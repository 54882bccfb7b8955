import type { ConsoleReply, ConsoleRouteName, listFields } from "@cordon/contract/console-api";

/** A call that answers with a page of a list. */
export type ListName = keyof typeof listFields & ConsoleRouteName;
export type RowOf<L extends ListName> = ConsoleReply<L>["items"][number];

export type Column<L extends ListName> = {
  /** A field of the list's filters; a column may also show what cannot be filtered by. */
  field: Extract<keyof (typeof listFields)[L], string> | `_${string}`;
  title: string;
  /** Pixels. `grow`: takes its part of what is left over. */
  width: number;
  grow?: boolean;
  cell: (row: RowOf<L>) => React.ReactNode;
  /** For a `choice` field: what can be chosen. */
  choices?: { value: string; label: string }[];
  align?: "right";
  /** False: the Central Node cannot sort by it. */
  sortable?: boolean;
};
