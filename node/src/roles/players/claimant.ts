/**
 * The honest claimant (docs/dispute.md, "How an honest party plays"). Its one rule: whatever is demanded, open it.
 *
 * Invariants it stands on: the game lets only nodes be demanded that lie under the claim's roots and cover a leaf, so its run
 * holds the preimage of each; an answer is determined by the position alone, so anyone with the same run may give it, in any
 * order, and a restarted claimant gives the same; an answer never helps to prove a run wrong that is right. So it can lose
 * by silence for a whole clock only, and answers the demand whose deadline is nearest first.
 */
import { openingOf, SECTION, stepOpeningOf, type Position, type Run } from "../../engine/index.ts";
import { isSupply, openSupply } from "./supply.ts";
import type { ClaimantMove, GamePosition } from "./moves.ts";

/** The answer to a demand. Throws PositionError or SupplyPositionError for a position that the claim does not have. */
export function claimantMove(own: Run, demanded: GamePosition): ClaimantMove {
  if (isSupply(demanded)) return answered(openSupply(own, demanded));
  // The game and `openingOf` refuse the sections that do not exist.
  const position = demanded as Position;
  if (position.section === SECTION.steps && position.height === 0) {
    return { kind: "openStep", ...stepOpeningOf(own, position.index) };
  }
  return answered(openingOf(own, position));
}

function answered(opened: ReturnType<typeof openingOf>): ClaimantMove {
  return opened.kind === "chunk" ? { kind: "openChunk", chunk: opened.chunk } : { kind: "open", nodes: opened.nodes };
}
