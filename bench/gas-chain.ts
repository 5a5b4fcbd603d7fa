// The chain that gas is measured on: the contracts as they are deployed, with the rules of mainnet (Osaka), and whole
// lives of claims on it. Every transaction reports its gas under the name of its kind.
import { network, tasks } from "hardhat";
import {
  bytesToHex,
  encodeAbiParameters,
  encodeFunctionData,
  hexToBytes,
  keccak256,
  parseAbiParameters,
  parseEther,
  parseSignature,
  zeroAddress,
  zeroHash,
  type Address,
  type Hex,
} from "viem";
import { encodeProof, findFraud, inputsRootOf } from "@lockstep/node/engine";
import { answerDemand, nextAction, outputRootsOf, outputsShownOf, traceRootOf } from "@lockstep/node/engine";
import type { Demand, FraudProof, Opening, Run } from "@lockstep/node/engine";
import { encodeProgram } from "@lockstep/node/ir";
import type { Program } from "@lockstep/node/ir";
import lockstep from "../ignition/modules/Lockstep.ts";

const SALT = keccak256("0x5a");
const PRICE = parseEther("5");
// The same in every run: ids hash them, and calldata costs by the bytes of ids. The task that is refunded has the earlier.
const DEADLINE = 2n ** 40n;
const REFUND_AFTER = 2n ** 33n;

/** An honest run, and one of the same program with a lie in it. */
export interface Dispute {
  /** Of the program, in the names of rows. */
  readonly name: string;
  readonly own: Run;
  readonly lying: Run;
}

export type GasChain = Awaited<ReturnType<typeof openChain>>;

/** Builds and deploys; `report` hears what each transaction used. */
export async function openChain(report: (name: string, used: bigint) => void) {
  await tasks.getTask("build").run({ quiet: true }); // what is measured is what the sources say
  const { viem, networkHelpers, ignition } = await network.create();
  const deployed = await ignition.deploy(lockstep);
  const {
    token,
    programRegistry: programs,
    claimRegistry: claims,
    disputeGame: game,
    taskMarket: market,
    referee,
  } = deployed;
  const client = await viem.getPublicClient();
  const wallets = await viem.getWalletClients();
  const [requester, solver, challenger, second, third] = wallets.map(({ account }) => account.address);
  const bond = await claims.read.minBondWei();
  const fee = await claims.read.minMoveFeeWei();
  const registered = new Set<Hex>();

  const used = async (hash: Hex): Promise<bigint> => (await client.getTransactionReceipt({ hash })).gasUsed;
  const row = async (name: string, hash: Hex): Promise<bigint> => {
    const spent = await used(hash);
    report(name, spent);
    return spent;
  };

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
    ] as const;
    await row(`program-register-${name}`, await programs.write.register([...parts, [`lockstep:${SALT}`]]));
    return root;
  }

  /** What a request says; the price is there and, unless a permit is to do it, approved. */
  async function wishFor(name: string, run: Run, { deadline = DEADLINE, approved = true } = {}) {
    const programRoot = await register(name, run.program);
    const inputsRoot = inputsRootOf(run.inputs);
    if ((await token.read.balanceOf([requester])) < PRICE) await token.write.mint([requester, PRICE]);
    await token.write.approve([market.address, approved ? PRICE : 0n]);
    return { programRoot, inputsRoot, steps: run.steps, price: PRICE, deadline, solver: zeroAddress };
  }

  async function request(name: string, run: Run, deadline?: bigint): Promise<Hex> {
    const wish = await wishFor(name, run, { deadline });
    await row("task-request", await market.write.request([wish, "0x"]));
    const [requested] = await market.getEvents.TaskRequested({}, { fromBlock: "latest" });
    return requested.args.taskId!;
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
    const args = [wish, "0x", DEADLINE, 27 + yParity, r, s] as const;
    await row("task-request-with-permit", await market.write.requestWithPermit(args));
  }

  /** Commits to a claim of a run; `reveal` opens it. */
  async function commit(name: string, run: Run, taskId: Hex) {
    const programRoot = await register(name, run.program);
    const inputsRoot = inputsRootOf(run.inputs);
    const [traceRoot, outputRoots] = [traceRootOf(run), outputRootsOf(run)];
    const terms = {
      programRoot,
      inputsRoot,
      steps: run.steps,
      traceMode: 0,
      operator: solver,
      taskId,
      moveFeeWei: fee,
    };
    const seal = keccak256(
      encodeAbiParameters(parseAbiParameters("bytes32, bytes32[], bytes32"), [traceRoot, outputRoots, SALT]),
    );
    const account = solver;
    await row("claim-commit", await claims.write.commit([terms, seal], { account, value: bond }));
    const claimId = await claims.read.claimIdOf([solver, terms, seal, bond]);
    const opening = [claimId, terms, traceRoot, outputRoots, SALT, outputsShownOf(run)] as const;
    return { claimId, reveal: async () => row("claim-reveal", await claims.write.reveal(opening, { account })) };
  }

  /** Request, acceptance, commit, reveal and delivery of a run. */
  async function claim(name: string, run: Run): Promise<{ claimId: Hex; taskId: Hex }> {
    const taskId = await request(name, run);
    const account = solver;
    await row("task-accept", await market.write.accept([taskId], { account }));
    const { claimId, reveal } = await commit(name, run, taskId);
    await reveal();
    await row("task-deliver", await market.write.deliver([taskId, claimId], { account }));
    return { claimId, taskId };
  }

  async function challenge(claimId: Hex, account: Address): Promise<{ challengeId: Hex; spent: bigint }> {
    const value = await game.read.depositOf([claimId]);
    const spent = await row("challenge", await game.write.challenge([claimId], { account, value }));
    const [opened] = await game.getEvents.ChallengeOpened({}, { fromBlock: "latest" });
    return { challengeId: opened.args.challengeId!, spent };
  }

  async function demand(challengeId: Hex, { node, position, path, shown }: Demand, account: Address): Promise<bigint> {
    return row("demand", await game.write.demand([challengeId, node, position, path, shown], { account }));
  }

  async function prove(challengeId: Hex, fraud: FraudProof): Promise<void> {
    const args = [challengeId, fraud.kind, encodeProof(fraud)] as const;
    await row("prove", await game.write.prove(args, { account: challenger }));
  }

  async function openingsOf(claimId: Hex): Promise<Opening[]> {
    const nodes = await game.getEvents.NodeOpened({ claimId }, { fromBlock: 0n });
    const chunks = await game.getEvents.ChunkOpened({ claimId }, { fromBlock: 0n });
    const at = (position: unknown) => position as Opening["position"];
    return [
      ...nodes.map(({ args }): Opening => ({ position: at(args.position), kind: "nodes", nodes: args.nodes! })),
      ...chunks.map(({ args }): Opening => ({
        position: at(args.position),
        kind: "chunk",
        chunk: hexToBytes(args.chunk!),
      })),
    ];
  }

  /** Commits to a proof; `reveal` gives it. */
  async function commitProof(claimId: Hex, fraud: FraudProof, account: Address) {
    const proof = encodeProof(fraud);
    const commitment = keccak256(
      encodeAbiParameters(parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32"), [
        BigInt(await client.getChainId()),
        game.address,
        claimId,
        account,
        SALT,
        fraud.kind,
        keccak256(proof),
      ]),
    );
    const value = await game.read.proofBondWei();
    const spent = await row("proof-commit", await game.write.commitProof([claimId, commitment], { account, value }));
    const args = [claimId, fraud.kind, proof, SALT] as const;
    return {
      commitment,
      spent,
      reveal: async () => row("proof-reveal", await game.write.revealProof(args, { account })),
    };
  }

  /** What the challenger won is withdrawn, so that every proof pays an account without credit, which costs most. */
  async function proveFraud(claimId: Hex, fraud: FraudProof): Promise<bigint> {
    const { spent, reveal } = await commitProof(claimId, fraud, challenger);
    const total = spent + (await reveal());
    await withdrawWon(challenger);
    return total;
  }

  async function withdrawWon(account: Address): Promise<void> {
    await row("withdraw-game", await game.write.withdraw({ account }));
  }

  /** A claim that nobody disputes, to its end. */
  async function honest(name: string, run: Run): Promise<void> {
    const { claimId, taskId } = await claim(name, run);
    const { challengeUntil } = await claims.read.claimOf([claimId]);
    await networkHelpers.time.increaseTo(challengeUntil + (await claims.read.proofRevealSeconds()) + 1n);
    await row("claim-finalize", await claims.write.finalize([claimId]));
    await row("task-settle", await market.write.settle([taskId]));
    await row("withdraw", await claims.write.withdraw({ account: solver }));
  }

  /** A whole dispute, move by move. Its proof is committed and revealed, and, on a branch, given in the challenge. */
  async function walk({ name, own, lying }: Dispute): Promise<void> {
    const { claimId } = await claim(name, lying);
    const { challengeId, spent } = await challenge(claimId, challenger);
    let total = spent;
    for (let openings = 0; ; openings++) {
      const action = nextAction(own, traceRootOf(lying), await openingsOf(claimId));
      if (action.kind === "agree") throw new NoLieError(name);
      if (action.kind === "prove") {
        const branch = await networkHelpers.takeSnapshot();
        await prove(challengeId, action.fraud);
        await branch.restore();
        total += await proveFraud(claimId, action.fraud);
        report(`dispute-openings-${name}`, BigInt(openings));
        report(`dispute-interactive-${name}`, total);
        return;
      }
      total += await demand(challengeId, action.demand, challenger);
      const { node, position } = action.demand;
      const answer = answerDemand(lying, position);
      total +=
        answer.kind === "chunk"
          ? await row("open-chunk", await game.write.openChunk([challengeId, node, bytesToHex(answer.chunk)]))
          : await row("opening", await game.write.open([challengeId, node, answer.nodes]));
    }
  }

  /** The same lie in one direct proof. */
  async function direct(dispute: Dispute): Promise<void> {
    const { claimId } = await claim(dispute.name, dispute.lying);
    report(`dispute-direct-${dispute.name}`, await proveFraud(claimId, fraudIn(dispute)));
  }

  /** One leaf alone, as a transaction to the referee. */
  async function leaf(dispute: Dispute): Promise<bigint> {
    const { lying } = dispute;
    const fraud = fraudIn(dispute);
    const view = {
      programRoot: keccak256(encodeProgram(lying.program).summary),
      inputsRoot: inputsRootOf(lying.inputs),
      traceRoot: traceRootOf(lying),
      steps: lying.steps,
    };
    const args = [fraud.kind, view, encodeProof(fraud)] as const;
    const data = encodeFunctionData({ abi: referee.abi, functionName: "prove", args });
    return used(await wallets[0].sendTransaction({ to: referee.address, data }));
  }

  /** A bounty held for an earlier commitment that is never revealed; a second challenge, closed; the reopened task. */
  async function heldBounty(dispute: Dispute): Promise<void> {
    const { claimId, taskId } = await claim(dispute.name, dispute.lying);
    const fraud = fraudIn(dispute);
    const { commitment } = await commitProof(claimId, fraud, second);
    const { challengeId } = await challenge(claimId, challenger);
    const { challengeId: other } = await challenge(claimId, second);
    await prove(challengeId, fraud);
    await withdrawWon(challenger);
    await row("close", await game.write.close([other]));
    await row("task-reopen", await market.write.settle([taskId]));
    const { challengeUntil } = await claims.read.claimOf([claimId]);
    await networkHelpers.time.increaseTo(challengeUntil + (await claims.read.proofRevealSeconds()) + 1n);
    await row("settle-bounty", await game.write.settleBounty([claimId]));
    await row("proof-forfeit", await game.write.forfeitProof([claimId, second, commitment]));
  }

  /** Two challenges that time out: of one that never moves, then of one that the claimant does not answer. */
  async function timeouts({ name, own, lying }: Dispute): Promise<void> {
    const { claimId } = await claim(name, lying);
    const { challengeId: idle } = await challenge(claimId, second);
    const { challengeId: asking } = await challenge(claimId, third);
    const action = nextAction(own, traceRootOf(lying), []);
    if (action.kind !== "demand") throw new NoLieError(name);
    await demand(asking, action.demand, third);
    await networkHelpers.time.increase(BigInt(await game.read.clockSeconds()) + 1n);
    await row("timeout", await game.write.timeout([idle]));
    await row("timeout", await game.write.timeout([asking]));
  }

  /** What ends without a claim that is revealed, and mirrors. Takes the chain beyond every other deadline. */
  async function abandoned(name: string, run: Run): Promise<void> {
    const root = await register(name, run.program);
    await row("program-mirror", await programs.write.mirror([root, [`lockstep:${SALT}`]]));
    await requestWithPermit(name, run);
    await row("task-cancel", await market.write.cancel([await request(name, run)]));
    const { claimId } = await commit(name, run, zeroHash);
    await networkHelpers.time.increase(BigInt(await claims.read.revealSeconds()) + 1n);
    await row("forfeit", await claims.write.forfeit([claimId]));
    const taskId = await request(name, run, REFUND_AFTER);
    await networkHelpers.time.increaseTo(REFUND_AFTER + 1n);
    await row("task-refund", await market.write.refund([taskId]));
  }

  return { honest, walk, direct, leaf, heldBounty, timeouts, abandoned };
}

function fraudIn({ name, own, lying }: Dispute): FraudProof {
  const fraud = findFraud(own, lying);
  if (fraud === null) throw new NoLieError(name);
  return fraud;
}

/** A run was to lie and does not. */
class NoLieError extends Error {
  constructor(name: string) {
    super(`the run of ${name} holds no lie`);
  }
}
