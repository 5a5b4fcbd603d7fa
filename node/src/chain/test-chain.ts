/**
 * Chains for tests: an anvil of their own on a free port, contracts deployed with the project's script and windows of
 * seconds, and a few contracts of a handful of instructions that emit, count or refuse. Stopped by process id.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import {
  bytesToHex,
  concatHex,
  createPublicClient,
  createTestClient,
  createWalletClient,
  http,
  numberToHex,
  parseAbi,
  size,
  toEventSelector,
  toFunctionSelector,
  type Address,
  type Hex,
} from "viem";
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { readDeployment, type Deployment } from "./deployment.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const DEPLOYER = mnemonicToAccount("test test test test test test test test test test test junk");

export interface TestChainOptions {
  /** `instant`: a block for each transaction; `never`: only `mine` makes blocks; a number: seconds between blocks. */
  blocks?: "instant" | "never" | number;
}

export type TestChain = Awaited<ReturnType<typeof startTestChain>>;

/** No line of the code under test on the console. */
export const silent = pino({ level: "silent" });

/** Starts a chain with the rules of mainnet. */
export async function startTestChain({ blocks = "instant" }: TestChainOptions = {}) {
  const port = await freePort();
  const mining = blocks === "instant" ? [] : blocks === "never" ? ["--no-mining"] : ["--block-time", String(blocks)];
  const url = `http://127.0.0.1:${port}`;
  const start = () =>
    spawn(anvil(), ["--port", String(port), "--hardfork", "osaka", "--enable-tx-gas-limit", "--silent", ...mining], {
      stdio: "ignore",
    });
  let child = start();
  const transport = http(url, { retryCount: 0, timeout: 10_000 });
  const client = createPublicClient({ transport, pollingInterval: 50, cacheTime: 0 });
  const control = createTestClient({ mode: "anvil", transport });
  const deployer = createWalletClient({ account: DEPLOYER, transport });
  await until("anvil answers", async () => (await client.getChainId()) > 0);

  const mined = async (hash: Hex) => {
    if (blocks === "never") await control.mine({ blocks: 1 });
    return client.waitForTransactionReceipt({ hash, timeout: 20_000 });
  };
  return {
    url,
    client,
    control,
    deployer,
    mine: (count = 1) => control.mine({ blocks: count }),
    /** Replaces the last `depth` blocks by as many that hold the given raw transactions and nothing else. */
    reorg: (depth: number, transactions: readonly [Hex, number][] = []) =>
      control.request({ method: "anvil_reorg" as never, params: [depth, transactions] as never }),
    /** Deploys one of the contracts below. */
    async create(runtime: Hex): Promise<Address> {
      // PUSH1 length, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN: what follows is the contract.
      const data = concatHex(["0x60", numberToHex(size(runtime), { size: 1 }), "0x8060095f395ff3", runtime]);
      const { contractAddress } = await mined(await deployer.sendTransaction({ data, chain: null }));
      if (contractAddress === null || contractAddress === undefined) throw new Error("not created");
      return contractAddress;
    },
    /** A new account with 1000 ETH. */
    async account(): Promise<PrivateKeyAccount> {
      const account = privateKeyToAccount(generatePrivateKey());
      await control.setBalance({ address: account.address, value: 1000n * 10n ** 18n });
      return account;
    },
    /** Ends the chain; with it goes everything on it. */
    stop: (): Promise<void> => endProcess(child),
    /** Starts an empty chain at the same address, after `stop`. */
    async startAgain() {
      child = start();
      await until("anvil answers", async () => (await client.getChainId()) > 0);
    },
  };
}

/** Seconds of the deployed contracts; see the constructors. */
export interface Seconds {
  reveal?: number;
  window?: number;
  proofReveal?: number;
  clock?: number;
  accept?: number;
}

/** Deploys the protocol and returns where it is, with the path of the deployment file under `folder`. */
export async function deployProtocol(
  { url }: { url: string },
  folder: string,
  seconds: Seconds = {},
): Promise<{ deployment: Deployment; path: string }> {
  const parameters = join(folder, "parameters.json");
  const { reveal = 60, window = 20, proofReveal = 5, clock = 45, accept = 120 } = seconds;
  const values = {
    revealSeconds: `${reveal}n`,
    windowSeconds: `${window}n`,
    proofRevealSeconds: `${proofReveal}n`,
    clockSeconds: `${clock}n`,
    acceptSeconds: `${accept}n`,
  };
  writeFileSync(parameters, JSON.stringify({ Lockstep: values }));
  const path = join(folder, "deployment.json");
  const key = DEPLOYER.getHdKey().privateKey;
  if (key === null) throw new Error("the deployer has no key");
  const script = join(REPOSITORY, "scripts", "deploy.ts");
  const child = spawn(process.execPath, [script, "--network", "local", "--out", path, "--parameters", parameters], {
    cwd: REPOSITORY,
    env: { ...process.env, RPC_URL: url, DEPLOYER_KEY: bytesToHex(key) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const from of [child.stdout, child.stderr]) from.setEncoding("utf8").on("data", (text) => (output += text));
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`the deployment ended with ${code}:\n${output}`);
  return { deployment: readDeployment(path), path };
}

/** A temporary folder; remove it with `remove`. */
export function temporaryFolder(name: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `lockstep-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Ends a process that was started here and waits until it is gone; the hard way after a while. */
export async function endProcess(child: ChildProcess, patienceMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await gone;
  clearTimeout(timer);
}

/** Waits until `check` is true; what it throws counts as false until the time is over. */
export async function until(what: string, check: () => Promise<boolean> | boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      if (await check()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`${what}: not within ${limitMs} ms`, { cause: last });
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

function anvil(): string {
  const manifest = createRequire(import.meta.url).resolve("@foundry-rs/anvil-linux-amd64/package.json");
  return join(dirname(manifest), "bin", "anvil");
}

/** What the small contracts understand. */
export const SMALL_ABI = parseAbi([
  "event Said(bytes32 claimId, uint256 value)",
  "error Refused(uint256 limit, address who)",
  "function say(bytes32 claimId, uint256 value)",
  "function refuse(uint256 limit, address who)",
  "function count() payable",
  "function waste()",
]);

/** `say` emits Said with what it was given. */
export const EMITTER = concatHex([
  "0x604060045f37", // CALLDATACOPY(0, 4, 64)
  "0x7f", // PUSH32
  toEventSelector("Said(bytes32,uint256)"),
  "0x60405fa100", // LOG1(0, 64, topic), STOP
]);

/** `refuse` reverts with Refused and what it was given. */
export const REFUSER = concatHex([
  "0x63", // PUSH4
  toFunctionSelector("Refused(uint256,address)"),
  "0x60e01b5f52", // shifted to the left end and stored at 0
  "0x6040600460043760445ffd", // CALLDATACOPY(4, 4, 64), REVERT(0, 68)
]);

/** Each call adds one to storage slot 0. */
export const COUNTER: Hex = "0x5f546001015f5500";

/** Each call costs 19.8 million gas, for memory of 3.2 megabytes: more than a transaction may use. */
export const WASTER: Hex = "0x5f6230d4005200";
