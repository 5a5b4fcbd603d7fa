/**
 * The chain of `lockstep dispute fuzz`: a fresh local chain that makes a block for every transaction and whose clock is
 * moved by hand, with the contracts and their usual days and hours. Reads and sends for unlocked accounts, counts what each
 * spends on gas, and names the contract's error when a transaction that must succeed does not.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import {
  bytesToHex,
  encodeFunctionData,
  formatTransactionReceipt,
  type Abi,
  type Address,
  type Hex,
  type PublicClient,
  type RpcTransactionReceipt,
  type TransactionReceipt,
} from "viem";
import { readDeployment, type Deployment } from "../../chain/deployment.ts";
import { PROTOCOL_ERRORS, protocolOf, type Protocol } from "../../chain/protocol.ts";
import type { Call } from "../../chain/sender.ts";
import { LockstepError } from "../../float/errors.ts";
import { connect, developmentAccount, instantChainProcess } from "../up/local-chain.ts";
import { choosePort, Processes, runToEnd } from "../up/processes.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../../..");
// EIP-7825, less a little: estimating the gas of every transaction would take longer than running it.
const GAS = 16_700_000n;

/** The five parties, each an unlocked account of the chain. */
export const PARTIES = ["liar", "verifier", "honest", "accuser", "bystander"] as const;
export type Party = (typeof PARTIES)[number];

export interface FuzzChain {
  readonly client: PublicClient;
  readonly protocol: Protocol;
  readonly chainId: number;
  address(party: Party): Address;
  /** Sends a call that must succeed. Throws CallRefusedError. */
  send(party: Party, call: Call): Promise<TransactionReceipt>;
  /** Sends a call that the contracts must refuse; false when it went through. */
  isRefused(party: Party, call: Call): Promise<boolean>;
  read<T>(call: Call): Promise<T>;
  /** Reads what never changes. */
  constant<T>(call: Call): Promise<T>;
  /** Moves the chain's clock forward and makes a block. */
  pass(seconds: number): Promise<void>;
  /** Makes the time of the last block at least this. */
  passUntil(time: number): Promise<void>;
  /** Coin and credits of a party, as if gas were free. */
  worth(party: Party): Promise<bigint>;
}

/** Runs `use` on a fresh chain, which ends with it. */
export async function withFuzzChain<T>(
  options: { log: Logger; signal: AbortSignal },
  use: (chain: FuzzChain) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-fuzz-"));
  const processes = new Processes(join(folder, "logs"), options.log);
  try {
    const port = await choosePort(0);
    const url = `http://127.0.0.1:${port}`;
    processes.start(instantChainProcess(port));
    const client = await Promise.race([connect(url), processes.failure]);
    const deployment = await deploy(processes, folder, url);
    return await Promise.race([use(createChain(client, deployment)), processes.failure]);
  } finally {
    await processes.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function deploy(processes: Processes, folder: string, url: string) {
  const key = developmentAccount().getHdKey().privateKey;
  if (key === null) throw new RangeError("the development account has no key");
  // No parameters: the windows and bonds of a real deployment.
  const parameters = join(folder, "parameters.json");
  writeFileSync(parameters, JSON.stringify({ Lockstep: {} }));
  const out = join(folder, "deployment.json");
  const script = join(REPOSITORY, "scripts", "deploy.ts");
  await runToEnd(processes, {
    name: "deploy",
    command: process.execPath,
    args: [script, "--network", "local", "--out", out, "--parameters", parameters],
    environment: { RPC_URL: url, DEPLOYER_KEY: bytesToHex(key) },
    workingDirectory: REPOSITORY,
  });
  return readDeployment(out);
}

function createChain(client: PublicClient, deployment: Deployment): FuzzChain {
  const protocol = protocolOf(deployment);
  const addresses = Object.fromEntries(
    PARTIES.map((party, index) => [party, developmentAccount(index + 1).address]),
  ) as Record<Party, Address>;
  const spentWei = new Map<Party, bigint>();
  const request = <T>(method: string, ...params: unknown[]): Promise<T> =>
    client.request({ method, params } as never) as Promise<T>;

  async function receiptOf(hash: Hex): Promise<TransactionReceipt> {
    for (let wait = 1; ; wait = Math.min(20, wait + 1)) {
      const found = await request<RpcTransactionReceipt | null>("eth_getTransactionReceipt", hash);
      if (found !== null) return formatTransactionReceipt(found);
      await sleep(wait);
    }
  }

  async function attempt(party: Party, call: Call): Promise<TransactionReceipt> {
    const transaction = {
      from: addresses[party],
      to: call.address,
      data: encodeFunctionData({ abi: call.abi, functionName: call.functionName, args: [...call.args] }),
      gas: `0x${GAS.toString(16)}`,
      value: `0x${(call.valueWei ?? 0n).toString(16)}`,
    };
    const receipt = await receiptOf(await request<Hex>("eth_sendTransaction", transaction));
    const paid = receipt.gasUsed * receipt.effectiveGasPrice;
    spentWei.set(party, (spentWei.get(party) ?? 0n) + paid);
    return receipt;
  }

  const read = <T>({ address, abi, functionName, args }: Call): Promise<T> =>
    client.readContract({ address, abi, functionName, args }) as Promise<T>;

  const constants = new Map<string, Promise<unknown>>();
  const constant = <T>(call: Call): Promise<T> => {
    const key = `${call.functionName} ${call.args.join()}`;
    const found = constants.get(key) ?? read<T>(call);
    constants.set(key, found);
    return found as Promise<T>;
  };

  async function passUntil(time: number): Promise<void> {
    const { timestamp } = await client.getBlock();
    if (timestamp >= BigInt(time)) return;
    await request("evm_setNextBlockTimestamp", time);
    await request("evm_mine");
  }

  return {
    client,
    protocol,
    chainId: deployment.chainId,
    address: (party) => addresses[party],
    async send(party, call) {
      const receipt = await attempt(party, call);
      if (receipt.status === "success") return receipt;
      throw new CallRefusedError(call.functionName, await reasonOf(client, addresses[party], call, receipt));
    },
    isRefused: async (party, call) => (await attempt(party, call)).status === "reverted",
    read,
    constant,
    async pass(seconds) {
      const { timestamp } = await client.getBlock();
      await passUntil(Number(timestamp) + seconds);
    },
    passUntil,
    async worth(party) {
      const address = addresses[party];
      const creditOf = (contract: { address: Address; abi: Abi }) =>
        read<bigint>({ ...contract, functionName: "creditOf", args: [address] });
      const found = [creditOf(protocol.claims), creditOf(protocol.game), client.getBalance({ address })];
      return (await Promise.all(found)).reduce((sum, wei) => sum + wei, spentWei.get(party) ?? 0n);
    },
  };
}

// The same call again, on the block before: a receipt does not say why it failed.
async function reasonOf(
  client: PublicClient,
  account: Address,
  call: Call,
  { blockNumber }: TransactionReceipt,
): Promise<string> {
  const { address, functionName, args, valueWei } = call;
  const abi = [...call.abi, ...PROTOCOL_ERRORS];
  try {
    const value = valueWei === undefined ? {} : { value: valueWei };
    await client.simulateContract({ account, address, abi, functionName, args, ...value, gas: GAS, blockNumber });
    return "no reason: the same call succeeds after it";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A transaction that the rules of a dispute allow was refused. */
export class CallRefusedError extends LockstepError {
  constructor(functionName: string, reason: string) {
    super("CallRefusedError", `${functionName} was refused: ${reason}`, { functionName, reason });
  }
}
