// Plays several worlds and says what happened in them, and which moves and endings must have.
import { createRandom } from "./random.ts";

export interface World {
  seed: number;
  audited: boolean;
}

/** As many worlds from a seed, every other one with an auditor. */
export function worldsFrom(seed: number, count: number): World[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => ({ seed: random.below(2 ** 32), audited: i % 2 === 1 }));
}

const MOVES =
  "commit reveal forfeit void finalize challenge demand descend enter open openChunk openStep prove timeout close commitProof " +
  "revealProof forfeitProof settleBounty withdraw hold refused";

const SECTIONS = [0, 1, 2, 3, 4, 5, 6, 7].map((section) => `demanded in section ${section}`);

/** Refusals that each stand for a rule of the game. */
const REFUSALS =
  "AuditRunning BountyHeld BountyNotHeld ChallengeExists ChallengesOpen ClaimExists ClockExpired ClockRunning CommitmentLive " +
  "DemandsExhausted FinalityTooEarly NotAuditor OpenedNodeMismatch OpeningMismatch PostingNotAllowed ProofAlreadyCommitted " +
  "ProofNotCommitted ProofRevealClosed ProofRevealPending ProofTooEarly PostedRootMismatch ScratchRootNotPosted ScratchRootUnknown WindowClosed " +
  "WrongTurn WrongValue";

/** Everything that play must have come to, by the names of its counts. */
export const MUST_HAPPEN: string[] = [
  ...MOVES.split(" "),
  ...SECTIONS,
  ...SECTIONS.map((section) => `${section}, deferred`),
  ...REFUSALS.split(" ").map((error) => `refused ${error}`),
  "claim final, right",
  "claim final, right, deferred",
  "claim final, wrong",
  "claim final, wrong, deferred",
  "claim forfeited, wrong",
  "claim forfeited, wrong, deferred",
  "claim voided, right",
  "claim voided, wrong",
  "claim slashed by prove",
  "claim slashed by prove, deferred",
  "claim slashed by timeout",
  "claim slashed by timeout, deferred",
  "claim slashed by revealProof",
  "claim slashed by revealProof, deferred",
  "challenge won by prove",
  "challenge won by revealProof",
  "challenge won by timeout",
  "challenge lost by timeout",
  "challenge refunded by close",
  "bounty paid at once",
  "bounty held",
  "bounty taken by an earlier commitment",
  "revealed without bounty",
  "demand that the bond no longer pays",
  "ended in the last second",
  "step of a deferred trace opened by the claimant",
  "step of a deferred trace opened by another",
];
