// A local chain for the indexer's tests: anvil, and one event emitter for each contract that is indexed, so that a test
// writes the history it needs.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { claimRegistryAbi, disputeGameAbi, programRegistryAbi, taskMarketAbi } from "@lockstep/node/abi";
import {
  createTestClient,
  encodeAbiParameters,
  encodeEventTopics,
  http,
  publicActions,
  walletActions,
  type Abi,
  type AbiEvent,
  type Address,
  type ContractEventName,
  type DecodeEventLogReturnType,
  type Hex,
} from "viem";

const ANVIL = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
const EMITTER = "contracts/mocks/EventEmitter.sol";
const ABIS = {
  ProgramRegistry: programRegistryAbi,
  ClaimRegistry: claimRegistryAbi,
  DisputeGame: disputeGameAbi,
  TaskMarket: taskMarketAbi,
} as const;
type Contract = keyof typeof ABIS;

const EMITTER_ABI = [
  {
    type: "function",
    name: "emitLogs",
    stateMutability: "nonpayable",
    outputs: [],
    inputs: [
      {
        name: "logs",
        type: "tuple[]",
        components: [
          { name: "topics", type: "bytes32[]" },
          { name: "data", type: "bytes" },
        ],
      },
    ],
  },
] as const;

/** An event to write: made by `event`. */
export interface Emission {
  contract: Contract;
  topics: Hex[];
  data: Hex;
}

/** Encodes an event of a contract as the contract itself would. */
export function event<C extends Contract, Name extends ContractEventName<(typeof ABIS)[C]>>(
  contract: C,
  name: Name,
  args: DecodeEventLogReturnType<(typeof ABIS)[C], Name>["args"],
): Emission {
  const abi: Abi = ABIS[contract];
  const found = abi.find((item): item is AbiEvent => item.type === "event" && item.name === name);
  if (found === undefined) throw new Error(`${contract} has no event ${name}`);
  const values = args as Record<string, unknown>;
  const topics = encodeEventTopics<Abi>({ abi, eventName: name, args: values }) as Hex[];
  const plain = found.inputs.filter(({ indexed }) => indexed !== true);
  const data = encodeAbiParameters(
    plain,
    plain.map((input) => values[input.name ?? ""]),
  );
  return { contract, topics, data };
}

export type Chain = Awaited<ReturnType<typeof startChain>>;

/** Starts anvil without mining and deploys the emitters; blocks are made by `write` and `mine` alone. */
export async function startChain() {
  const port = await freePort();
  const child = spawn(ANVIL, ["--port", String(port), "--hardfork", "osaka", "--no-mining", "--silent"], {
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  const client = createTestClient({ mode: "anvil", transport: http(url), pollingInterval: 20 })
    .extend(publicActions)
    .extend(walletActions);
  await until(async () => (await client.getChainId()) > 0, 10_000);
  const [account] = await client.getAddresses();
  if (account === undefined) throw new Error("anvil has no accounts");

  const bytecode = compileEmitter();
  const nonce = await client.getTransactionCount({ address: account });
  const names = Object.keys(ABIS) as Contract[];
  const created = await Promise.all(
    names.map((_, i) =>
      client.sendTransaction({ account, chain: null, data: bytecode, nonce: nonce + i, gas: 2_000_000n }),
    ),
  );
  await client.mine({ blocks: 1 });
  const receipts = await Promise.all(created.map((hash) => client.getTransactionReceipt({ hash })));
  const addresses = Object.fromEntries(names.map((name, i) => [name, receipts[i]?.contractAddress])) as Record<
    Contract,
    Address
  >;

  /** Writes one block with one transaction for each list of events; the events of a list are of one contract. */
  const write = async (...transactions: Emission[][]): Promise<Hex[]> => {
    const next = await client.getTransactionCount({ address: account, blockTag: "pending" });
    const hashes: Hex[] = [];
    for (const [i, emissions] of transactions.entries()) {
      const contract = emissions[0]?.contract ?? "ClaimRegistry";
      if (emissions.some((one) => one.contract !== contract)) throw new Error("one contract a transaction");
      hashes.push(
        await client.writeContract({
          account,
          chain: null,
          address: addresses[contract],
          abi: EMITTER_ABI,
          functionName: "emitLogs",
          args: [emissions],
          nonce: next + i,
          gas: 5_000_000n,
        }),
      );
    }
    await client.mine({ blocks: 1 });
    for (const hash of hashes) {
      const { status } = await client.getTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`${hash} reverted`);
    }
    return hashes;
  };

  return {
    url,
    client,
    account,
    addresses,
    write,
    mine: (blocks: number) => client.mine({ blocks }),
    /** Replaces the last blocks by as many empty ones. */
    reorg: (depth: number) => client.request({ method: "anvil_reorg" as never, params: [depth, []] as never }),
    writeDeployment: (path: string) => {
      const none: Address = `0x${"00".repeat(20)}`;
      const contracts = { ...addresses, Token: none, Referee: none, StructureReferee: none };
      writeFileSync(path, JSON.stringify({ chainId: 31337, startBlock: 0, contracts }));
    },
    stop: () => stop(child),
  };
}

/** Ends a process that was started here and waits until it is gone. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(timer);
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Waits until `check` is true; what it throws counts as false until the time is over. */
export async function until(check: () => Promise<boolean>, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      if (await check()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${limitMs} ms`, { cause: last });
}

function compileEmitter(): Hex {
  // solc has no types of its own; what is read of its answer is checked below.
  const solc = createRequire(import.meta.url)("solc") as { compile: (input: string) => string };
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { [EMITTER]: { content: readFileSync(EMITTER, "utf8") } },
        settings: { evmVersion: "osaka", outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
      }),
    ),
  ) as { contracts?: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>; errors?: unknown };
  const code = output.contracts?.[EMITTER]?.["EventEmitter"]?.evm.bytecode.object;
  if (code === undefined) throw new Error(`${EMITTER} does not compile: ${JSON.stringify(output.errors)}`);
  return `0x${code}`;
}
