/**
 * Sends this node's transactions: one after the other, each under a key that names the action, so that a restart never
 * sends the same action twice. A transaction is simulated first (a refusal costs nothing and names the contract's
 * error), stored before it is broadcast, and replaced with a higher fee while it stays pending.
 */
import type { Logger } from "pino";
import {
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  keccak256,
  type Abi,
  type Address,
  type Hex,
  type PublicClient,
  type TransactionReceipt,
} from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { LockstepError } from "../float/errors.ts";
import type { NodeDatabase } from "./database.ts";

/** One contract call. */
export interface Call {
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
  /** Wei sent along. */
  valueWei?: bigint;
}

export interface SenderComponents {
  client: PublicClient;
  account: PrivateKeyAccount;
  database: NodeDatabase;
  log: Logger;
  /** Seconds a transaction may stay pending before its fee is raised. Default 30. */
  replaceAfterSeconds?: number;
}

// EIP-7825: no transaction may ask for more.
const TRANSACTION_GAS_CAP = 1n << 24n;
// Each replacement must pay at least an eighth more to be taken by pools; a quarter leaves room.
const FEE_STEP_PERCENT = 125n;

/** Sends calls in the order they are asked for. */
export class Sender {
  readonly #components: SenderComponents;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(components: SenderComponents) {
    this.#components = components;
  }

  get address(): Address {
    return this.#components.account.address;
  }

  /**
   * Carries out `call` once for all time under `key` and returns its receipt. A key that was carried out before returns
   * the earlier receipt. Throws ContractRevertedError when the contract refuses.
   */
  send(key: string, call: Call): Promise<TransactionReceipt> {
    const result = this.#queue.then(() => this.#sendNow(key, call));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #sendNow(key: string, call: Call): Promise<TransactionReceipt> {
    const { client, database, account, log } = this.#components;
    const earlier = await database.selectFrom("send").selectAll().where("key", "=", key).executeTakeFirst();
    if (earlier !== undefined) {
      const receipt = await this.#recover(key, earlier.hash as Hex, earlier.raw as Hex, earlier.nonce);
      if (receipt?.status === "success") return receipt;
      // Dropped, overtaken or reverted by a race: whether it is still right is for the simulation to say.
      await database.deleteFrom("send").where("key", "=", key).execute();
    }
    const { address, abi, functionName, args, valueWei = 0n } = call;
    await this.#simulate(call);
    const data = encodeFunctionData({ abi, functionName, args: [...args] });
    const estimate = await client.estimateGas({ account, to: address, data, value: valueWei });
    const withMargin = (estimate * 5n) / 4n;
    const gas = withMargin < TRANSACTION_GAS_CAP ? withMargin : TRANSACTION_GAS_CAP;
    const nonce = await client.getTransactionCount({ address: account.address, blockTag: "pending" });
    const fees = await client.estimateFeesPerGas();
    const request = {
      chainId: await client.getChainId(),
      to: address,
      data,
      value: valueWei,
      gas,
      nonce,
      type: "eip1559",
    } as const;
    let { maxFeePerGas, maxPriorityFeePerGas } = fees;
    for (;;) {
      const raw = await account.signTransaction({ ...request, maxFeePerGas, maxPriorityFeePerGas });
      const hash = keccak256(raw);
      const row = { key, nonce, hash, raw, status: "pending" as const, sent_at: Math.floor(Date.now() / 1000) };
      await database
        .insertInto("send")
        .values(row)
        .onConflict((conflict) => conflict.column("key").doUpdateSet(row))
        .execute();
      await client.sendRawTransaction({ serializedTransaction: raw });
      log.debug({ key, hash, functionName }, "sent");
      const receipt = await this.#await(hash);
      if (receipt !== undefined) {
        const status = receipt.status === "success" ? "confirmed" : "reverted";
        await database.updateTable("send").set({ status }).where("key", "=", key).execute();
        if (receipt.status === "success") return receipt;
        await this.#simulate(call); // names the reason, when it still stands
        throw new TransactionRevertedError(functionName, hash);
      }
      maxFeePerGas = (maxFeePerGas * FEE_STEP_PERCENT) / 100n;
      maxPriorityFeePerGas = (maxPriorityFeePerGas * FEE_STEP_PERCENT) / 100n;
      log.warn({ key, hash }, "still pending; replacing it with a higher fee");
    }
  }

  async #simulate(call: Call): Promise<void> {
    const { client, account } = this.#components;
    try {
      await client.simulateContract({
        account,
        address: call.address,
        abi: call.abi,
        functionName: call.functionName,
        args: [...call.args],
        value: call.valueWei ?? 0n,
      });
    } catch (error) {
      throw asRevert(call.functionName, error);
    }
  }

  // What became of a transaction stored earlier: its receipt, waiting for it when it is still in the pool.
  async #recover(key: string, hash: Hex, raw: Hex, nonce: number): Promise<TransactionReceipt | undefined> {
    const { client, account, log } = this.#components;
    const receipt = await this.#receipt(hash);
    if (receipt !== undefined) return receipt;
    const mined = await client.getTransactionCount({ address: account.address, blockTag: "latest" });
    if (mined > nonce) return undefined;
    log.info({ key, hash }, "broadcasting a transaction stored before the last stop");
    try {
      await client.sendRawTransaction({ serializedTransaction: raw });
    } catch (error) {
      log.debug({ key, error }, "the pool knows it or refuses it");
    }
    return this.#await(hash);
  }

  async #await(hash: Hex): Promise<TransactionReceipt | undefined> {
    const deadline = Date.now() + (this.#components.replaceAfterSeconds ?? 30) * 1000;
    for (let wait = 25; Date.now() < deadline; wait = Math.min(wait * 2, 500)) {
      const receipt = await this.#receipt(hash);
      if (receipt !== undefined) return receipt;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    return undefined;
  }

  async #receipt(hash: Hex): Promise<TransactionReceipt | undefined> {
    try {
      return await this.#components.client.getTransactionReceipt({ hash });
    } catch (error) {
      if (error instanceof BaseError && error.name === "TransactionReceiptNotFoundError") return undefined;
      throw error;
    }
  }
}

/** Turns viem's nested revert into one typed error that carries the contract's error name and arguments. */
export function asRevert(functionName: string, error: unknown): Error {
  if (!(error instanceof BaseError)) return error instanceof Error ? error : new Error(String(error));
  const revert = error.walk((inner) => inner instanceof ContractFunctionRevertedError);
  if (revert instanceof ContractFunctionRevertedError) {
    const name = revert.data?.errorName ?? revert.reason ?? revert.signature ?? "unknown";
    return new ContractRevertedError(functionName, name, revert.data?.args ?? [], error);
  }
  return error;
}

/** The contract refuses the call. `values.rule` is the name of its custom error. */
export class ContractRevertedError extends LockstepError {
  constructor(functionName: string, rule: string, args: readonly unknown[], cause: unknown) {
    super(
      "ContractRevertedError",
      `${functionName} was refused: ${rule}(${args.map(String).join(", ")})`,
      { functionName, rule, args },
      { cause },
    );
  }
}

/** A transaction was mined and reverted although its simulation passed: another one came first. */
export class TransactionRevertedError extends LockstepError {
  constructor(functionName: string, hash: Hex) {
    super("TransactionRevertedError", `${functionName} reverted on chain in ${hash}; another transaction came first`, {
      functionName,
      hash,
    });
  }
}
