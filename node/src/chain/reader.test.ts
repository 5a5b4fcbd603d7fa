import assert from "node:assert/strict";
import { after, before, describe, it, test } from "node:test";
import { numberToHex, type Hex, type PublicClient } from "viem";
import { openDatabase, type NodeDatabase } from "./database.ts";
import { ChainMovedError, ChainReader, eventsOf, type ReaderComponents } from "./reader.ts";
import { EMITTER, SMALL_ABI, silent, startTestChain, temporaryFolder, until, type TestChain } from "./test-chain.ts";

const CLAIM = numberToHex(0xc1a1, { size: 32 });
const OTHER = numberToHex(0x07e2, { size: 32 });

describe("reader", { timeout: 60_000 }, () => {
  let chain: TestChain;
  let emitter: Hex;
  let startBlock: number;

  before(async () => {
    chain = await startTestChain();
  });
  after(() => chain.stop());

  // Every test has a contract of its own, so that it sees only what it said.
  async function fresh(options: Partial<ReaderComponents> = {}) {
    startBlock = Number(await chain.client.getBlockNumber()) + 1;
    emitter = await chain.create(EMITTER);
    const database = options.database ?? (await openDatabase(":memory:"));
    return { database, reader: readerOf({ database, ...options }) };
  }

  function readerOf(options: Partial<ReaderComponents> & { database: NodeDatabase }): ChainReader {
    const contracts = [{ name: "Emitter", address: emitter, abi: SMALL_ABI }];
    return new ChainReader({ client: chain.client, contracts, startBlock, log: silent, ...options });
  }

  async function say(value: number, claimId: Hex = CLAIM): Promise<Hex> {
    const args = [claimId, BigInt(value)] as const;
    const write = { address: emitter, abi: SMALL_ABI, functionName: "say", args, chain: null } as const;
    const hash = await chain.deployer.writeContract(write);
    await chain.client.waitForTransactionReceipt({ hash });
    return hash;
  }

  const heard = async (database: NodeDatabase, claimId?: Hex): Promise<number[]> =>
    (await eventsOf(database, ["Said"], claimId === undefined ? {} : { claimId })).map(({ args }) =>
      Number(args["value"]),
    );

  it("mirrors events in chain order, once each, with their block, time and ids", async () => {
    const { database, reader } = await fresh();
    await say(1);
    const hash = await say(2, OTHER);
    await reader.advance();
    const head = await reader.advance();
    assert.deepEqual(await heard(database), [1, 2]);
    assert.deepEqual(await heard(database, OTHER), [2]);
    const [event] = await eventsOf(database, ["Said"], { claimId: OTHER });
    const block = await chain.client.getBlock();
    assert.deepEqual(event, {
      name: "Said",
      contract: "Emitter",
      args: { claimId: OTHER, value: "2" },
      blockNumber: Number(block.number),
      blockTime: Number(block.timestamp),
      transactionHash: hash,
    });
    assert.deepEqual(head, { number: Number(block.number), time: Number(block.timestamp) });
    await database.destroy();
  });

  it("leaves alone what it has no event for and what another contract says", async () => {
    const { database } = await fresh();
    const contracts = [{ name: "Emitter", address: emitter, abi: SMALL_ABI.filter(({ type }) => type !== "event") }];
    await say(1);
    await readerOf({ database, contracts }).advance();
    assert.deepEqual(await heard(database), []);
    const first = emitter;
    emitter = await chain.create(EMITTER);
    await say(2);
    emitter = first;
    await readerOf({ database }).advance();
    assert.deepEqual(await heard(database), [], "mirrored blocks are not read again");
    await database.destroy();
  });

  it("resumes after a restart where it stopped", async () => {
    const folder = temporaryFolder("reader");
    try {
      const path = `${folder.path}/state.db`;
      const first = await openDatabase(path);
      const { reader } = await fresh({ database: first });
      await say(1);
      await reader.advance();
      await first.destroy();
      await say(2);
      await say(3);
      const second = await openDatabase(path);
      const asked: bigint[] = [];
      await readerOf({ database: second, client: watched(chain.client, asked) }).advance();
      assert.deepEqual(await heard(second), [1, 2, 3]);
      assert.equal(Math.min(...asked.map(Number)), Number(await chain.client.getBlockNumber()) - 1);
      await second.destroy();
    } finally {
      folder.remove();
    }
  });

  for (const depth of [1, 2, 3]) {
    it(`takes back events of ${depth} replaced block${depth === 1 ? "" : "s"} and reads the new ones`, async () => {
      const { database, reader } = await fresh();
      await say(1);
      for (let value = 2; value < 2 + depth; value++) {
        await say(value);
        await reader.advance();
      }
      await chain.reorg(depth);
      const head = await reader.advance();
      assert.deepEqual(await heard(database), [1]);
      assert.equal(head.number, Number(await chain.client.getBlockNumber()));
      await say(9);
      await reader.advance();
      assert.deepEqual(await heard(database), [1, 9]);
      await database.destroy();
    });
  }

  it("takes back events that a shorter branch lost, and re-reads one that moved to another block", async () => {
    const { database, reader } = await fresh();
    const snapshot = await chain.control.snapshot();
    await say(1);
    await say(2);
    await reader.advance();
    assert.deepEqual(await heard(database), [1, 2]);
    await chain.control.revert({ id: snapshot });
    await say(2);
    await reader.advance();
    assert.deepEqual(await heard(database), [2]);
    await database.destroy();
  });

  it("takes back what was replaced while it was stopped", async () => {
    const { database, reader } = await fresh();
    await say(1);
    await say(2);
    await reader.advance();
    await chain.reorg(1);
    await say(3);
    await say(4);
    await readerOf({ database }).advance();
    assert.deepEqual(await heard(database), [1, 3, 4]);
    await database.destroy();
  });

  it("refuses logs of a branch that replaced the one below while it looked for the fork", async () => {
    const { database } = await fresh();
    await say(1);
    await readerOf({ database }).advance();
    await say(2);
    // The last mirrored block is replaced right after the reader found it in place.
    let looks = 0;
    const client = intercepted(chain.client, async () => {
      if (++looks !== 3) return;
      await chain.reorg(2);
      await say(3);
    });
    await assert.rejects(readerOf({ database, client }).advance(), ChainMovedError);
    await readerOf({ database }).advance();
    assert.deepEqual(await heard(database), [3]);
    await database.destroy();
  });

  it("reads on in ranges when it is far behind", async () => {
    const { database, reader } = await fresh();
    await say(1);
    await chain.mine(1_500);
    await say(2);
    await reader.advance();
    assert.deepEqual(await heard(database), [1, 2]);
    const rows = await database.selectFrom("block").selectAll().execute();
    assert.equal(rows.at(-1)?.number, Number(await chain.client.getBlockNumber()));
    await database.destroy();
  });

  it("goes on after the endpoint was away, and tells its listeners each time", async () => {
    const { database } = await fresh();
    let away = false;
    const client = intercepted(chain.client, () => {
      if (away) throw new Error("connection refused");
      return Promise.resolve();
    });
    const reader = readerOf({ database, client, pollMilliseconds: 20 });
    let heads = 0;
    reader.onHead(() => {
      heads += 1;
      // A listener's failure is its own.
      return heads === 1 ? Promise.reject(new Error("not this time")) : Promise.resolve();
    });
    try {
      reader.start();
      await say(1);
      await until("the first event", async () => (await heard(database)).length === 1 && heads > 1);
      away = true;
      await say(2);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = heads;
      assert.deepEqual(await heard(database), [1]);
      away = false;
      await until("the second event", async () => (await heard(database)).length === 2 && heads > before);
    } finally {
      await reader.stop();
      await database.destroy();
    }
    const stopped = heads;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(heads, stopped, "nothing happens after stop");
  });
});

test("reader starts anew on a chain that was replaced by an empty one", { timeout: 40_000 }, async () => {
  const chain = await startTestChain();
  const database = await openDatabase(":memory:");
  try {
    const emitter = await chain.create(EMITTER);
    const contracts = [{ name: "Emitter", address: emitter, abi: SMALL_ABI }];
    const reader = new ChainReader({ client: chain.client, database, contracts, startBlock: 0, log: silent });
    const write = { address: emitter, abi: SMALL_ABI, functionName: "say", args: [CLAIM, 1n], chain: null } as const;
    await chain.client.waitForTransactionReceipt({ hash: await chain.deployer.writeContract(write) });
    await reader.advance();
    assert.equal((await eventsOf(database, ["Said"])).length, 1);
    await chain.stop();
    await assert.rejects(reader.advance());
    await chain.startAgain();
    await reader.advance();
    assert.deepEqual(await eventsOf(database, ["Said"]), []);
  } finally {
    await chain.stop();
    await database.destroy();
  }
});

// A client that runs `hook` before each block it is asked for.
function intercepted(client: PublicClient, hook: () => Promise<void>): PublicClient {
  return {
    ...client,
    getBlock: (async (args: object) => {
      await hook();
      return client.getBlock(args);
    }) as unknown as PublicClient["getBlock"],
  };
}

// A client that notes the first block of each range of logs.
function watched(client: PublicClient, asked: bigint[]): PublicClient {
  return {
    ...client,
    getLogs: ((args: { fromBlock: bigint }) => {
      asked.push(args.fromBlock);
      return client.getLogs(args as never);
    }) as unknown as PublicClient["getLogs"],
  };
}
