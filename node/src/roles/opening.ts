/** How a demanded node is opened on chain: by a claimant for its own claim, by a watchtower for one that is away. */
import type { Call } from "../chain/sender.ts";
import type { Run } from "../engine/index.ts";
import type { NodeContext } from "./node-context.ts";
import { claimantCall, claimantMove } from "./players/index.ts";
import { preimageOf, type Challenge, type Claim, type Move } from "./views.ts";

/** The call that opens a demanded node from a run. */
export function openingCall(
  { protocol }: NodeContext,
  claim: Claim,
  { challenger, nonce }: Challenge,
  demand: Extract<Move, { kind: "demand" }>,
  run: Run,
): Call {
  const move = claimantMove(run, demand.position);
  return { ...protocol.game, ...claimantCall(preimageOf(claim), claim.claimId, challenger, nonce, move) };
}
