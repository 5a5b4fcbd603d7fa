// How far the chain is indexed, as Ponder keeps it in tables of its own.
import { sql } from "ponder";
import type { Database } from "./rows.ts";

export interface IndexedBlock {
  number: bigint;
  /** Seconds since the epoch. */
  timestamp: bigint;
}

/**
 * The last block whose events are all in the tables; undefined while history is read. After a restart that takes a moment,
 * in which the tables fall back to the last final block while the place reached before is still kept.
 */
export async function indexedBlock(db: Database): Promise<IndexedBlock | undefined> {
  const { rows } = await db.execute<{ checkpoint: string; ready: string }>(
    sql`select latest_checkpoint as checkpoint, value->>'is_ready' as ready from _ponder_checkpoint, _ponder_meta`,
  );
  const row = rows[0];
  if (row?.ready !== "1") return undefined;
  // Digits: 10 of the time, 16 of the chain, 16 of the block, then places within the block.
  const [, timestamp, number] = /^(\d{10})\d{16}(\d{16})/.exec(row.checkpoint) ?? [];
  if (timestamp === undefined || number === undefined) return undefined;
  return { number: BigInt(number), timestamp: BigInt(timestamp) };
}
