// The state of claims, challenges and commitments as docs/dispute.md tells of it, without storage words, hashes or gas; and every
// call there is. What a call may break is in rules.ts, what it changes in changes.ts.
import type { Hex } from "viem";

import type { Case, Proof } from "./cases.ts";
import type { Move, Site } from "./sites.ts";

export const MAX_DEMANDS = 16;

export interface Parameters {
  minBondWei: bigint;
  minMoveFeeWei: bigint;
  revealSeconds: number;
  windowSeconds: number;
  proofRevealSeconds: number;
  challengeFloorWei: bigint;
  proofBondWei: bigint;
  clockSeconds: number;
}

export type ClaimPhase = "new" | "committed" | "revealed" | "final" | "slashed" | "forfeited" | "voided";
export type ChallengePhase = "new" | "challenger" | "claimant" | "won" | "lost" | "refunded";

export interface Claim {
  number: number;
  of: Case;
  claimant: number;
  /** May post scratch roots beside the claimant; null for none. */
  operator: number | null;
  moveFeeWei: bigint;
  bondWei: bigint;
  salt: Hex;
  id: Hex;
  /** All of the id but the program. */
  body: Hex;
  seal: Hex;
  phase: ClaimPhase;
  revealBy: number;
  revealedAt: number;
  challengeUntil: number;
  slashedAt: number;
  openChallenges: number;
  paidDemands: number;
  commitments: number;
  pendingProofs: number;
  /** No commitment up to this sequence is pending. */
  endedThrough: number;
  bounty: { winner: number; sequence: number; settleAfter: number } | null;
  posted: Map<number, Hex>;
  /** The commitment that slashed it; null if none did. */
  slashedBy: Pledge | null;
}

export interface Challenge {
  claim: Claim;
  challenger: number;
  nonce: bigint;
  id: Hex;
  phase: ChallengePhase;
  openedBlock: number;
  turnStarted: number;
  claimantUsed: number;
  challengerUsed: number;
  demands: number;
  paidDemands: number;
  /** Where it stands: demanded in the claimant's turn, answered in the challenger's. */
  site: Site;
}

/** A commitment to a proof. */
export interface Pledge {
  claim: Claim;
  committer: number;
  nonce: bigint;
  /** What it commits to; null where nobody knows what it does. */
  proof: Proof | null;
  postedStep: number;
  salt: Hex;
  hash: Hex;
  block: number;
  sequence: number;
  phase: "new" | "pending" | "revealed" | "forfeited";
}

export type Call = { actor: number; /** Breaks a rule of form besides. */ mangled?: boolean } & (
  | { name: "commit" | "reveal" | "forfeit" | "finalize"; claim: Claim; valueWei?: bigint }
  | { name: "void"; claim: Claim; feeWei: bigint }
  | { name: "challenge"; challenge: Challenge; valueWei: bigint }
  | { name: "demand"; challenge: Challenge; site: Site }
  | { name: "descend" | "enter"; challenge: Challenge; move: Move }
  | { name: "open" | "openChunk" | "openStep"; challenge: Challenge; site: Site }
  | { name: "prove"; challenge: Challenge; proof: Proof; postedStep: number; proofOf: Case }
  | { name: "timeout" | "close"; challenge: Challenge }
  | { name: "commitProof"; pledge: Pledge; valueWei: bigint }
  | { name: "revealProof"; pledge: Pledge }
  | { name: "forfeitProof"; pledge: Pledge }
  | { name: "settleBounty"; claim: Claim }
  | { name: "withdraw"; from: "registry" | "game" }
  | { name: "hold"; holding: boolean }
);

export interface Model {
  parameters: Parameters;
  /** The actor that audits; null for none. */
  auditor: number | null;
  holding: boolean;
  now: number;
  block: number;
  claims: Claim[];
  challenges: Challenge[];
  pledges: Pledge[];
  credits: { registry: Map<number, bigint>; game: Map<number, bigint> };
  burntWei: bigint;
}

export const isOpen = ({ phase }: Challenge): boolean => phase === "challenger" || phase === "claimant";

export const depositOf = ({ parameters }: Model, { moveFeeWei }: Claim): bigint =>
  BigInt(MAX_DEMANDS) * moveFeeWei + parameters.challengeFloorWei;

/** Last second of the side to move. */
export function deadlineOf({ parameters: { clockSeconds } }: Model, challenge: Challenge): number {
  const used = challenge.phase === "claimant" ? challenge.claimantUsed : challenge.challengerUsed;
  return challenge.turnStarted + clockSeconds - used;
}

/** The second after which nothing that anyone does keeps a revealed claim from its end. */
export function endOf({ parameters: { clockSeconds, proofRevealSeconds } }: Model, claim: Claim): number {
  return claim.challengeUntil + Math.max(proofRevealSeconds, 2 * clockSeconds);
}

/** The committer's challenge that a pledge names, if it is open. */
export function ownChallenge(model: Model, pledge: Pledge): Challenge | undefined {
  const challenge = challengeOf(model, pledge);
  return challenge !== undefined && isOpen(challenge) ? challenge : undefined;
}

/** The committer's challenge that a pledge names. */
export function challengeOf({ challenges }: Model, { claim, committer, nonce }: Pledge): Challenge | undefined {
  return challenges.find((each) => each.claim === claim && each.challenger === committer && each.nonce === nonce);
}

/** Whether a pledge may be revealed now. */
export function isRevealable(model: Model, pledge: Pledge): boolean {
  const { challengeUntil, slashedAt, phase } = pledge.claim;
  const until = Math.max(challengeUntil, slashedAt) + model.parameters.proofRevealSeconds;
  return model.now <= until || (phase === "revealed" && ownChallenge(model, pledge) !== undefined);
}

/** Whether a proof ends a claim of this case. A deferred one may need a posted root. */
export function convicts(claim: Claim, proof: Proof | null, postedStep: number): boolean {
  const known = claim.of.proof;
  // Full and deferred claims of one step may have the same proof.
  if (proof === null || known === null || proof.kind !== known.kind || proof.bytes !== known.bytes) return false;
  const { needs } = known;
  return needs === null || (postedStep === needs.step && claim.posted.get(postedStep) === needs.root);
}

/** Demands that a claim's bond pays for. */
export const paidLimitOf = ({ bondWei, moveFeeWei }: Claim): number => Number(bondWei / 4n / moveFeeWei);

/** Whether a commitment before `sequence` may be pending. */
export const hasEarlierThan = ({ endedThrough }: Claim, sequence: number): boolean => sequence > endedThrough + 1;
