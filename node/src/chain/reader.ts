/**
 * Follows the chain: mirrors the contracts' events into the database in order, once each, resumes where it stopped and
 * takes back what a re-org removed. Roles decide from the mirror alone, so they see the same chain after a restart.
 */
import type { Logger } from "pino";
import { decodeEventLog, type Abi, type Address, type Hex, type Log, type PublicClient } from "viem";
import { LockstepError } from "../float/errors.ts";
import type { NodeDatabase } from "./database.ts";

/** A contract whose events are mirrored. */
export interface WatchedContract {
  name: string;
  address: Address;
  abi: Abi;
}

export interface ReaderComponents {
  client: PublicClient;
  database: NodeDatabase;
  contracts: readonly WatchedContract[];
  /** First block that can hold an event of theirs. */
  startBlock: number;
  log: Logger;
  /** Milliseconds between looks at the chain's head. Default 250. */
  pollMilliseconds?: number;
}

/** The head up to which the mirror is complete. */
export interface Head {
  number: number;
  /** Unix seconds. */
  time: number;
}

/** A mirrored event. */
export interface ChainEvent {
  name: string;
  contract: string;
  args: Record<string, unknown>;
  blockNumber: number;
  blockTime: number;
  transactionHash: Hex;
}

// Blocks behind the head that are kept to find the fork point of a re-org; a deeper one re-reads from the start.
const REMEMBERED_BLOCKS = 512;
// Widest range of one eth_getLogs; providers refuse wide ones.
const RANGE = 1_000;

/** Starts and stops; `advance` brings the mirror to the head once and may be called directly. */
export class ChainReader {
  readonly #components: ReaderComponents;
  readonly #listeners: ((head: Head) => Promise<void>)[] = [];
  #stopped = true;
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(components: ReaderComponents) {
    this.#components = components;
  }

  /** Calls `listener` after each look at the chain, one listener after the other, never two looks at once. */
  onHead(listener: (head: Head) => Promise<void>): void {
    this.#listeners.push(listener);
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#loop;
  }

  /** Mirrors everything up to the current head and returns it. */
  async advance(): Promise<Head> {
    const { client, database, startBlock } = this.#components;
    const latest = await client.getBlock({ blockTag: "latest" });
    const head = { number: Number(latest.number), time: Number(latest.timestamp) };
    const from = Math.max(startBlock, (await this.#forkPoint(head.number)) + 1);
    for (let first = from; first <= head.number; first += RANGE) {
      await this.#mirror(first, Math.min(first + RANGE - 1, head.number));
    }
    await database
      .deleteFrom("block")
      .where("number", "<", head.number - REMEMBERED_BLOCKS)
      .execute();
    return head;
  }

  async #run(): Promise<void> {
    const { log, pollMilliseconds = 250 } = this.#components;
    while (!this.#stopped) {
      try {
        const head = await this.advance();
        for (const listener of this.#listeners) await listener(head);
      } catch (error) {
        // The endpoint may be away for a while; nothing is lost, the next look starts from the stored block.
        log.warn({ error }, "reading the chain failed; trying again");
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, pollMilliseconds);
      });
    }
  }

  // The last mirrored block that is still on the chain, or startBlock - 1. Everything above it is removed.
  async #forkPoint(headNumber: number): Promise<number> {
    const { client, database, startBlock, log } = this.#components;
    const stored = await database.selectFrom("block").selectAll().orderBy("number", "desc").execute();
    let fork = startBlock - 1;
    for (const block of stored) {
      if (block.number > headNumber) continue;
      const onChain = await client.getBlock({ blockNumber: BigInt(block.number) });
      if (onChain.hash === block.hash) {
        fork = block.number;
        break;
      }
    }
    const tip = stored[0]?.number;
    if (tip !== undefined && fork < tip) {
      log.warn({ from: tip, to: fork }, "blocks were replaced; their events are taken back");
      await database.transaction().execute(async (transaction) => {
        await transaction.deleteFrom("event").where("block_number", ">", fork).execute();
        await transaction.deleteFrom("block").where("number", ">", fork).execute();
      });
    }
    return fork;
  }

  async #mirror(first: number, last: number): Promise<void> {
    const { client, database, contracts } = this.#components;
    const byAddress = new Map(contracts.map((contract) => [contract.address.toLowerCase(), contract]));
    const tip = await client.getBlock({ blockNumber: BigInt(last) });
    const logs = await client.getLogs({
      address: contracts.map((contract) => contract.address),
      fromBlock: BigInt(first),
      toBlock: BigInt(last),
    });
    const times = new Map<bigint, number>();
    for (const number of new Set(logs.map((entry) => entry.blockNumber))) {
      times.set(number, Number((await client.getBlock({ blockNumber: number })).timestamp));
    }
    const { parentHash } = first === last ? tip : await client.getBlock({ blockNumber: BigInt(first) });
    // Logs read while the chain switched could belong to either branch, and the branch of all of them could be another
    // than that of the blocks below: the next look finds where the chain forked and reads again.
    const again = await client.getBlock({ blockNumber: BigInt(last) });
    if (again.hash !== tip.hash) throw new ChainMovedError(last, tip.hash, again.hash);
    const below = await database
      .selectFrom("block")
      .select("hash")
      .where("number", "=", first - 1)
      .executeTakeFirst();
    if (below !== undefined && below.hash !== parentHash) throw new ChainMovedError(first - 1, below.hash, parentHash);
    await database.transaction().execute(async (transaction) => {
      for (const entry of logs) {
        const contract = byAddress.get(entry.address.toLowerCase());
        const decoded = contract === undefined ? undefined : decode(contract.abi, entry);
        if (contract === undefined || decoded === undefined) continue;
        const { args } = decoded;
        await transaction
          .insertInto("event")
          .values({
            block_number: Number(entry.blockNumber),
            block_time: times.get(entry.blockNumber) ?? 0,
            log_index: entry.logIndex,
            transaction_hash: entry.transactionHash,
            contract: contract.name,
            name: decoded.eventName,
            args: JSON.stringify(args, (_key, value: unknown) =>
              typeof value === "bigint" ? value.toString() : value,
            ),
            claim_id: idOf(args, "claimId"),
            challenge_id: idOf(args, "challengeId"),
            task_id: idOf(args, "taskId"),
          })
          // A range read twice (the head moved while it was read) mirrors each log once.
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      await transaction
        .insertInto("block")
        .values({ number: last, hash: tip.hash })
        .onConflict((conflict) => conflict.column("number").doUpdateSet({ hash: tip.hash }))
        .execute();
    });
  }
}

/** The mirrored events of the given names in chain order, restricted to a claim, challenge or task. */
export async function eventsOf(
  database: NodeDatabase,
  names: readonly string[],
  filter: { claimId?: Hex; challengeId?: Hex; taskId?: Hex } = {},
): Promise<ChainEvent[]> {
  let query = database.selectFrom("event").selectAll().where("name", "in", names);
  if (filter.claimId !== undefined) query = query.where("claim_id", "=", filter.claimId);
  if (filter.challengeId !== undefined) query = query.where("challenge_id", "=", filter.challengeId);
  if (filter.taskId !== undefined) query = query.where("task_id", "=", filter.taskId);
  const rows = await query.orderBy("block_number").orderBy("log_index").execute();
  return rows.map((row) => ({
    name: row.name,
    contract: row.contract,
    args: JSON.parse(row.args) as Record<string, unknown>,
    blockNumber: row.block_number,
    blockTime: row.block_time,
    transactionHash: row.transaction_hash as Hex,
  }));
}

function decode(abi: Abi, entry: Log): { eventName: string; args: Record<string, unknown> } | undefined {
  try {
    const decoded = decodeEventLog({ abi, data: entry.data, topics: entry.topics });
    return { eventName: decoded.eventName ?? "", args: (decoded.args ?? {}) as unknown as Record<string, unknown> };
  } catch {
    // An event this version does not know (another contract version at the address): not ours to act on.
    return undefined;
  }
}

function idOf(args: Record<string, unknown>, key: string): string | null {
  const value = args[key];
  return typeof value === "string" ? value : null;
}

/** The chain replaced blocks while they were read. Trying again helps. */
export class ChainMovedError extends LockstepError {
  constructor(block: number, before: string, after: string) {
    super("ChainMovedError", `Block ${block} changed while its logs were read`, { block, before, after });
  }
}
