/** Mirrored events for tests: rows as the reader writes them, without a chain. */
import { keccak256, toHex, type Hex } from "viem";
import type { NodeDatabase } from "../chain/database.ts";

/** A hash that is told apart by its name. */
export const hashOf = (name: string): Hex => keccak256(toHex(name));

/** Writes one event in a block of its own. Block n has the time 1000 + n. */
export async function writeEvent(database: NodeDatabase, name: string, args: Record<string, unknown>): Promise<void> {
  const { last } = await database
    .selectFrom("event")
    .select(({ fn }) => fn.max("block_number").as("last"))
    .executeTakeFirstOrThrow();
  const number = Number(last ?? 0) + 1;
  const id = (key: string) => (typeof args[key] === "string" ? args[key] : null);
  await database
    .insertInto("event")
    .values({
      block_number: number,
      block_time: 1_000 + number,
      log_index: 0,
      transaction_hash: hashOf(`transaction ${number}`),
      contract: "any",
      name,
      args: JSON.stringify(args, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
      claim_id: id("claimId"),
      challenge_id: id("challengeId"),
      task_id: id("taskId"),
    })
    .execute();
}
