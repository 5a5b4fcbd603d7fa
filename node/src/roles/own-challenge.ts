/** The challenges that a node itself has of a claim: which of them is played on, and how a move of its own is sent. */
import { tryToSend, type NodeContext } from "./node-context.ts";
import { challengerCall, claimNameOf, type ChallengerMove } from "./players/index.ts";
import { preimageOf, type Challenge, type Claim } from "./views.ts";

/** Demands that the game takes in one challenge. */
const MAX_DEMANDS = 16;

/** The latest that has not ended. */
export function openOf(own: readonly Challenge[]): Challenge | undefined {
  return own.findLast(({ ended }) => !ended);
}

/** The latest that has not ended and takes another demand. */
export function usableOf(own: readonly Challenge[]): Challenge | undefined {
  const demands = ({ moves }: Challenge) => moves.filter(({ kind }) => kind === "demand").length;
  return own.findLast((challenge) => !challenge.ended && demands(challenge) < MAX_DEMANDS);
}

/** The smallest nonce that none of them has used. */
export function nextNonce(own: readonly Challenge[]): bigint {
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
  const { client, protocol } = context;
  const played = usableOf(own);
  const nonce = played?.nonce ?? nextNonce(own);
  const preimage = preimageOf(claim);
  const name = claimNameOf(await client.getChainId(), protocol.claims.address, preimage);
  const call = { ...protocol.game, ...challengerCall(preimage, name, nonce, move) };
  if (played !== undefined) {
    await tryToSend(context, `${move.kind}:${played.challengeId}:${played.moves.length}`, call);
    return;
  }
  const args = [claim.moveFeeWei] as const;
  const valueWei = await client.readContract({ ...protocol.game, functionName: "depositOf", args });
  await tryToSend(context, `challenge:${claim.claimId}:${nonce}`, { ...call, valueWei });
}
