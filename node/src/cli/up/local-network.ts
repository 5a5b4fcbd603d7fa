/**
 * Starts and stops the processes of a local network in the order they need each other: chain, contracts, accounts,
 * programs, indexer, nodes. What it makes lives in one folder; started there again, it goes on where it was stopped.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { createWalletClient, http, parseEther, type Address, type Hex, type PublicClient } from "viem";
import { bytesToHex } from "viem";
import { openDatabase } from "../../chain/database.ts";
import { readDeployment, type Deployment } from "../../chain/deployment.ts";
import { createKeystore, openKeystore } from "../../chain/keystore.ts";
import { protocolOf, type Protocol } from "../../chain/protocol.ts";
import { Sender } from "../../chain/sender.ts";
import { LockstepError } from "../../float/errors.ts";
import { createWholeFile } from "../../host/whole-file.ts";
import { peerIdOf } from "../../net/peer.ts";
import { nodeFile } from "../commands/node.ts";
import type { NetworkFile } from "../network.ts";
import { StoppedError } from "../stop.ts";
import { chainProcess, connect, developmentAccount, LOCAL_CHAIN_ID } from "./local-chain.ts";
import { choosePort, Processes, runToEnd } from "./processes.ts";

export interface LocalNetworkOptions {
  dir: string;
  /** First port, or 0 for free ones. */
  port: number;
  /** What the cheat is told: `--lie`. */
  lie: string;
  say(line: string): void;
  log: Logger;
  signal: AbortSignal;
}

/** The nodes of a local network and what each does. */
export const NODES = {
  requester: "watchtower",
  honest: "solver",
  cheat: "solver",
  verifier: "verifier",
} as const;

export type NodeName = keyof typeof NODES;

export interface LocalNetwork {
  dir: string;
  rpc: string;
  graphql: string;
  client: PublicClient;
  deployment: Deployment;
  protocol: Protocol;
  accounts: Readonly<Record<NodeName, Address>>;
  /** Folder of a node. */
  home(node: NodeName): string;
  /** Sends as the one who asks for work. */
  requester: Sender;
  /** Rejects when a process that must run ends. */
  failure: Promise<never>;
  /** Where to look, as lines. */
  addresses(): string;
  stop(): Promise<void>;
}

const REPOSITORY = resolve(import.meta.dirname, "../../../..");
const INDEXER = join(REPOSITORY, "indexer");
const PONDER = join(REPOSITORY, "node_modules", "ponder", "dist", "esm", "bin", "ponder.js");
const FUNDING = parseEther("100");

/** Starts everything; throws what went wrong, with everything stopped again. */
export async function startLocalNetwork(options: LocalNetworkOptions): Promise<LocalNetwork> {
  const { dir, say, log } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const processes = new Processes(join(dir, "logs"), log);
  try {
    return await start(options, processes);
  } catch (error) {
    await processes.stop();
    say(`Logs are in ${join(dir, "logs")}`);
    throw error;
  }
}

async function start(options: LocalNetworkOptions, processes: Processes): Promise<LocalNetwork> {
  const { dir, say, log, signal } = options;
  const race = <T>(work: Promise<T>): Promise<T> => Promise.race([work, processes.failure, abortOf(signal)]);
  const chainPort = await choosePort(options.port);
  const apiPort = await choosePort(options.port === 0 ? 0 : options.port + 1);
  const rpc = `http://127.0.0.1:${chainPort}`;
  const graphql = `http://127.0.0.1:${apiPort}/graphql`;
  say(`chain      ${rpc}`);
  processes.start(chainProcess(chainPort, join(dir, "chain.json")));
  const client = await race(connect(rpc));

  const deploymentFile = join(dir, "deployment.json");
  say("contracts  building and deploying");
  await race(
    runToEnd(processes, {
      name: "deploy",
      command: process.execPath,
      args: [join(REPOSITORY, "scripts", "deploy.ts"), "--network", "local", "--out", deploymentFile],
      environment: { RPC_URL: rpc, DEPLOYER_KEY: deployerKey() },
      workingDirectory: REPOSITORY,
    }),
  );
  const deployment = readDeployment(deploymentFile);
  const protocol = protocolOf(deployment);

  const home = (node: NodeName) => join(dir, "nodes", node);
  const accounts = await race(openAccounts(home));
  await race(fund(client, rpc, protocol, accounts, log));

  say(`indexer    ${graphql}`);
  processes.start({
    name: "indexer",
    command: process.execPath,
    args: [
      PONDER,
      "start",
      "--root",
      INDEXER,
      "--hostname",
      "127.0.0.1",
      "--port",
      String(apiPort),
      "--schema",
      "lockstep",
    ],
    environment: {
      RPC_URL: rpc,
      LOCKSTEP_DEPLOYMENT: deploymentFile,
      LOCKSTEP_INDEXER_DIR: freshFolder(join(dir, "indexer")),
      // Settings of another network must not reach this one.
      DATABASE_URL: undefined,
      PONDER_TELEMETRY_DISABLED: "true",
    },
    workingDirectory: INDEXER,
    restart: true,
  });

  const nodes = Object.keys(NODES) as NodeName[];
  const listen = await race(Promise.all(nodes.map(async () => `/ip4/127.0.0.1/tcp/${await choosePort(0)}`)));
  const ids = await race(Promise.all(nodes.map((node) => peerIdOf(join(home(node), "peer.key")))));
  const peers = nodes.map((_, index) => `${listen[index]}/p2p/${ids[index]}`);
  const network: NetworkFile = { chainId: LOCAL_CHAIN_ID, rpc, graphql, deployment: deploymentFile, peers };
  writeAtomically(join(dir, "network.json"), network);
  nodes.forEach((node, index) => {
    startNode(processes, { home: home(node), node, dir, listen: listen[index] ?? "", lie: options.lie });
    say(`${node.padEnd(10)} ${NODES[node]} ${accounts[node]}`);
  });
  await race(Promise.all(nodes.map((node) => started(home(node)))));
  await race(answers(graphql));

  const account = await openKeystore(join(home("requester"), "keystore.json"), password(home("requester")));
  const database = await openDatabase(":memory:");
  return {
    dir,
    rpc,
    graphql,
    client,
    deployment,
    protocol,
    accounts,
    home,
    requester: new Sender({ client, account, database, log }),
    failure: processes.failure,
    addresses: () =>
      [
        "Where to look:",
        `  GraphQL and GraphiQL  ${graphql}`,
        `  chain (RPC)           ${rpc}`,
        `  contracts             ${deploymentFile}`,
        `  logs                  ${join(dir, "logs")}`,
        "  npx lockstep claim list, challenge show <claim>, leaderboard",
      ].join("\n"),
    async stop() {
      await processes.stop();
      await database.destroy();
      rmSync(join(dir, "network.json"), { force: true });
    },
  };
}

interface NodeStart {
  node: NodeName;
  home: string;
  dir: string;
  listen: string;
  lie: string;
}

function startNode(processes: Processes, { node, home, dir, listen, lie }: NodeStart): void {
  rmSync(join(home, "node.json"), { force: true });
  const args = [join(REPOSITORY, "node", "bin", "lockstep.js"), "node", "start", "--role", NODES[node], "--home", home];
  args.push("--dir", dir, "--listen", listen, "--log-level", "info");
  if (node === "cheat") args.push("--lie", lie);
  processes.start({
    name: node,
    command: process.execPath,
    args,
    environment: {
      LOCKSTEP_PASSWORD_FILE: join(home, "password"),
      LOCKSTEP_HOME: undefined,
      LOCKSTEP_DEPLOYMENT: undefined,
      RPC_URL: undefined,
    },
    workingDirectory: dir,
    restart: true,
  });
}

async function openAccounts(home: (node: NodeName) => string): Promise<Record<NodeName, Address>> {
  const entries: [NodeName, Address][] = [];
  for (const node of Object.keys(NODES) as NodeName[]) {
    const folder = home(node);
    const path = join(folder, "keystore.json");
    const account = existsSync(path)
      ? await openKeystore(path, password(folder))
      : await createKeystore(path, password(folder));
    entries.push([node, account.address]);
  }
  return Object.fromEntries(entries) as Record<NodeName, Address>;
}

// A throw-away password per node, so that even a local network keeps no plain key on disk.
function password(home: string): string {
  const path = join(home, "password");
  if (!existsSync(path)) createWholeFile(path, randomBytes(24).toString("base64url"));
  return readFileSync(path, "utf8");
}

async function fund(
  client: PublicClient,
  rpc: string,
  protocol: Protocol,
  accounts: Readonly<Record<NodeName, Address>>,
  log: Logger,
): Promise<void> {
  const wallet = createWalletClient({ account: developmentAccount(), transport: http(rpc) });
  const hashes: Hex[] = [];
  let nonce = await client.getTransactionCount({ address: wallet.account.address });
  for (const to of Object.values(accounts)) {
    if ((await client.getBalance({ address: to })) > 0n) continue;
    hashes.push(await wallet.sendTransaction({ to, value: FUNDING, chain: null, nonce: nonce++ }));
  }
  const supply = {
    ...protocol.token,
    functionName: "mint",
    args: [accounts.requester, parseEther("1000000")],
  } as const;
  const held = await client.readContract({ ...protocol.token, functionName: "balanceOf", args: [accounts.requester] });
  if (held === 0n) hashes.push(await wallet.writeContract({ ...supply, chain: null, nonce: nonce++ }));
  for (const hash of hashes) await client.waitForTransactionReceipt({ hash, pollingInterval: 100 });
  log.debug({ transactions: hashes.length }, "accounts funded");
}

/** Waits for the file that a started node writes. */
async function started(home: string): Promise<void> {
  const path = join(home, "node.json");
  const deadline = Date.now() + 30_000;
  while (!existsSync(path)) {
    if (Date.now() > deadline) throw new NotReadyError(`the node in ${home}`, 30);
    await sleep(50);
  }
  nodeFile.parse(JSON.parse(readFileSync(path, "utf8")));
}

async function answers(url: string): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    try {
      const body = JSON.stringify({ query: "{ __typename }" });
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(2_000) });
      if (response.ok) return;
    } catch (error) {
      if (Date.now() > deadline) throw new NotReadyError(url, 90, error);
    }
    if (Date.now() > deadline) throw new NotReadyError(url, 90);
    await sleep(200);
  }
}

function deployerKey(): Hex {
  const key = developmentAccount().getHdKey().privateKey;
  if (key === null) throw new RangeError("the development account has no key");
  return bytesToHex(key);
}

// The index is made again from the chain at each start: it takes seconds, and a local chain may have been replaced.
function freshFolder(path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

function writeAtomically(path: string, value: unknown): void {
  writeFileSync(`${path}.part`, JSON.stringify(value, null, 2), { mode: 0o600 });
  renameSync(`${path}.part`, path);
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = () => reject(new StoppedError());
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

/** Something did not start in time. */
export class NotReadyError extends LockstepError {
  constructor(what: string, seconds: number, cause?: unknown) {
    super("NotReadyError", `${what} was not ready after ${seconds} s`, { what, seconds }, { cause });
  }
}
