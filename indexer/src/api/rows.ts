// What one request reads of the database: rows by their keys, batched; and how many rows it may read at all. The limits
// on a query's text cannot know that: pages within pages multiply.
import DataLoader from "dataloader";
import { GraphQLError } from "graphql";
import { asc, inArray, type ReadonlyDrizzle } from "ponder";
import type * as schema from "../../ponder.schema.ts";

export type Database = ReadonlyDrizzle<typeof schema>;
export type Tables = typeof schema;
export type Hex = `0x${string}`;
export type Row<Table extends keyof Tables> = Tables[Table] extends { $inferSelect: infer Fields } ? Fields : never;

/** Most rows and pages that one request reads. */
export const MAX_ROWS = 5_000;

/** A request reads more than MAX_ROWS rows and pages. */
export class QueryTooLargeError extends GraphQLError {
  constructor() {
    super(`A query reads at most ${MAX_ROWS} rows: ask for fewer at a time`, {
      extensions: { name: "QueryTooLargeError", values: { maxRows: MAX_ROWS } },
    });
    this.name = "QueryTooLargeError";
  }
}

/** Reads of one request. Every loader gives null, or an empty list, where nothing is. */
export type Rows = ReturnType<typeof createRows>;

export function createRows(db: Database, tables: Tables) {
  let left = MAX_ROWS;
  const spend = (rows: number) => {
    left -= rows;
    if (left < 0) throw new QueryTooLargeError();
  };
  const byKey = <Found>(find: (keys: Hex[]) => Promise<Found[]>, keyOf: (row: Found) => string) =>
    new DataLoader<string, Found | null>(async (keys) => {
      spend(keys.length);
      const rows = new Map((await find(keys as Hex[])).map((row) => [keyOf(row), row]));
      return keys.map((key) => rows.get(key) ?? null);
    });
  const { account, claim, dispute, fraud, move, program, task, taskInput, transaction } = tables;
  return {
    spend,
    account: byKey(
      (ids) => db.select().from(account).where(inArray(account.id, ids)),
      ({ id }) => id,
    ),
    claim: byKey(
      (ids) => db.select().from(claim).where(inArray(claim.id, ids)),
      ({ id }) => id,
    ),
    dispute: byKey(
      (ids) => db.select().from(dispute).where(inArray(dispute.id, ids)),
      ({ id }) => id,
    ),
    /** By claim. */
    fraud: byKey(
      (ids) => db.select().from(fraud).where(inArray(fraud.claimId, ids)),
      ({ claimId }) => claimId,
    ),
    program: byKey(
      (ids) => db.select().from(program).where(inArray(program.id, ids)),
      ({ id }) => id,
    ),
    task: byKey(
      (ids) => db.select().from(task).where(inArray(task.id, ids)),
      ({ id }) => id,
    ),
    /** By task. */
    taskInput: byKey(
      (ids) => db.select().from(taskInput).where(inArray(taskInput.taskId, ids)),
      ({ taskId }) => taskId,
    ),
    transaction: byKey(
      (hashes) => db.select().from(transaction).where(inArray(transaction.transactionHash, hashes)),
      ({ transactionHash }) => transactionHash,
    ),
    /** By dispute, in order. */
    moves: new DataLoader<string, Row<"move">[]>(async (ids) => {
      const rows = await db
        .select()
        .from(move)
        .where(inArray(move.disputeId, ids as Hex[]))
        .orderBy(asc(move.order));
      spend(ids.length + rows.length);
      const lists = Map.groupBy(rows, ({ disputeId }) => disputeId as string);
      return ids.map((id) => lists.get(id) ?? []);
    }),
  };
}
