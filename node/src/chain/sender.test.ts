import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { hexToBigInt, type Address, type Hex, type PublicClient } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { openDatabase, type NodeDatabase } from "./database.ts";
import {
  ContractRevertedError,
  GasCapExceededError,
  Sender,
  TransactionRefusedError,
  TransactionRevertedError,
  type Call,
  type SenderComponents,
} from "./sender.ts";
import { COUNTER, REFUSER, SMALL_ABI, silent, startTestChain, temporaryFolder, until, WASTER } from "./test-chain.ts";

type Chain = Awaited<ReturnType<typeof startTestChain>>;

describe("sender", { timeout: 60_000 }, () => {
  let chain: Chain;
  let counter: Address;
  let account: PrivateKeyAccount;
  let database: NodeDatabase;

  before(async () => {
    chain = await startTestChain();
    counter = await chain.create(COUNTER);
  });
  after(() => chain.stop());

  const senderOf = (more: Partial<SenderComponents> = {}) =>
    new Sender({ client: chain.client, account, database, log: silent, ...more });
  const call = (functionName: string, args: readonly unknown[] = [], address = counter): Call => ({
    address,
    abi: SMALL_ABI,
    functionName,
    args,
  });
  const count = async () =>
    Number(hexToBigInt((await chain.client.getStorageAt({ address: counter, slot: "0x0" })) ?? "0x0"));
  const row = (key: string) => database.selectFrom("send").selectAll().where("key", "=", key).executeTakeFirstOrThrow();

  // A new account and database, and how many calls the counter has had since.
  async function fresh() {
    account = await chain.account();
    database = await openDatabase(":memory:");
    const start = await count();
    return { counted: async () => (await count()) - start };
  }

  // Blocks are made by hand while `work` runs.
  async function withoutMining<T>(work: () => Promise<T>): Promise<T> {
    await chain.control.setAutomine(false);
    try {
      return await work();
    } finally {
      await chain.control.setAutomine(true);
      await chain.mine();
    }
  }

  it("sends each key once, at once and one after the other, across restarts", async () => {
    const { counted } = await fresh();
    const sender = senderOf();
    const [first, again, other] = await Promise.all([
      sender.send("one", call("count")),
      sender.send("one", call("count")),
      sender.send("two", call("count")),
    ]);
    assert.equal(first.transactionHash, again.transactionHash);
    assert.notEqual(first.transactionHash, other.transactionHash);
    const restarted = await senderOf().send("one", call("count"));
    assert.equal(restarted.transactionHash, first.transactionHash);
    assert.equal(await counted(), 2);
    assert.equal((await row("one")).status, "confirmed");
    await database.destroy();
  });

  it("does not wait for one to be mined before it sends the next", async () => {
    const { counted } = await fresh();
    await withoutMining(async () => {
      const sender = senderOf();
      const sent = ["one", "two", "three"].map((key) => sender.send(key, call("count")));
      await until("all are in the pool", async () => (await pending()) === 3);
      await chain.mine();
      const nonces = await Promise.all(["one", "two", "three"].map(async (key) => (await row(key)).nonce));
      assert.deepEqual(nonces, [0, 1, 2]);
      for (const { status } of await Promise.all(sent)) assert.equal(status, "success");
    });
    assert.equal(await counted(), 3);
    await database.destroy();
  });

  it("fills the nonce of one that was dropped and is refused by now", async () => {
    const { counted } = await fresh();
    const target = await chain.create(COUNTER);
    await withoutMining(async () => {
      let broadcasts = 0;
      const client = intercepted(chain.client, {
        // The pool forgets the first at once.
        sendRawTransaction: (args) =>
          ++broadcasts === 1 ? Promise.resolve("0x") : chain.client.sendRawTransaction(args),
      });
      const sender = senderOf({ client, replaceAfterSeconds: 0.3 });
      const refused = assert.rejects(sender.send("one", call("count", [], target)), ContractRevertedError);
      const second = sender.send("two", call("count"));
      await until("both are stored", async () => (await row("two")).nonce === 1);
      await chain.control.setCode({ address: target, bytecode: "0x5f5ffd" });
      await refused;
      const third = sender.send("three", call("count"));
      await until("the gap is filled", async () => (await row("three")).nonce === 0);
      await until("both are in the pool", async () => (await pending()) === 2);
      await chain.mine();
      assert.equal((await second).status, "success");
      assert.equal((await third).status, "success");
    });
    assert.equal(await counted(), 2);
    await database.destroy();
  });

  it("sends what was stored when it was killed before the broadcast", async () => {
    const { counted } = await fresh();
    const killed = intercepted(chain.client, {
      sendRawTransaction: () => Promise.reject(new Error("killed")),
    });
    await assert.rejects(senderOf({ client: killed }).send("one", call("count")), /killed/);
    const { hash } = await row("one");
    assert.equal(await counted(), 0);
    const receipt = await senderOf().send("one", call("count"));
    assert.equal(receipt.transactionHash, hash, "the stored transaction, not another");
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("finds what was broadcast when it was killed before the receipt", async () => {
    const { counted } = await fresh();
    const killed = intercepted(chain.client, { getTransactionReceipt: () => Promise.reject(new Error("killed")) });
    await assert.rejects(senderOf({ client: killed }).send("one", call("count")), /killed/);
    await senderOf().send("one", call("count"));
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("broadcasts again what the pool dropped", async () => {
    const { counted } = await fresh();
    await withoutMining(async () => {
      const sent = senderOf().send("one", call("count"));
      await until("it is in the pool", async () => (await pending()) === 1);
      const { hash } = await row("one");
      await chain.control.dropTransaction({ hash: hash as Hex });
      assert.equal(await pending(), 0);
      // As a node does that was started again: another sender on the same database.
      const recovered = senderOf().send("one", call("count"));
      await until("it is in the pool again", async () => (await pending()) === 1);
      await chain.mine();
      assert.equal((await recovered).transactionHash, hash);
      assert.equal((await sent).transactionHash, hash);
    });
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("replaces what stays pending with a higher fee under the same nonce", async () => {
    const { counted } = await fresh();
    await withoutMining(async () => {
      const sent = senderOf({ replaceAfterSeconds: 0.2 }).send("one", call("count"));
      await until("it is in the pool", async () => (await pending()) === 1);
      const first = await row("one");
      await until("it was replaced", async () => (await row("one")).hash !== first.hash);
      const second = await row("one");
      assert.equal(second.nonce, first.nonce);
      assert.deepEqual((JSON.parse(second.earlier) as Hex[])[0], first.hash);
      assert.equal(await pending(), 1);
      await chain.mine();
      const receipt = await sent;
      assert.equal(receipt.status, "success");
    });
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("takes the receipt of the first transaction when that is mined and not its replacement", async () => {
    const { counted } = await fresh();
    await withoutMining(async () => {
      // The pool never sees the replacement.
      let broadcasts = 0;
      const client = intercepted(chain.client, {
        sendRawTransaction: (args) =>
          ++broadcasts === 1 ? chain.client.sendRawTransaction(args) : Promise.resolve("0x"),
      });
      const sent = senderOf({ client, replaceAfterSeconds: 0.2 }).send("one", call("count"));
      await until("it was replaced", () => broadcasts > 1);
      await chain.mine();
      const receipt = await sent;
      assert.notEqual(receipt.transactionHash, (await row("one")).hash);
      assert.equal((await senderOf().send("one", call("count"))).transactionHash, receipt.transactionHash);
    });
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("does not send twice what is still pending at a restart", async () => {
    const { counted } = await fresh();
    await withoutMining(async () => {
      const killed = intercepted(chain.client, { getTransactionReceipt: () => Promise.reject(new Error("killed")) });
      await assert.rejects(senderOf({ client: killed }).send("one", call("count")), /killed/);
      assert.equal(await pending(), 1);
      const recovered = senderOf({ replaceAfterSeconds: 0.2 }).send("one", call("count"));
      await until("the recovered one is replaced", async () => (await row("one")).earlier !== "[]");
      assert.equal(await pending(), 1);
      await chain.mine();
      assert.equal((await recovered).status, "success");
    });
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("does not raise its fee without end while no block is made", async () => {
    await fresh();
    await withoutMining(async () => {
      const sent = senderOf({ replaceAfterSeconds: 0.01 }).send("one", call("count"));
      let replacements = 0;
      await until("it stops raising", async () => {
        const before = replacements;
        await new Promise((resolve) => setTimeout(resolve, 400));
        replacements = (JSON.parse((await row("one")).earlier) as Hex[]).length;
        return replacements > 3 && replacements === before;
      });
      // 1.25 to the power of 11 is the first above 10, and the chain's own estimate has room for a rise.
      assert.ok(replacements <= 14, `${replacements} replacements`);
      await chain.mine();
      await sent;
    });
    await database.destroy();
  });

  it("sends the action under the next nonce when another transaction of the account took its own", async () => {
    const { counted } = await fresh();
    await withoutMining(async () => {
      const sent = senderOf().send("one", call("count"));
      await until("it is in the pool", async () => (await pending()) === 1);
      const { hash, nonce } = await row("one");
      // Another program with the same key outbids it.
      const fees = await chain.client.estimateFeesPerGas();
      const raw = await account.signTransaction({
        chainId: 31_337,
        type: "eip1559",
        to: account.address,
        nonce,
        gas: 21_000n,
        maxFeePerGas: fees.maxFeePerGas * 4n,
        maxPriorityFeePerGas: fees.maxPriorityFeePerGas * 4n + 4n,
      });
      await chain.client.sendRawTransaction({ serializedTransaction: raw });
      await chain.mine();
      await until("it is signed anew", async () => (await row("one")).hash !== hash);
      assert.equal((await row("one")).nonce, nonce + 1);
      await until("it is in the pool", async () => (await pending()) === 1);
      await chain.mine();
      assert.equal((await sent).status, "success");
    });
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("names the contract's error with its values, and sends nothing", async () => {
    await fresh();
    const refuser = await chain.create(REFUSER);
    const refused = senderOf().send("one", call("refuse", [7n, counter], refuser));
    await assert.rejects(refused, (error: unknown) => {
      assert.ok(error instanceof ContractRevertedError);
      assert.equal(error.values["functionName"], "refuse");
      assert.equal(error.values["rule"], "Refused");
      assert.deepEqual((error.values["args"] as [bigint, Address])[0], 7n);
      assert.equal((error.values["args"] as [bigint, Address])[1].toLowerCase(), counter);
      assert.deepEqual(error.toJSON().values["args"], ["7", (error.values["args"] as string[])[1]]);
      return true;
    });
    assert.equal(await chain.client.getTransactionCount({ address: account.address }), 0);
    assert.deepEqual(await database.selectFrom("send").selectAll().execute(), []);
    await database.destroy();
  });

  it("says that another transaction came first when one that was right reverts on chain", async () => {
    await fresh();
    const target = await chain.create(COUNTER);
    await withoutMining(async () => {
      const sent = senderOf().send("one", call("count", [], target));
      const failed = assert.rejects(sent, TransactionRevertedError);
      await until("it is in the pool", async () => (await pending()) === 1);
      // For the one block it is mined in, the contract refuses.
      await chain.control.setCode({ address: target, bytecode: "0x5f5ffd" });
      await chain.mine();
      await chain.control.setCode({ address: target, bytecode: COUNTER });
      await failed;
    });
    assert.equal((await row("one")).status, "reverted");
    // Asked for again, it is tried again.
    assert.equal((await senderOf().send("one", call("count", [], target))).status, "success");
    await database.destroy();
  });

  it("goes on with the next action after one was refused", async () => {
    const { counted } = await fresh();
    const refuser = await chain.create(REFUSER);
    const sender = senderOf();
    const [refused, counting] = await Promise.allSettled([
      sender.send("one", call("refuse", [7n, counter], refuser)),
      sender.send("two", call("count")),
    ]);
    assert.equal(refused.status, "rejected");
    assert.equal(counting.status, "fulfilled");
    assert.equal(await counted(), 1);
    await database.destroy();
  });

  it("never asks for more gas than a transaction may use", async () => {
    await fresh();
    const waster = await chain.create(WASTER);
    await assert.rejects(senderOf().send("one", call("waste", [], waster)), (error: unknown) => {
      assert.ok(error instanceof GasCapExceededError);
      assert.equal(error.values["cap"], 2n ** 24n);
      assert.ok((error.values["gas"] as bigint) > 2n ** 24n);
      return true;
    });
    await database.destroy();
  });

  it("says that an account can't pay", async () => {
    await fresh();
    await chain.control.setBalance({ address: account.address, value: 1000n });
    const rich = { ...call("count"), valueWei: 1001n };
    await assert.rejects(senderOf().send("one", rich), TransactionRefusedError);
    await assert.rejects(senderOf().send("one", call("count")), TransactionRefusedError);
    await chain.control.setBalance({ address: account.address, value: 10n ** 18n });
    assert.equal((await senderOf().send("one", call("count"))).status, "success");
    await database.destroy();
  });

  it("keeps what it sent in the database file", async () => {
    const { counted } = await fresh();
    await database.destroy();
    const folder = temporaryFolder("sender");
    try {
      database = await openDatabase(`${folder.path}/state.db`);
      const first = await senderOf().send("one", call("count"));
      await database.destroy();
      database = await openDatabase(`${folder.path}/state.db`);
      assert.equal((await senderOf().send("one", call("count"))).transactionHash, first.transactionHash);
      await database.destroy();
    } finally {
      folder.remove();
    }
    assert.equal(await counted(), 1);
  });

  async function pending(): Promise<number> {
    const address = account.address;
    const [waiting, mined] = await Promise.all([
      chain.client.getTransactionCount({ address, blockTag: "pending" }),
      chain.client.getTransactionCount({ address, blockTag: "latest" }),
    ]);
    return waiting - mined;
  }
});

function intercepted(
  client: PublicClient,
  replacements: Partial<Pick<PublicClient, "sendRawTransaction" | "getTransactionReceipt">>,
): PublicClient {
  return { ...client, ...replacements };
}
