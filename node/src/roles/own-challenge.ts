/**
 * The challenges that a node itself has of a claim: which of them is played on, how a move of its own is sent, and how it
 * keeps enough of them for what it may still have to demand when none can be opened any more.
 */
import { zeroHash } from "viem";
import type { Head } from "../chain/reader.ts";
import { evidenceOf, traceRootPosition } from "../engine/index.ts";
import type { Program } from "../ir/index.ts";
import { tryToSend, type NodeContext } from "./node-context.ts";
import { challengerCall, claimNameOf, type ChallengerMove } from "./players/index.ts";
import { deadlineOf, pendingDemand, preimageOf, type Challenge, type Claim } from "./views.ts";

/** Demands that the game takes in one challenge. */
export const MAX_DEMANDS = 16;
// What is left of the window when the challenges are opened that may be needed after it: most claims are decided before,
// and the clocks of those that wait run from here on.
const RESERVE_PART_OF_WINDOW = 8;

/** The latest that has not ended. */
export function openOf(own: readonly Challenge[]): Challenge | undefined {
  return own.findLast(({ ended }) => !ended);
}

/**
 * One that has not ended and takes another demand: of those in which it is this node's turn the one whose clock runs out
 * first, so that none is lost while another is played on; else one that waits for an answer.
 */
export function usableOf(own: readonly Challenge[]): Challenge | undefined {
  const demands = ({ moves }: Challenge) => moves.filter(({ kind }) => kind === "demand").length;
  const usable = own.filter((challenge) => !challenge.ended && demands(challenge) < MAX_DEMANDS);
  const turns = usable.filter((challenge) => pendingDemand(challenge) === undefined);
  return turns.toSorted((one, other) => deadlineOf(one) - deadlineOf(other))[0] ?? usable.at(-1);
}

/** Whether so little is left of a claim's window that what may be needed after it is opened now. */
export async function isClosing({ client, protocol }: NodeContext, claim: Claim, head: Head): Promise<boolean> {
  const left = (claim.challengeUntil ?? 0) - head.time;
  if (left < 0) return false;
  const windowSeconds = await client.readContract({ ...protocol.claims, functionName: "windowSeconds" });
  return left * RESERVE_PART_OF_WINDOW <= Number(windowSeconds);
}

/** Opens challenges at the trace root until those that have not ended take so many demands in all. */
export async function openReserve(
  context: NodeContext,
  claim: Claim,
  program: Program,
  own: readonly Pick<Challenge, "nonce" | "ended">[],
  demands: number,
): Promise<void> {
  const { steps, traceRoot = zeroHash } = claim;
  const position = traceRootPosition({ program, steps });
  // A node above the steps leads into no tree whose size has to be shown.
  const summary = position.height > 0 ? "0x" : evidenceOf(program).summary;
  const shown = { summary, record: "0x", recordSiblings: [], interfaceTable: "0x" } as const;
  const demand = { position, node: traceRoot, path: [], shown };
  const all = [...own];
  while (all.filter(({ ended }) => !ended).length * MAX_DEMANDS < demands) {
    const nonce = nextNonce(all);
    await openChallenge(context, claim, nonce, { kind: "challenge", demand });
    all.push({ nonce, ended: false });
  }
}

/** The smallest nonce that none of them has used. */
export function nextNonce(own: readonly Pick<Challenge, "nonce">[]): bigint {
  const used = new Set(own.map(({ nonce }) => nonce));
  let nonce = 0n;
  while (used.has(nonce)) nonce += 1n;
  return nonce;
}

/** Sends a move in the usable one of its challenges, or opens the next one with it. */
export async function sendMove(
  context: NodeContext,
  claim: Claim,
  own: readonly Challenge[],
  move: ChallengerMove,
): Promise<void> {
  const played = usableOf(own);
  if (played === undefined) return openChallenge(context, claim, nextNonce(own), move);
  const call = await callOf(context, claim, played.nonce, move);
  await tryToSend(context, `${move.kind}:${played.challengeId}:${played.moves.length}`, call);
}

async function openChallenge(context: NodeContext, claim: Claim, nonce: bigint, move: ChallengerMove): Promise<void> {
  const { client, protocol } = context;
  const args = [claim.moveFeeWei] as const;
  const valueWei = await client.readContract({ ...protocol.game, functionName: "depositOf", args });
  const call = await callOf(context, claim, nonce, move);
  await tryToSend(context, `challenge:${claim.claimId}:${nonce}`, { ...call, valueWei });
}

async function callOf({ client, protocol }: NodeContext, claim: Claim, nonce: bigint, move: ChallengerMove) {
  const preimage = preimageOf(claim);
  const name = claimNameOf(await client.getChainId(), protocol.claims.address, preimage);
  return { ...protocol.game, ...challengerCall(preimage, name, nonce, move) };
}
