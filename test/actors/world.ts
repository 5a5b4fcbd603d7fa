// A small world for scenarios: a chain with one-second blocks, the contracts with clocks of seconds, and real `lockstep`
// processes that can be killed and started again on the same home. Whatever is started here is ended by its id when the
// test ends, failed or not.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, createWriteStream, mkdirSync, readFileSync, rmSync, existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "@lockstep/node/chain/database";
import { createKeystore } from "@lockstep/node/chain/keystore";
import { protocolOf, watchedContracts } from "@lockstep/node/chain/protocol";
import { ChainReader, eventsOf, type ChainEvent } from "@lockstep/node/chain/reader";
import {
  deployProtocol,
  endProcess,
  silent,
  startTestChain,
  temporaryFolder,
  type Seconds,
} from "@lockstep/node/chain/test-chain";
import {
  challengesOf,
  claimsOf,
  settledBounties,
  tasksOf,
  type Challenge,
  type Claim,
  type Task,
} from "@lockstep/node/roles/views";
import { parseEther, type Address, type Hex } from "viem";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const LAUNCHER = join(REPOSITORY, "node", "bin", "lockstep.js");
export const EXAMPLES = join(REPOSITORY, "examples");

/** What the chain says now. */
export interface Sight {
  tasks: Task[];
  claims: Claim[];
  challenges: Challenge[];
  /** Claims whose bounty was paid. */
  bounties: Set<Hex>;
}

/** One party: a home with a key, and at times a running process. */
export interface Actor {
  name: string;
  home: string;
  address: Address;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Opens a world that closes when the test ends. */
export async function openWorld(t: TestContext, seconds: Seconds) {
  const folder = temporaryFolder("world");
  const running = new Map<string, ChildProcess>();
  const closing: (() => Promise<void> | void)[] = [() => folder.remove()];
  t.after(async () => {
    await Promise.all([...running.values()].map((child) => endProcess(child)));
    for (const close of closing.toReversed()) await close();
  });
  const chain = await startTestChain({ blocks: 1 });
  closing.push(chain.stop);
  const { client, control, deployer } = chain;
  const { deployment, path } = await deployProtocol(chain, folder.path, seconds);
  const protocol = protocolOf(deployment);
  const mirror = await openDatabase(":memory:");
  closing.push(() => mirror.destroy());
  const reader = new ChainReader({
    client,
    database: mirror,
    contracts: watchedContracts(protocol),
    startBlock: deployment.startBlock,
    log: silent,
  });
  const logOf = (name: string) => join(folder.path, `${name}.log`);

  /** Makes a party with a key and 100 ETH, and tokens where it asks for work. */
  async function actor(name: string): Promise<Actor> {
    const home = join(folder.path, name);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "password"), name, { mode: 0o600 });
    const { address } = await createKeystore(join(home, "keystore.json"), name);
    await control.setBalance({ address, value: parseEther("100") });
    return { name, home, address };
  }

  /** Runs one command to its end and returns the object it printed. */
  async function lockstep<T>(home: string, ...words: string[]): Promise<T> {
    const child = launch(home, [...words, "--home", home, ...network(), "--json"]);
    const output = { stdout: "", stderr: "" };
    for (const key of ["stdout", "stderr"] as const) {
      child[key].setEncoding("utf8").on("data", (text: string) => (output[key] += text));
    }
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0)
      throw new Error(`lockstep ${words.join(" ")} ended with ${code}:\n${output.stdout}${output.stderr}`);
    return JSON.parse(output.stdout) as T;
  }

  /** Starts a party's node, or starts it again on its home. */
  async function start({ name, home }: Actor, role: string, ...flags: string[]): Promise<void> {
    rmSync(join(home, "node.json"), { force: true });
    const words = ["node", "start", "--role", role, "--home", home, ...network(), "--log-level", "debug", ...flags];
    const child = launch(home, words);
    const log = createWriteStream(logOf(name), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    running.set(name, child);
    while (!existsSync(join(home, "node.json"))) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${tail(name)}`);
      await sleep(50);
    }
  }

  /** Ends a party's node at once, as a power cut does. */
  async function kill({ name }: Actor): Promise<void> {
    const child = running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    running.delete(name);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Waits for what `check` finds on the chain. */
  async function until<T>(what: string, check: (sight: Sight) => T | undefined | false, limitSeconds = 80): Promise<T> {
    const end = performance.now() + limitSeconds * 1000;
    while (performance.now() < end) {
      for (const [name, { exitCode }] of running) {
        if (exitCode !== null) throw new Error(`${name} ended with ${exitCode}:\n${tail(name)}`);
      }
      await reader.advance();
      const found = check(await look());
      if (found !== undefined && found !== false) return found;
      await sleep(200);
    }
    const logs = [...running.keys()].map((name) => `--- ${name}\n${tail(name)}`).join("\n");
    throw new Error(`${what}: not within ${limitSeconds} s\n${describe(await look())}\n${logs}`);
  }

  async function look(): Promise<Sight> {
    return {
      tasks: [...(await tasksOf(mirror)).values()],
      claims: [...(await claimsOf(mirror)).values()],
      challenges: [...(await challengesOf(mirror)).values()],
      bounties: await settledBounties(mirror),
    };
  }

  const network = () => ["--rpc", chain.url, "--deployment", path];
  const launch = (home: string, words: readonly string[]) =>
    spawn(process.execPath, [LAUNCHER, ...words], {
      cwd: folder.path,
      env: { ...process.env, LOCKSTEP_PASSWORD_FILE: join(home, "password") },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const tail = (name: string) => readFileSync(logOf(name), "utf8").trimEnd().split("\n").slice(-25).join("\n");

  return {
    url: chain.url,
    client,
    control,
    protocol,
    deployment,
    actor,
    lockstep,
    start,
    kill,
    until,
    look,
    log: (who: Actor) => readFileSync(logOf(who.name), "utf8"),
    /** The mirrored events of a name, up to the last `until`. */
    events: (name: string): Promise<ChainEvent[]> => eventsOf(mirror, [name]),
    async mint(account: Address): Promise<void> {
      const call = { ...protocol.token, functionName: "mint", args: [account, parseEther("1000")] } as const;
      await client.waitForTransactionReceipt({ hash: await deployer.writeContract({ ...call, chain: null }) });
    },
  };
}

/** The stepped example, registered by a requester with tokens; every party has the model. */
export async function registerSteps(
  world: World,
  parties: readonly Actor[],
): Promise<{ requester: Actor; programRoot: Hex }> {
  const requester = await world.actor("requester");
  await world.mint(requester.address);
  const model = [join(EXAMPLES, "mlp/mlp.onnx"), "--state", "state=next"];
  const { programRoot } = await world.lockstep<{ programRoot: Hex }>(requester.home, "program", "register", ...model);
  // Everybody has the model already; how it travels is the content exchange's to test.
  for (const { home } of parties) cpSync(join(requester.home, "content"), join(home, "content"), { recursive: true });
  return { requester, programRoot };
}

/** The stepped example, registered; a requester; and one task of four steps for `solver`. */
export async function requestSteps(world: World, parties: readonly Actor[], solver: Actor): Promise<void> {
  const { requester, programRoot } = await registerSteps(world, parties);
  const input = ["--input", join(EXAMPLES, "mlp/state.npy"), "--steps", "4", "--pay", "5", "--solver", solver.address];
  await world.lockstep(requester.home, "task", "request", programRoot, ...input);
}

/** The one claim, once it is revealed. */
export const revealed = ({ claims }: Sight): Claim | undefined => claims.find(({ status }) => status === "revealed");

/** The balance of an account that never sent anything but through the protocol, with what it may withdraw. */
export async function worthOf({ client, protocol }: World, account: Address): Promise<bigint> {
  const credits = await Promise.all(
    [protocol.claims, protocol.game].map(({ address }) =>
      client.readContract({ address, abi: protocol.claims.abi, functionName: "creditOf", args: [account] }),
    ),
  );
  return credits.reduce((sum, credit) => sum + credit, await client.getBalance({ address: account }));
}

function describe({ tasks, claims, challenges }: Sight): string {
  return [
    ...tasks.map(({ taskId, status }) => `task ${taskId} ${status}`),
    ...claims.map(({ claimId, status }) => `claim ${claimId} ${status}`),
    ...challenges.map(
      ({ challengeId, moves, ended }) => `challenge ${challengeId} ${moves.length} moves, ended ${ended}`,
    ),
  ].join("\n");
}
