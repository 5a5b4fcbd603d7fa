/**
 * Sends this node's transactions in order, each under a key that names the action, so that a restart never
 * sends the same action twice. A transaction is simulated first (a refusal costs nothing and names the contract's
 * error), stored before it is broadcast, and replaced with a higher fee while it stays pending.
 */
import type { Logger } from "pino";
import {
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  encodeFunctionData,
  InsufficientFundsError,
  keccak256,
  parseTransaction,
  RpcRequestError,
  type Abi,
  type Address,
  type Hex,
  type PublicClient,
  type TransactionReceipt,
} from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { LockstepError } from "../float/errors.ts";
import type { NodeDatabase } from "./database.ts";
import { PROTOCOL_ERRORS } from "./protocol.ts";

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
// A chain that stands still must not drive the fee up for ever: no replacement offers more than this many times what the
// chain asks now.
const MAX_FEE_FACTOR = 10n;
// How anvil, geth, reth and nethermind say that a transaction with this nonce is in the pool or mined.
const KNOWN_TO_POOL =
  /already known|already imported|nonce too low|nonce is too low|underpriced|AlreadyKnown|OldNonce/i;

interface Fees {
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

interface Signing {
  nonce: number;
  earlier: readonly Hex[];
  fees: Fees;
}

/** A signed transaction on disk, and the hashes of those it replaces. */
interface Attempt extends Signing {
  hash: Hex;
  raw: Hex;
}

/** Sends calls in the order they are asked for, without waiting for one to be mined before the next is sent. */
export class Sender {
  readonly #components: SenderComponents;
  readonly #running = new Map<string, Promise<TransactionReceipt>>();
  // Nonces of transactions that are broadcast and not mined yet.
  readonly #inFlight = new Set<number>();
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
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const result = this.#carryOut(key, call).finally(() => this.#running.delete(key));
    this.#running.set(key, result);
    return result;
  }

  // Answering many challenges at once, one block each, would lose an honest claimant its clocks: only choosing a nonce and
  // broadcasting is done one after the other.
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #carryOut(key: string, call: Call): Promise<TransactionReceipt> {
    for (;;) {
      const stored = await this.#stored(key);
      const receipt =
        stored === undefined
          ? await this.#carryThrough(key, call, await this.#exclusively(() => this.#begin(key, call)))
          : await this.#recover(key, call, stored);
      // Another transaction of this account took the nonce: the action is still to be done, under the next one.
      if (receipt === undefined) {
        await this.#components.database.deleteFrom("send").where("key", "=", key).execute();
        continue;
      }
      const status = receipt.status === "success" ? "confirmed" : "reverted";
      await this.#components.database.updateTable("send").set({ status }).where("key", "=", key).execute();
      if (receipt.status === "success") return receipt;
      await this.#simulate(call); // names the reason, when it still stands
      throw new TransactionRevertedError(call.functionName, receipt.transactionHash);
    }
  }

  // Simulates, signs under the account's next nonce and broadcasts.
  async #begin(key: string, call: Call): Promise<Attempt> {
    const { client, account } = this.#components;
    await this.#simulate(call);
    const pending = await client.getTransactionCount({ address: account.address, blockTag: "pending" });
    // The lowest that is free: a transaction that was dropped and given up leaves a gap, and those after it wait for it.
    let nonce = pending;
    while (this.#inFlight.has(nonce)) nonce += 1;
    const attempt = await this.#sign(key, call, { nonce, earlier: [], fees: await client.estimateFeesPerGas() });
    await this.#broadcast(key, call, attempt);
    return attempt;
  }

  // Signs and stores an attempt: whatever is broadcast is on disk first.
  async #sign(key: string, call: Call, { nonce, earlier, fees }: Signing): Promise<Attempt> {
    const { client, account, database } = this.#components;
    const { address, abi, functionName, args, valueWei = 0n } = call;
    const data = encodeFunctionData({ abi, functionName, args: [...args] });
    const estimate = await this.#estimate(call);
    if (estimate > TRANSACTION_GAS_CAP) throw new GasCapExceededError(functionName, estimate);
    const withMargin = (estimate * 5n) / 4n;
    const raw = await account.signTransaction({
      chainId: await client.getChainId(),
      to: address,
      data,
      value: valueWei,
      gas: withMargin < TRANSACTION_GAS_CAP ? withMargin : TRANSACTION_GAS_CAP,
      nonce,
      type: "eip1559",
      ...fees,
    });
    const hash = keccak256(raw);
    const row = { key, nonce, hash, raw, status: "pending", sent_at: Math.floor(Date.now() / 1000) } as const;
    const stored = { ...row, earlier: JSON.stringify(earlier) };
    await database
      .insertInto("send")
      .values(stored)
      .onConflict((conflict) => conflict.column("key").doUpdateSet(stored))
      .execute();
    return { nonce, hash, raw, earlier, fees };
  }

  // Waits for a broadcast attempt. Undefined when its nonce was taken.
  async #carryThrough(key: string, call: Call, attempt: Attempt): Promise<TransactionReceipt | undefined> {
    this.#inFlight.add(attempt.nonce);
    try {
      return await this.#insist(key, call, attempt);
    } finally {
      this.#inFlight.delete(attempt.nonce);
    }
  }

  // Replaces an attempt with a higher fee each time it stays pending.
  async #insist(key: string, call: Call, first: Attempt): Promise<TransactionReceipt | undefined> {
    const { client, log } = this.#components;
    let attempt = first;
    for (;;) {
      const outcome = await this.#await(attempt);
      if (outcome !== "pending") return outcome === "overtaken" ? undefined : outcome;
      const now = await client.estimateFeesPerGas();
      const fees = raised(attempt.fees, now);
      if (fees.maxFeePerGas > now.maxFeePerGas * MAX_FEE_FACTOR) {
        log.warn({ key, hash: attempt.hash }, "still pending at the highest fee; broadcasting it again");
        await this.#broadcast(key, call, attempt);
        continue;
      }
      log.warn({ key, hash: attempt.hash }, "still pending; replacing it with a higher fee");
      const earlier = [...attempt.earlier, attempt.hash];
      // The call may have become moot meanwhile. Then nothing more is paid for it, and the one sent before stands.
      await this.#simulate(call);
      attempt = await this.#sign(key, call, { nonce: attempt.nonce, earlier, fees });
      await this.#broadcast(key, call, attempt);
    }
  }

  // What became of an attempt stored earlier, carried through when it is still undecided. A reverted one is forgotten:
  // whether the action is right now is for a new simulation to say.
  async #recover(key: string, call: Call, attempt: Attempt): Promise<TransactionReceipt | undefined> {
    const outcome = await this.#outcome(attempt);
    if (outcome === "pending") {
      this.#components.log.info({ key, hash: attempt.hash }, "broadcasting a transaction stored before the last stop");
      await this.#broadcast(key, call, attempt);
      const receipt = await this.#carryThrough(key, call, attempt);
      return receipt?.status === "success" ? receipt : undefined;
    }
    return outcome !== "overtaken" && outcome.status === "success" ? outcome : undefined;
  }

  // Throws when the endpoint can't be reached (the stored attempt is taken up again when the action is asked for again) or
  // refuses the transaction for good.
  async #broadcast(key: string, call: Call, { raw, earlier }: Attempt): Promise<void> {
    const { client, database, log } = this.#components;
    try {
      await client.sendRawTransaction({ serializedTransaction: raw });
      log.debug({ key }, "sent");
    } catch (error) {
      const answer = error instanceof BaseError ? error.walk((inner) => inner instanceof RpcRequestError) : null;
      if (!(answer instanceof RpcRequestError)) throw error;
      // The pool has it already, or has another one with this nonce: waiting shows which.
      if (KNOWN_TO_POOL.test(answer.details))
        return log.debug({ key, reason: answer.details }, "the pool has its nonce");
      // In no pool, and nothing it replaces either: the next try is signed anew, with the fees of then.
      if (earlier.length === 0) await database.deleteFrom("send").where("key", "=", key).execute();
      throw new TransactionRefusedError(call.functionName, answer.details, error);
    }
  }

  // Some chains estimate on the pending block, where a transaction of somebody else may already stand in the way.
  async #estimate({ address, abi, functionName, args, valueWei = 0n }: Call): Promise<bigint> {
    const { client, account } = this.#components;
    try {
      return await client.estimateContractGas({
        account,
        address,
        abi,
        functionName,
        args: [...args],
        value: valueWei,
      });
    } catch (error) {
      throw asRevert(functionName, error);
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

  async #stored(key: string): Promise<Attempt | undefined> {
    const row = await this.#components.database
      .selectFrom("send")
      .selectAll()
      .where("key", "=", key)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const { maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = parseTransaction(row.raw as Hex);
    return {
      nonce: row.nonce,
      hash: row.hash as Hex,
      raw: row.raw as Hex,
      earlier: JSON.parse(row.earlier) as Hex[],
      fees: { maxFeePerGas, maxPriorityFeePerGas },
    };
  }

  async #await(attempt: Attempt): Promise<TransactionReceipt | "pending" | "overtaken"> {
    const deadline = Date.now() + (this.#components.replaceAfterSeconds ?? 30) * 1000;
    for (let wait = 25; ; wait = Math.min(wait * 2, 500)) {
      const outcome = await this.#outcome(attempt);
      if (outcome !== "pending" || Date.now() > deadline) return outcome;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  // A replacement and the transactions before it share a nonce: any of them may be the one that was mined.
  async #outcome({ nonce, hash, earlier }: Attempt): Promise<TransactionReceipt | "pending" | "overtaken"> {
    const { client, account } = this.#components;
    const mined = await client.getTransactionCount({ address: account.address, blockTag: "latest" });
    for (const candidate of [hash, ...earlier]) {
      const receipt = await this.#receipt(candidate);
      if (receipt !== undefined) return receipt;
    }
    return mined > nonce ? "overtaken" : "pending";
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

// Enough above the fees of an attempt to replace it, and no less than the chain asks now.
function raised(before: Fees, now: Fees): Fees {
  const step = (fee: bigint, least: bigint) => {
    const higher = (fee * FEE_STEP_PERCENT) / 100n + 1n;
    return higher > least ? higher : least;
  };
  return {
    maxFeePerGas: step(before.maxFeePerGas, now.maxFeePerGas),
    maxPriorityFeePerGas: step(before.maxPriorityFeePerGas, now.maxPriorityFeePerGas),
  };
}

/** Turns viem's nested revert into one typed error that carries the contract's error name and arguments. */
export function asRevert(functionName: string, error: unknown): Error {
  if (!(error instanceof BaseError)) return error instanceof Error ? error : new Error(String(error));
  const revert = error.walk((inner) => inner instanceof ContractFunctionRevertedError);
  if (revert instanceof ContractFunctionRevertedError) {
    const data = revert.data ?? decodeKnown(revert.raw);
    const name = data?.errorName ?? revert.reason ?? revert.signature ?? "unknown";
    return new ContractRevertedError(functionName, name, data?.args ?? [], error);
  }
  const poor = error.walk((inner) => inner instanceof InsufficientFundsError);
  if (poor instanceof InsufficientFundsError)
    return new TransactionRefusedError(functionName, poor.shortMessage, error);
  return error;
}

// The error of a contract behind the one that was called.
function decodeKnown(data: Hex | undefined): { errorName: string; args?: readonly unknown[] } | undefined {
  if (data === undefined || data === "0x") return undefined;
  try {
    return decodeErrorResult({ abi: PROTOCOL_ERRORS, data }) as { errorName: string; args?: readonly unknown[] };
  } catch {
    return undefined; // of a contract that is not the protocol's: its selector is all there is to show
  }
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

/** A call needs more gas than one transaction may use (EIP-7825). */
export class GasCapExceededError extends LockstepError {
  constructor(functionName: string, gas: bigint) {
    super("GasCapExceededError", `${functionName} needs ${gas} gas; a transaction may use ${TRANSACTION_GAS_CAP}`, {
      functionName,
      gas,
      cap: TRANSACTION_GAS_CAP,
    });
  }
}

/** The endpoint does not take the transaction: the account can't pay for it, or its fee is below what is asked. */
export class TransactionRefusedError extends LockstepError {
  constructor(functionName: string, rule: string, cause: unknown) {
    super("TransactionRefusedError", `${functionName} was not taken: ${rule}`, { functionName, rule }, { cause });
  }
}
