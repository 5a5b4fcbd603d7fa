// Disputes on the chain that gas is measured on: walked move by move by the players of the node, and proven directly; and how
// challenges end that are not won by a proof.
import { encodeAbiParameters, encodeFunctionData, keccak256, parseAbiParameters, type Address, type Hex } from "viem";
import { encodeProof, findFraud, traceRootOf, type FraudProof, type Opening, type Run } from "@lockstep/node/engine";
import {
  challengerCall,
  challengerMove,
  claimantCall,
  claimantMove,
  provenStep,
  stepOpenings,
  type ChallengerMove,
  type GameCall,
  type GamePosition,
} from "@lockstep/node/players";
import type { Claimed, GasChain } from "./gas-chain.ts";
import type { Lie } from "./gas-lies.ts";
import { BenchError } from "./rows.ts";

const SALT = keccak256("0x5a");
const NONCE = 1n;
/** Of commitments without a challenge. */
const NO_CHALLENGE = 0n;

/** An honest run, and one of the same program with a lie in it. */
export interface Dispute {
  /** Of the program, in the names of rows. */
  readonly name: string;
  readonly own: Run;
  readonly lying: Run;
}

/** A challenge under way. */
interface Walk {
  readonly dispute: Dispute;
  readonly claimed: Claimed;
  readonly challenger: Address;
  /** All that was opened for the claim, in whichever challenge. */
  readonly openings: Opening[];
  /** The gas of each move, in order. */
  readonly spent: number[];
  opened: number;
  isOpen: boolean;
  standing: GamePosition | null;
}

/** What a demand is called in the rows: `demand` is the most that one of those that a lone challenger makes used. */
const MOVE_ROWS: Readonly<Record<Exclude<ChallengerMove["kind"], "prove">, readonly string[]>> = {
  challenge: ["challenge"],
  demand: ["demand-absolute"],
  descend: ["demand", "demand-relative"],
  enter: ["demand", "demand-enter"],
};

export type Disputes = ReturnType<typeof disputesOn>;

/** Disputes on a chain; `total` hears what a whole dispute used, and each of its moves. */
export function disputesOn(chain: GasChain, total: (row: string, used: number, moves?: readonly number[]) => void) {
  const { contracts, accounts, send, eventOf, claim, passClaim } = chain;
  const { game } = contracts;

  const call = (account: Address, { functionName, args }: GameCall, value?: bigint) => ({
    contract: game,
    functionName,
    args,
    account,
    ...(value === undefined ? {} : { value }),
  });

  function startWalk(dispute: Dispute, claimed: Claimed, challenger: Address, openings: Opening[] = []): Walk {
    return { dispute, claimed, challenger, openings, spent: [], opened: 0, isOpen: false, standing: null };
  }

  function nextMove({ dispute, openings, isOpen, standing }: Walk): ChallengerMove {
    const traceRoot = traceRootOf(dispute.lying);
    const move = challengerMove(dispute.own, { traceRoot, openings, challenging: isOpen, standing });
    if (move.kind === "agree") throw new NoLieError(dispute.name);
    return move;
  }

  /** Sends a demand, or the challenge that begins with it; the node demanded. */
  async function demand(
    walk: Walk,
    move: Exclude<ChallengerMove, { kind: "prove" }>,
    row?: string,
  ): Promise<GamePosition> {
    const { claimed, challenger } = walk;
    const value = move.kind === "challenge" ? await game.read.depositOf([claimed.claim.terms.moveFeeWei]) : undefined;
    const sent = challengerCall(claimed.claim, claimed.name, NONCE, move);
    const receipt = await send(row ?? MOVE_ROWS[move.kind], call(challenger, sent, value));
    walk.spent.push(Number(receipt.gasUsed));
    walk.isOpen = true;
    return eventOf(receipt, game, "NodeDemanded").position as GamePosition;
  }

  /** The claimant's answer. */
  async function answer(walk: Walk, position: GamePosition): Promise<void> {
    const { dispute, claimed, challenger, openings } = walk;
    const { lying } = dispute;
    const move = claimantMove(lying, position);
    const step = lying.trace === "deferred" ? "open-step-deferred" : "open-step";
    const row = { open: "opening", openChunk: "open-chunk", openStep: step }[move.kind];
    const sent = claimantCall(claimed.claim, claimed.claimId, challenger, NONCE, move);
    const receipt = await send(row, call(accounts.solver, sent));
    walk.spent.push(Number(receipt.gasUsed));
    walk.opened += 1;
    const at = position as Opening["position"];
    if (move.kind === "openStep") openings.push(...stepOpenings(lying, position.index, move));
    else if (move.kind === "open") openings.push({ position: at, kind: "nodes", nodes: move.nodes });
    else openings.push({ position: at, kind: "chunk", chunk: move.chunk });
    const challengeId = await game.read.challengeIdOf([claimed.claimId, challenger, NONCE]);
    walk.standing = (await game.read.challengeOf([challengeId])).position;
  }

  async function prove({ claimed, challenger }: Walk, fraud: FraudProof): Promise<void> {
    await send("prove", call(challenger, challengerCall(claimed.claim, claimed.name, NONCE, { kind: "prove", fraud })));
  }

  /** Commits to a proof; `reveal` gives it. */
  async function commitProof(
    { claim: preimage, claimId }: Claimed,
    fraud: FraudProof,
    account: Address,
    nonce: bigint,
  ) {
    const proof = encodeProof(fraud);
    const types = parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32");
    const commitment = keccak256(
      encodeAbiParameters(types, [
        BigInt(chain.chainId),
        game.address,
        claimId,
        account,
        SALT,
        fraud.kind,
        keccak256(proof),
      ]),
    );
    const value = await game.read.proofBondWei();
    const committing = { functionName: "commitProof", args: [claimId, nonce, commitment] };
    const { gasUsed } = await send("proof-commit", call(account, committing, value));
    const args = [preimage, fraud.kind, proof, provenStep(fraud), SALT];
    return {
      commitment,
      spent: Number(gasUsed),
      reveal: async () => {
        const revealed = await send("proof-reveal", call(account, { functionName: "revealProof", args }));
        return Number(revealed.gasUsed);
      },
    };
  }

  /** What the challenger won is withdrawn, so that every proof pays an account without credit, which costs most. */
  async function proveFraud(claimed: Claimed, fraud: FraudProof, nonce: bigint): Promise<number[]> {
    const { spent, reveal } = await commitProof(claimed, fraud, accounts.challenger, nonce);
    const used = [spent, await reveal()];
    await withdrawWon(accounts.challenger);
    return used;
  }

  async function withdrawWon(account: Address): Promise<void> {
    await send("withdraw-game", call(account, { functionName: "withdraw", args: [] }));
  }

  /** A whole dispute, move by move. Its proof is committed and revealed, and, on a branch, given in the challenge. */
  async function walk(dispute: Dispute): Promise<void> {
    const { name, lying } = dispute;
    const claimed = await claim(name, lying);
    const walked = startWalk(dispute, claimed, accounts.challenger);
    for (;;) {
      const move = nextMove(walked);
      if (move.kind === "prove") {
        const branch = await chain.takeSnapshot();
        await prove(walked, move.fraud);
        await branch.restore();
        const spent = [...walked.spent, ...(await proveFraud(claimed, move.fraud, NONCE))];
        total(`dispute-openings-${name}`, walked.opened);
        total(`dispute-interactive-${name}`, sumOf(spent), spent);
        return;
      }
      await answer(walked, await demand(walked, move));
    }
  }

  /** The same lie in one direct proof. */
  async function direct(dispute: Dispute): Promise<void> {
    const claimed = await claim(dispute.name, dispute.lying);
    const spent = await proveFraud(claimed, fraudIn(dispute), NO_CHALLENGE);
    total(`dispute-direct-${dispute.name}`, sumOf(spent), spent);
  }

  /**
   * Two challengers of one claim: the second joins where the first has got to, and the first goes on below what the second had
   * opened. Both show their nodes under the trace root.
   */
  async function joined(dispute: Dispute): Promise<void> {
    const claimed = await claim(dispute.name, dispute.lying);
    const first = startWalk(dispute, claimed, accounts.challenger);
    const other = startWalk(dispute, claimed, accounts.second, first.openings);
    const advance = async (walked: Walk, row?: string): Promise<boolean> => {
      const move = nextMove(walked);
      if (move.kind === "prove") return false;
      await answer(walked, await demand(walked, move, row));
      return true;
    };
    while (first.openings.length < JOINED_AFTER) if (!(await advance(first))) return;
    if (await advance(other, "challenge-joining")) await advance(first);
  }

  /** One leaf alone, as a transaction to the referee. */
  async function leaf(row: string, { fraud, claim: view, proof }: Lie): Promise<void> {
    const contract = contracts.referee;
    const args = [fraud.kind, view, proof];
    await send(row, { contract, functionName: "prove", args, account: accounts.requester });
  }

  /** A bounty held for an earlier commitment that is never revealed; a second challenge, closed; the reopened task. */
  async function heldBounty(dispute: Dispute): Promise<void> {
    const claimed = await claim(dispute.name, dispute.lying);
    const { claimId } = claimed;
    const account = accounts.second;
    const { commitment } = await commitProof(claimed, fraudIn(dispute), account, NO_CHALLENGE);
    const winning = startWalk(dispute, claimed, accounts.challenger);
    const closed = startWalk(dispute, claimed, account);
    for (const walked of [winning, closed]) await demand(walked, requireDemand(dispute.name, nextMove(walked)));
    await prove(winning, fraudIn(dispute));
    await withdrawWon(accounts.challenger);
    await send("close", call(account, { functionName: "close", args: [claimed.claim, account, NONCE] }));
    const settle = { contract: contracts.market, functionName: "settle", args: [claimed.taskId], account };
    await send("task-reopen", settle);
    await passClaim(claimed);
    await send("settle-bounty", call(account, { functionName: "settleBounty", args: [claimId] }));
    await send("proof-forfeit", call(account, { functionName: "forfeitProof", args: [claimId, account, commitment] }));
  }

  /** Two challenges that time out: of one that does not go on after its first opening, then of one that is not answered. */
  async function timeouts(dispute: Dispute): Promise<void> {
    const claimed = await claim(dispute.name, dispute.lying);
    const idle = startWalk(dispute, claimed, accounts.second);
    await answer(idle, await demand(idle, requireDemand(dispute.name, nextMove(idle))));
    const asking = startWalk(dispute, claimed, accounts.third);
    await demand(asking, requireDemand(dispute.name, nextMove(asking)));
    chain.pass(BigInt(await game.read.clockSeconds()) + 1n);
    for (const { challenger } of [idle, asking]) {
      const args = [claimed.claim, challenger, NONCE];
      await send("timeout", call(accounts.requester, { functionName: "timeout", args }));
    }
  }

  return { walk, direct, joined, leaf, heldBounty, timeouts };
}

/** Openings, those of a step counted twice, after which a second challenger joins: it begins inside a step's tree. */
const JOINED_AFTER = 4;

/** The calldata of a proof as a referee takes it. */
export function judgeCall({ referee, structureReferee }: GasChain["contracts"], { fraud, claim, proof }: Lie): Hex {
  const { abi } = fraud.kind === 0 ? referee : structureReferee;
  return encodeFunctionData({ abi, functionName: "prove", args: [fraud.kind, claim, proof] });
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function requireDemand(name: string, move: ChallengerMove): Exclude<ChallengerMove, { kind: "prove" }> {
  if (move.kind === "prove") throw new NoLieError(name);
  return move;
}

function fraudIn({ name, own, lying }: Dispute): FraudProof {
  const fraud = findFraud(own, lying);
  if (fraud === null) throw new NoLieError(name);
  return fraud;
}

/** A run was to lie and does not. */
class NoLieError extends BenchError {
  constructor(name: string) {
    super(`the run of ${name} holds no lie that a walk would find`);
  }
}
