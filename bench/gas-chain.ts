// The chain that gas is measured on: the contracts as they are deployed, with the rules of mainnet (Osaka), and the lives of
// claims on it that nobody disputes. Every transaction reports its gas under the name of its kind.
import { network, tasks } from "hardhat";
import {
  bytesToHex,
  encodeFunctionData,
  hexToBigInt,
  keccak256,
  parseEther,
  parseEventLogs,
  parseSignature,
  zeroAddress,
  zeroHash,
  type Abi,
  type Address,
  type Hex,
  type TransactionReceipt,
} from "viem";
import { inputsRootOf, outputRootsOf, outputsShownOf, traceRootOf, type Run } from "@lockstep/node/engine";
import { encodeProgram, type Program } from "@lockstep/node/ir";
import { claimNameOf, outputsHashOf, sealOf, type ClaimName, type ClaimPreimage } from "@lockstep/node/players";
import lockstep from "../ignition/modules/Lockstep.ts";
import { BenchError } from "./rows.ts";

const SALT = keccak256("0x5a");
const PRICE = parseEther("5");
// The same in every run: ids hash them, and calldata costs by the bytes of ids. The task that is refunded has the earlier;
// times of challenges have 32 bits.
const DEADLINE = 2n ** 40n;
const REFUND_AFTER = 2n ** 31n;
const START = 2_000_000_000n;
// EIP-7825, less a little: what a transaction uses does not depend on it, and estimating takes as long as running.
const GAS_LIMIT = 16_700_000n;

/** Where burnt coin goes (contracts/libraries/Bonds.sol). */
const SINK = "0x000000000000000000000000000000000000dEaD";

/** A contract as calls take it. */
export interface Contract {
  readonly address: Address;
  readonly abi: Abi;
}

/** A call that somebody sends. */
export interface Call {
  readonly contract: Contract;
  readonly functionName: string;
  readonly args: readonly unknown[];
  readonly account: Address;
  readonly value?: bigint;
}

/** Hears the gas of a transaction, and its hash, under the name of a row. */
export type Report = (row: string, used: bigint, hash: Hex) => void;

/** A revealed claim. */
export interface Claimed {
  readonly claim: ClaimPreimage;
  readonly name: ClaimName;
  readonly claimId: Hex;
  readonly taskId: Hex;
  readonly challengeUntil: bigint;
}

export type GasChain = Awaited<ReturnType<typeof openChain>>;

/** Builds and deploys. */
export async function openChain(report: Report) {
  await tasks.getTask("build").run({ quiet: true }); // what is measured is what the sources say
  const { viem, networkHelpers, ignition } = await network.create();
  const deployed = await ignition.deploy(lockstep);
  // On every chain that is in use the sink of burnt bonds holds something; its first coin would cost 25,000 more.
  await networkHelpers.setBalance(SINK, 1n);
  const { token, programRegistry: programs, claimRegistry: claims, disputeGame: game } = deployed;
  const { taskMarket: market, referee, structureReferee } = deployed;
  const client = await viem.getPublicClient();
  const chainId = await client.getChainId();
  const wallets = await viem.getWalletClients();
  const [requester, solver, challenger, second, third] = wallets.map(({ account }) => account.address);
  const bond = await claims.read.minBondWei();
  const fee = await claims.read.minMoveFeeWei();
  const registered = new Set<Hex>();

  // A block for each transaction, a second after the one before: calldata holds times, and costs by its bytes.
  let now = START;
  const pass = (seconds: bigint): void => passUntil(now + seconds);
  const passUntil = (time: bigint): void => {
    if (time > now) now = time;
  };

  async function transact(to: Address | null, data: Hex, account: Address, value = 0n): Promise<TransactionReceipt> {
    const wallet = wallets.find((one) => one.account.address === account);
    if (wallet === undefined) throw new RangeError(`nobody has the account ${account}`);
    now += 1n;
    await networkHelpers.time.setNextBlockTimestamp(now);
    const hash = await wallet.sendTransaction({ to, data, value, gas: GAS_LIMIT });
    const receipt = await client.getTransactionReceipt({ hash });
    if (receipt.status !== "success") throw new BenchError(`the transaction ${hash} was refused`);
    return receipt;
  }

  /** Sends a call and reports it. */
  async function send(row: string | readonly string[], call: Call): Promise<TransactionReceipt> {
    const { contract, functionName, args, account, value } = call;
    const data = encodeFunctionData({ abi: contract.abi, functionName, args: [...args] });
    const receipt = await transact(contract.address, data, account, value).catch(async (error: unknown) => {
      throw new BenchError(`${functionName} was refused: ${await reasonOf(call)}`, { cause: error });
    });
    for (const name of [row].flat()) report(name, receipt.gasUsed, receipt.transactionHash);
    return receipt;
  }

  async function reasonOf({ contract, functionName, args, account, value }: Call): Promise<string> {
    try {
      await client.simulateContract({ ...contract, functionName, args: [...args], account, value });
      return "no reason";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** An event of a transaction. */
  function eventOf(receipt: TransactionReceipt, { abi }: Contract, eventName: string): Record<string, unknown> {
    const [found] = parseEventLogs({ abi, logs: receipt.logs, eventName }) as unknown as {
      args: Record<string, unknown>;
    }[];
    if (found === undefined) throw new BenchError(`a transaction emitted no ${eventName}`);
    return found.args;
  }

  async function register(name: string, program: Program): Promise<Hex> {
    const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(program);
    const root = keccak256(summary);
    if (registered.has(root)) return root;
    registered.add(root);
    const hexes = (list: readonly Uint8Array[]) => list.map((bytes) => bytesToHex(bytes));
    const parts = [
      bytesToHex(summary),
      bytesToHex(interfaceTable),
      hexes(bindings),
      records.map(hexes),
      hexes(scalars),
    ];
    const args = [...parts, [`lockstep:${SALT}`]];
    await send(`program-register-${name}`, { contract: programs, functionName: "register", args, account: requester });
    return root;
  }

  /** What a request says; the price is there and, unless a permit is to do it, approved. */
  async function wishFor(name: string, run: Run, { deadline = DEADLINE, approved = true } = {}) {
    const programRoot = await register(name, run.program);
    const inputsRoot = inputsRootOf(run.inputs);
    const call = { contract: token, account: requester };
    if ((await token.read.balanceOf([requester])) < PRICE)
      await send([], { ...call, functionName: "mint", args: [requester, PRICE] });
    await send([], { ...call, functionName: "approve", args: [market.address, approved ? PRICE : 0n] });
    return { programRoot, inputsRoot, steps: run.steps, price: PRICE, deadline, solver: zeroAddress };
  }

  async function request(name: string, run: Run, deadline?: bigint): Promise<Hex> {
    const args = [await wishFor(name, run, { deadline }), "0x"];
    const receipt = await send("task-request", {
      contract: market,
      functionName: "request",
      args,
      account: requester,
    });
    return eventOf(receipt, market, "TaskRequested").taskId as Hex;
  }

  async function requestWithPermit(name: string, run: Run): Promise<void> {
    const wish = await wishFor(name, run, { approved: false });
    const [wallet] = wallets;
    const signature = await wallet.signTypedData({
      domain: {
        name: await token.read.name(),
        version: "1",
        chainId: await wallet.getChainId(),
        verifyingContract: token.address,
      },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: { owner: requester, spender: market.address, value: PRICE, nonce: 0n, deadline: DEADLINE },
    });
    const { r, s, yParity } = parseSignature(signature);
    const args = [wish, "0x", DEADLINE, 27 + yParity, r, s];
    await send("task-request-with-permit", {
      contract: market,
      functionName: "requestWithPermit",
      args,
      account: requester,
    });
  }

  /** Commits to a claim of a run; `reveal` opens it. */
  async function commit(name: string, run: Run, taskId: Hex) {
    const terms = {
      programRoot: await register(name, run.program),
      inputsRoot: inputsRootOf(run.inputs),
      steps: run.steps,
      traceMode: run.trace === "deferred" ? 1 : 0,
      operator: solver,
      taskId,
      moveFeeWei: fee,
    };
    const outputRoots = outputRootsOf(run);
    const hidden = {
      claimant: solver,
      traceRoot: traceRootOf(run),
      outputsHash: outputsHashOf(outputRoots),
      salt: SALT,
    };
    const claim: ClaimPreimage = { ...hidden, terms, bondWei: bond };
    const seal = sealOf(hidden);
    const call = { contract: claims, account: solver };
    const committed = await send("claim-commit", { ...call, functionName: "commit", args: [terms, seal], value: bond });
    const { claimId, revealBy } = eventOf(committed, claims, "ClaimCommitted") as { claimId: Hex; revealBy: bigint };
    return {
      forfeited: [solver, terms, bond, seal, revealBy],
      async reveal(): Promise<Claimed> {
        const args = [claim, revealBy, outputRoots, outputsShownOf(run)];
        const revealed = await send("claim-reveal", { ...call, functionName: "reveal", args });
        const { challengeUntil } = eventOf(revealed, claims, "ClaimRevealed") as { challengeUntil: bigint };
        const name = claimNameOf(chainId, claims.address, claim);
        return { claim, name, claimId, taskId, challengeUntil };
      },
    };
  }

  /** Request, acceptance, commit, reveal and delivery of a run. */
  async function claim(name: string, run: Run): Promise<Claimed> {
    const taskId = await request(name, run);
    const call = { contract: market, account: solver };
    await send("task-accept", { ...call, functionName: "accept", args: [taskId] });
    const { reveal } = await commit(name, run, taskId);
    const claimed = await reveal();
    await send("task-deliver", { ...call, functionName: "deliver", args: [taskId, claimed.claim] });
    return claimed;
  }

  /** Until nobody can dispute the claim any more. */
  async function passClaim({ challengeUntil }: Claimed): Promise<void> {
    passUntil(challengeUntil + (await claims.read.proofRevealSeconds()) + 1n);
  }

  /** A claim that nobody disputes, to its end. */
  async function honest(name: string, run: Run): Promise<void> {
    const claimed = await claim(name, run);
    await passClaim(claimed);
    const account = solver;
    await send("claim-finalize", { contract: claims, functionName: "finalize", args: [claimed.claim], account });
    await send("task-settle", { contract: market, functionName: "settle", args: [claimed.taskId], account });
    await send("withdraw", { contract: claims, functionName: "withdraw", args: [], account });
  }

  /** What ends without a claim that is revealed, and mirrors. Takes the chain beyond every other deadline. */
  async function abandoned(name: string, run: Run): Promise<void> {
    const root = await register(name, run.program);
    const account = requester;
    const mirror = { contract: programs, functionName: "mirror", args: [root, [`lockstep:${SALT}`]], account };
    await send("program-mirror", mirror);
    await requestWithPermit(name, run);
    const cancelled = await request(name, run);
    await send("task-cancel", { contract: market, functionName: "cancel", args: [cancelled], account });
    const { forfeited } = await commit(name, run, zeroHash);
    pass(BigInt(await claims.read.revealSeconds()) + 1n);
    await send("forfeit", { contract: claims, functionName: "forfeit", args: forfeited, account });
    const taskId = await request(name, run, REFUND_AFTER);
    passUntil(REFUND_AFTER + 1n);
    await send("task-refund", { contract: market, functionName: "refund", args: [taskId], account });
  }

  /** Measures the gas that a contract executes for a call, without the transaction around it. */
  async function probe(target: Address): Promise<(data: Hex) => Promise<number>> {
    const { contractAddress } = await transact(null, probeCode(target), requester);
    if (contractAddress == null) throw new BenchError("the probe was not deployed");
    return async (calldata) => {
      const { data: used = "0x" } = await client.call({ to: contractAddress, data: calldata, gas: GAS_LIMIT });
      if (used === "0x") throw new BenchError("a referee refused what was probed");
      return Number(hexToBigInt(used));
    };
  }

  return {
    accounts: { requester, solver, challenger, second, third },
    contracts: { claims, game, market, referee, structureReferee },
    chainId,
    pass,
    takeSnapshot: networkHelpers.takeSnapshot,
    transact,
    send,
    eventOf,
    claim,
    passClaim,
    honest,
    abandoned,
    probe,
  };
}

/**
 * Creation code of a contract that calls `target` with the calldata it gets and returns the gas that the call used; nothing if
 * the call failed.
 */
function probeCode(target: Address): Hex {
  const copyCalldata = "365f5f37"; // CALLDATACOPY(0, 0, CALLDATASIZE)
  const call = `5a5f5f365f73${target.slice(2)}5afa5a`; // GAS, STATICCALL(GAS, target, 0, CALLDATASIZE, 0, 0), GAS
  const orNothing = "919060275700"; // as before - after, success; JUMPI over STOP
  const answer = "5b035f5260205ff3"; // JUMPDEST, RETURN(before - after)
  const creation = "602f8060095f395ff3"; // RETURN of the 47 bytes that follow
  return `0x${creation}${copyCalldata}${call}${orNothing}${answer}`;
}
