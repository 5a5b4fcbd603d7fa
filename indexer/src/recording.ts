// What every event handler shares: the place of an event in the order of all, the transaction it is in, the accounts and
// totals it changes. Nothing here reads the chain: what is recorded follows from events and receipts alone.
import type { Context, EventNames, IndexingFunctionArgs } from "ponder:registry";
import schema from "ponder:schema";
import { NO_TOTALS } from "./totals.ts";

/** An event of one of the contracts, as far as the handlers share it. */
export type AnyEvent = Pick<
  IndexingFunctionArgs<Exclude<EventNames, `${string}:setup`>>["event"],
  "block" | "log" | "transaction" | "transactionReceipt"
>;
export type AnyContext = Pick<Context, "db">;
export type AccountRow = typeof schema.account.$inferSelect;
export type TotalsRow = typeof schema.totals.$inferSelect;

/** Place of an event among all events of the chain: ascending and unique. */
export function orderOf({ block, log }: AnyEvent): bigint {
  return (block.number << 24n) | BigInt(log.logIndex);
}

/** Records the event's transaction and returns its hash, for the column that names it. */
export async function recordTransaction({ db }: AnyContext, event: AnyEvent): Promise<`0x${string}`> {
  const transactionHash = event.transaction.hash;
  await db
    .insert(schema.transaction)
    .values({
      transactionHash,
      blockNumber: event.block.number,
      timestamp: event.block.timestamp,
      gasUsed: event.transactionReceipt.gasUsed,
    })
    .onConflictDoNothing();
  return transactionHash;
}

/** Changes an account, which is created when it was not seen before, and its place in the leaderboard. */
export async function changeAccount(
  { db }: AnyContext,
  event: AnyEvent,
  address: `0x${string}`,
  change: (account: AccountRow) => Partial<AccountRow> = () => ({}),
): Promise<void> {
  const id = address.toLowerCase() as `0x${string}`;
  // Several accounts can be new in one event: the address makes their orders differ.
  const fresh: AccountRow = {
    id,
    order: (orderOf(event) << 160n) | BigInt(id),
    firstSeen: event.block.timestamp,
    claimsMade: 0,
    finalClaims: 0,
    slashed: 0,
    forfeited: 0,
    workVerified: 0n,
    disputesWon: 0,
    disputesLost: 0,
    proofsRevealed: 0,
    slashedWei: 0n,
    bountiesWei: 0n,
    creditedWei: 0n,
    withdrawnWei: 0n,
    tasksPaid: 0,
    earned: 0n,
    firstFinalBlock: null,
    standing: null,
  };
  const changed = (row: AccountRow) => {
    const next = { ...row, ...change(row) };
    return { ...next, standing: standingOf(next) };
  };
  const { id: _, ...update } = changed((await db.find(schema.account, { id })) ?? fresh);
  await db
    .insert(schema.account)
    .values({ id, ...update })
    .onConflictDoUpdate(update);
}

/**
 * The leaderboard's order in one number below 2^256: most final claims, fewest slashed, earliest first final claim, lowest
 * address. Null for an account without a claim that ended final or slashed.
 */
export function standingOf({ id, finalClaims, slashed, firstFinalBlock }: AccountRow): bigint | null {
  if (finalClaims + slashed === 0) return null;
  const last = 0xffff_ffffn;
  const parts = [last - BigInt(finalClaims), BigInt(slashed), firstFinalBlock ?? last];
  return parts.reduce((sum, part) => (sum << 32n) | part, 0n) * 2n ** 160n + BigInt(id);
}

/** Adds to the totals. */
export async function addTotals({ db }: AnyContext, added: Partial<Omit<TotalsRow, "id">>): Promise<void> {
  const sum = (row: Omit<TotalsRow, "id">) => ({
    programs: row.programs + (added.programs ?? 0),
    tasks: row.tasks + (added.tasks ?? 0),
    claims: row.claims + (added.claims ?? 0),
    finalClaims: row.finalClaims + (added.finalClaims ?? 0),
    slashedClaims: row.slashedClaims + (added.slashedClaims ?? 0),
    forfeitedClaims: row.forfeitedClaims + (added.forfeitedClaims ?? 0),
    voidedClaims: row.voidedClaims + (added.voidedClaims ?? 0),
    disputes: row.disputes + (added.disputes ?? 0),
    openDisputes: row.openDisputes + (added.openDisputes ?? 0),
    moves: row.moves + (added.moves ?? 0),
    burntWei: row.burntWei + (added.burntWei ?? 0n),
  });
  const found = await db.find(schema.totals, { id: "all" });
  const next = sum(found ?? NO_TOTALS);
  await db
    .insert(schema.totals)
    .values({ id: "all", ...next })
    .onConflictDoUpdate(next);
}

/** Null for the zero address or hash, which the contracts use for "none". */
export function orNull(value: `0x${string}`): `0x${string}` | null {
  return /^0x0*$/.test(value) ? null : value;
}
