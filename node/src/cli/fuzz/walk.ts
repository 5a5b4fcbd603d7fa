/**
 * Challenges of `lockstep dispute fuzz`, played by the players of the node on what the chain says: every demand is sent, and
 * what is opened is read from events, as a mirror would.
 */
import { hexToBytes, parseEventLogs, type Hex, type TransactionReceipt } from "viem";
import { segmentAt, type FraudProof, type Opening, type Position, type Run } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { treeDepth } from "../../merkle/index.ts";
import {
  challengerCall,
  challengerMove,
  claimantCall,
  claimantMove,
  isSupply,
  stepOpenings,
  type ChallengerMove,
  type GameOpening,
  type GamePosition,
} from "../../roles/players/index.ts";
import type { FuzzChain, Party } from "./chain.ts";
import { FuzzFailure, type Claimed } from "./claims.ts";

/** A challenge as its challenger knows it. */
export interface Challenge {
  readonly claimed: Claimed;
  readonly challenger: Party;
  readonly nonce: bigint;
  /** Of the trace, and of what stands beside it. */
  readonly openings: Opening[];
  readonly supplies: GameOpening[];
  isOpen: boolean;
  standing: GamePosition | null;
  /** Answers so far. */
  rounds: number;
}

/** A move that is no proof. */
export type Demanding = Exclude<ChallengerMove, { kind: "prove" }>;

/** A challenge that is not open yet. */
export function challengeOf(claimed: Claimed, challenger: Party, nonce: bigint): Challenge {
  return { claimed, challenger, nonce, openings: [], supplies: [], isOpen: false, standing: null, rounds: 0 };
}

/** The challenger's next move; null where its run gives it none, or where it is the wrong one and finds nothing to prove. */
export function decide(challenge: Challenge, own: Run): ChallengerMove | null {
  const { claimed, openings, isOpen, standing } = challenge;
  const { traceRoot } = claimed.claim;
  try {
    const move = challengerMove(own, { traceRoot, openings, challenging: isOpen, standing });
    return move.kind === "agree" ? null : move;
  } catch (error) {
    if (error instanceof LockstepError && ["NothingToProveError", "DisagreedOperandError"].includes(error.name)) {
      return null;
    }
    throw error;
  }
}

/** Sends a demand, or the challenge that begins with it; the node demanded. */
export async function ask(chain: FuzzChain, challenge: Challenge, move: Demanding): Promise<GamePosition> {
  const { game } = chain.protocol;
  const { claimed, challenger, nonce } = challenge;
  const { claim, name } = claimed;
  const deposit = { ...game, functionName: "depositOf", args: [claim.terms.moveFeeWei] };
  const value = move.kind === "challenge" ? { valueWei: await chain.constant<bigint>(deposit) } : {};
  const { logs } = await chain.send(challenger, {
    ...game,
    ...challengerCall(claim, name, nonce, move),
    ...value,
  });
  const [demanded] = parseEventLogs({ abi: game.abi, eventName: "NodeDemanded", logs });
  if (demanded === undefined) throw new FuzzFailure("lie", "a demand was sent and no node demanded");
  challenge.isOpen = true;
  return demanded.args.position;
}

/** Answers a demand with what a run holds. */
export async function answer(
  chain: FuzzChain,
  challenge: Challenge,
  position: GamePosition,
  run: Run,
  opener: Party,
): Promise<void> {
  const { game } = chain.protocol;
  const call = answerCall(chain, challenge, position, run);
  const receipt = await chain.send(opener, { ...game, ...call });
  challenge.rounds += 1;
  challenge.standing = position;
  learn(challenge, receipt, run, game.abi);
}

/** The call that answers a demand with what a run holds. */
export function answerCall({ address }: FuzzChain, challenge: Challenge, position: GamePosition, run: Run) {
  const { claimed, challenger, nonce } = challenge;
  return claimantCall(claimed.claim, claimed.claimId, address(challenger), nonce, claimantMove(run, position));
}

/** Demands and answers until the challenger has its proof, or none (null); or until `stop` says so after a demand (null). */
export async function walk(
  chain: FuzzChain,
  challenge: Challenge,
  own: Run,
  claimant: Run,
  { opener, stop = () => false }: { opener: (round: number) => Party; stop?: (round: number) => boolean },
): Promise<FraudProof | null> {
  for (;;) {
    const move = decide(challenge, own);
    if (move === null) return null;
    if (move.kind === "prove") return move.fraud;
    const position = await ask(chain, challenge, move);
    if (stop(challenge.rounds)) return null;
    await answer(chain, challenge, position, claimant, opener(challenge.rounds));
  }
}

// Both sides' programs and numbers of steps are the same, so either run tells the shape of the trace.
function learn(
  challenge: Challenge,
  { logs }: TransactionReceipt,
  run: Run,
  abi: FuzzChain["protocol"]["game"]["abi"],
) {
  for (const { args } of parseEventLogs({ abi, eventName: "StepOpened", logs })) {
    const { step, stateRoot, scratchRoot, nodes } = args;
    challenge.openings.push(...stepOpenings(run, step, { kind: "openStep", stateRoot, scratchRoot, nodes }));
    const height = treeDepth(segmentAt(run, step).records.length);
    challenge.standing = { section: 1, height, step, item: 0, index: 0 };
  }
  for (const { args } of parseEventLogs({ abi, eventName: "NodeOpened", logs })) {
    keep(challenge, args.position, { kind: "nodes", nodes: args.nodes });
  }
  for (const { args } of parseEventLogs({ abi, eventName: "ChunkOpened", logs })) {
    keep(challenge, args.position, { kind: "chunk", chunk: hexToBytes(args.chunk) });
  }
}

type Shown = { kind: "nodes"; nodes: readonly Hex[] } | { kind: "chunk"; chunk: Uint8Array };

function keep({ openings, supplies }: Challenge, position: GamePosition, opened: Shown): void {
  if (isSupply(position)) supplies.push({ position, ...opened });
  else openings.push({ position: position as Position, ...opened });
}
