// Pages of connections: one range of an index each, in the order of one unique number a row.
import type { PgColumn } from "ponder";
import { and, asc, desc, gt, lt, type sql } from "ponder";
import { cursorOf, readPage } from "./arguments.ts";
import type { Rows } from "./rows.ts";

type Condition = ReturnType<typeof sql> | undefined;

export interface Connection<Node> {
  edges: { cursor: string; node: Node }[];
  nodes: Node[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}

/** Where the pages of a connection come from. */
export interface Source<Node> {
  /** Names the connection in its cursors. */
  name: string;
  /** The column with the order, and whether the highest comes first. */
  column: PgColumn;
  descending: boolean;
  /** Conditions on all rows; undefined ones are not there. */
  where: Condition[];
  select: (where: Condition, orderBy: Condition & object, limit: number) => Promise<Node[]>;
  orderOf: (node: Node) => bigint;
}

/** Loads a page; `args` are checked here. */
export async function loadPage<Node>(
  rows: Rows,
  args: { first?: unknown; after?: unknown },
  { name, column, descending, where, select, orderOf }: Source<Node>,
): Promise<Connection<Node>> {
  const { first, after } = readPage(name, args);
  rows.spend(1);
  const beyond = descending ? lt : gt;
  const found = await select(
    and(...where, after === undefined ? undefined : beyond(column, after)),
    descending ? desc(column) : asc(column),
    first + 1,
  );
  const nodes = found.slice(0, first);
  rows.spend(nodes.length);
  const edges = nodes.map((node) => ({ cursor: cursorOf(name, orderOf(node)), node }));
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: found.length > first,
      hasPreviousPage: after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
