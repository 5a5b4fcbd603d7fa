// What the rules of docs/dispute.md make of every call, written a second time without storage words, hashes or gas: which rules a
// call breaks, and what it changes when it breaks none. The play compares the contracts with this after every call.
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
function ownChallenge(model: Model, pledge: Pledge): Challenge | undefined {
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
function convicts(claim: Claim, proof: Proof | null, postedStep: number): boolean {
  if (proof === null || proof !== claim.of.proof) return false;
  return proof.needs === null || (postedStep === proof.needs.step && claim.posted.get(postedStep) === proof.needs.root);
}

/** Names of the errors whose rules the call breaks, in no order; none if it succeeds. "*" stands for any. */
export function rulesBroken(model: Model, call: Call): string[] {
  const broken: string[] = call.mangled === true ? ["*"] : [];
  const when = (condition: boolean, error: string): void => {
    if (condition) broken.push(error);
  };
  const { now, block, parameters } = model;
  switch (call.name) {
    case "commit": {
      const { claim } = call;
      const live = model.claims.some(
        (other) =>
          other !== claim &&
          other.phase === "committed" &&
          other.claimant === claim.claimant &&
          other.of.programRoot === claim.of.programRoot &&
          other.of.inputsRoot === claim.of.inputsRoot &&
          other.of.steps === claim.of.steps,
      );
      when(live || claim.phase === "committed", "CommitmentLive");
      when(claim.phase !== "new" && claim.phase !== "committed", "ClaimExists");
      break;
    }
    case "reveal":
      when(call.claim.phase !== "committed", "CommitmentMismatch");
      when(call.claim.phase !== "committed" && call.claim.phase !== "new", "ClaimExists");
      when(now > call.claim.revealBy, "RevealTooLate");
      when(model.auditor !== null && model.holding, "AuditRunning");
      break;
    case "forfeit":
      when(call.claim.phase !== "committed", "CommitmentMismatch");
      when(now <= call.claim.revealBy, "RevealPending");
      break;
    case "void":
      when(call.actor !== model.auditor, "NotAuditor");
      when(call.claim.phase !== "committed", "CommitmentMismatch");
      when(call.feeWei > call.claim.bondWei / 4n, "VoidFeeTooHigh");
      break;
    case "finalize":
      when(call.claim.phase !== "revealed", "ClaimStatusMismatch");
      when(now <= call.claim.challengeUntil + parameters.proofRevealSeconds, "FinalityTooEarly");
      when(call.claim.openChallenges > 0, "ChallengesOpen");
      break;
    case "challenge": {
      const { challenge, valueWei } = call;
      when(challenge.claim.phase !== "revealed", "ClaimStatusUnfit");
      when(now > challenge.claim.challengeUntil, "WindowClosed");
      when(valueWei !== depositOf(model, challenge.claim), "WrongValue");
      when(challenge.phase !== "new", "ChallengeExists");
      when(!isPosted(challenge.claim, challenge.site), "*");
      break;
    }
    case "demand":
    case "descend":
    case "enter": {
      const { challenge } = call;
      when(call.actor !== challenge.challenger, "WrongTurn");
      brokenByTurn(model, challenge, "challenger", when);
      when(challenge.demands === MAX_DEMANDS, "DemandsExhausted");
      if (call.name === "demand") when(!isPosted(challenge.claim, call.site), "*");
      else when(call.move.kind !== call.name || !challenge.site.moves.includes(call.move), "*");
      break;
    }
    case "open":
    case "openChunk":
    case "openStep": {
      const { challenge, site } = call;
      brokenByTurn(model, challenge, "claimant", when);
      const answerWith = { nodes: "open", chunk: "openChunk", step: "openStep" }[challenge.site.answer.kind];
      when(answerWith !== call.name, "OpeningKindMismatch");
      when(!isSameAnswer(site, challenge.site), "*");
      brokenByPosting(call.actor, challenge, when);
      break;
    }
    case "prove": {
      const { challenge } = call;
      when(call.actor !== challenge.challenger || !isOpen(challenge), "WrongTurn");
      when(challenge.phase === "challenger" && now > deadlineOf(model, challenge), "ClockExpired");
      when(challenge.claim.phase !== "revealed", "ClaimStatusUnfit");
      when(block <= challenge.openedBlock, "ProofTooEarly");
      when(!convicts(challenge.claim, call.proof, call.postedStep), "*");
      break;
    }
    case "timeout":
      when(!isOpen(call.challenge), "WrongTurn");
      when(call.challenge.claim.phase !== "revealed", "ClaimStatusUnfit");
      when(now <= deadlineOf(model, call.challenge), "ClockRunning");
      break;
    case "close":
      when(!isOpen(call.challenge), "WrongTurn");
      when(call.challenge.claim.phase !== "slashed", "ClaimStatusUnfit");
      break;
    case "commitProof": {
      const { pledge } = call;
      when(pledge.claim.phase !== "revealed", "ClaimStatusUnfit");
      when(now > pledge.claim.challengeUntil && ownChallenge(model, pledge) === undefined, "WindowClosed");
      when(call.valueWei !== parameters.proofBondWei, "WrongValue");
      when(
        model.pledges.some(
          ({ claim, committer, hash, phase }) =>
            claim === pledge.claim && committer === pledge.committer && hash === pledge.hash && phase === "pending",
        ),
        "ProofAlreadyCommitted",
      );
      break;
    }
    case "revealProof": {
      const { pledge } = call;
      when(call.actor !== pledge.committer || pledge.phase !== "pending", "ProofNotCommitted");
      when(block <= pledge.block, "ProofTooEarly");
      when(!isRevealable(model, pledge), "ProofRevealClosed");
      when(!convicts(pledge.claim, pledge.proof, pledge.postedStep), "*");
      break;
    }
    case "forfeitProof":
      when(call.pledge.phase !== "pending", "ProofNotCommitted");
      when(isRevealable(model, call.pledge), "ProofRevealPending");
      break;
    case "settleBounty": {
      const { bounty } = call.claim;
      when(bounty === null, "BountyNotHeld");
      when(bounty !== null && now <= bounty.settleAfter && hasEarlierThan(call.claim, bounty.sequence), "BountyHeld");
      break;
    }
    case "withdraw":
      when((model.credits[call.from].get(call.actor) ?? 0n) === 0n, "NothingToWithdraw");
      break;
    case "hold":
      break;
  }
  return broken;
}

/** Sections of a step's primitives hang, in a deferred claim, below a root that was posted. */
function isPosted(claim: Claim, site: Site): boolean {
  return site.needsPosted === null || claim.posted.has(site.needsPosted);
}

function isSameAnswer(one: Site, other: Site): boolean {
  if (one === other) return true;
  if (one.answer.kind === "chunk" && other.answer.kind === "chunk") return one.node === other.node;
  if (one.answer.kind !== "nodes" || other.answer.kind !== "nodes") return false;
  return one.answer.nodes.join() === other.answer.nodes.join();
}

function brokenByTurn(
  model: Model,
  challenge: Challenge,
  turn: "challenger" | "claimant",
  when: (condition: boolean, error: string) => void,
): void {
  when(challenge.phase !== turn, "WrongTurn");
  when(challenge.phase === turn && model.now > deadlineOf(model, challenge), "ClockExpired");
  when(challenge.claim.phase !== "revealed", "ClaimStatusUnfit");
}

function brokenByPosting(
  actor: number,
  { claim, site }: Challenge,
  when: (condition: boolean, error: string) => void,
): void {
  if (!claim.of.deferred || site.answer.kind !== "step") return;
  const posted = claim.posted.get(site.answer.step);
  when(posted === undefined && actor !== claim.claimant && actor !== claim.operator, "PostingNotAllowed");
  when(posted !== undefined && posted !== site.answer.scratchRoot, "PostedRootMismatch");
}

const hasEarlierThan = ({ endedThrough }: Claim, sequence: number): boolean => sequence > endedThrough + 1;

/** What a call that breaks no rule changes. */
export function apply(model: Model, call: Call): void {
  const { now, block } = model;
  switch (call.name) {
    case "commit":
      if (call.claim.phase === "new") model.claims.push(call.claim);
      call.claim.phase = "committed";
      call.claim.revealBy = now + model.parameters.revealSeconds;
      break;
    case "reveal":
      Object.assign(call.claim, {
        phase: "revealed",
        revealedAt: now,
        challengeUntil: now + model.parameters.windowSeconds,
      });
      break;
    case "forfeit":
      call.claim.phase = "forfeited";
      model.burntWei += call.claim.bondWei;
      break;
    case "void":
      call.claim.phase = "voided";
      credit(model, "registry", call.claim.claimant, call.claim.bondWei - call.feeWei);
      credit(model, "registry", call.actor, call.feeWei);
      break;
    case "finalize":
      call.claim.phase = "final";
      credit(model, "registry", call.claim.claimant, call.claim.bondWei);
      break;
    case "challenge": {
      const { challenge } = call;
      model.challenges.push(challenge);
      challenge.openedBlock = block;
      challenge.claim.openChallenges++;
      beginDemand(model, challenge, challenge.site);
      break;
    }
    case "demand":
      endTurn(model, call.challenge);
      beginDemand(model, call.challenge, call.site);
      break;
    case "descend":
    case "enter":
      endTurn(model, call.challenge);
      beginDemand(model, call.challenge, call.move.to);
      break;
    case "open":
    case "openChunk":
      endTurn(model, call.challenge);
      call.challenge.phase = "challenger";
      break;
    case "openStep": {
      const { answer } = call.challenge.site;
      if (answer.kind !== "step") throw new RangeError("only a step is opened as one");
      endTurn(model, call.challenge);
      call.challenge.phase = "challenger";
      if (call.challenge.claim.of.deferred) call.challenge.claim.posted.set(answer.step, answer.scratchRoot);
      call.challenge.site = answer.below;
      break;
    }
    case "prove":
      win(model, call.challenge);
      break;
    case "timeout":
      if (call.challenge.phase === "claimant") win(model, call.challenge);
      else lose(model, call.challenge);
      break;
    case "close":
      refund(model, call.challenge, "refunded");
      break;
    case "commitProof": {
      const { claim } = call.pledge;
      claim.commitments++;
      claim.pendingProofs++;
      Object.assign(call.pledge, { block, sequence: claim.commitments, phase: "pending" });
      if (!model.pledges.includes(call.pledge)) model.pledges.push(call.pledge);
      break;
    }
    case "revealProof":
      revealPledge(model, call.pledge);
      break;
    case "forfeitProof":
      endPledge(call.pledge, "forfeited");
      model.burntWei += model.parameters.proofBondWei;
      break;
    case "settleBounty": {
      const { bounty, bondWei } = call.claim;
      if (bounty === null) throw new RangeError("no bounty is held");
      call.claim.bounty = null;
      credit(model, "game", bounty.winner, bondWei / 4n);
      break;
    }
    case "withdraw":
      model.credits[call.from].set(call.actor, 0n);
      break;
    case "hold":
      model.holding = call.holding;
      break;
  }
}

/** Demands that a claim's bond pays for. */
export const paidLimitOf = ({ bondWei, moveFeeWei }: Claim): number => Number(bondWei / 4n / moveFeeWei);

function beginDemand(model: Model, challenge: Challenge, site: Site): void {
  const { claim } = challenge;
  challenge.demands++;
  if (claim.paidDemands < paidLimitOf(claim)) {
    claim.paidDemands++;
    challenge.paidDemands++;
  }
  Object.assign(challenge, { phase: "claimant", turnStarted: model.now, site });
}

function endTurn(model: Model, challenge: Challenge): void {
  const seconds = model.now - challenge.turnStarted;
  if (challenge.phase === "claimant") challenge.claimantUsed += seconds;
  else challenge.challengerUsed += seconds;
  challenge.turnStarted = model.now;
}

/** Without a commitment the winner ranks behind all of them. */
function win(model: Model, challenge: Challenge): void {
  const { claim, challenger } = challenge;
  refund(model, challenge, "won");
  slash(model, claim, challenger, claim.commitments + 1);
}

function lose(model: Model, challenge: Challenge): void {
  const { claim } = challenge;
  challenge.phase = "lost";
  claim.openChallenges--;
  claim.paidDemands -= challenge.paidDemands;
  credit(model, "game", claim.claimant, depositOf(model, claim));
}

function refund(model: Model, challenge: Challenge, phase: "won" | "refunded"): void {
  const { claim, paidDemands, challenger } = challenge;
  challenge.phase = phase;
  claim.openChallenges--;
  credit(model, "game", challenger, depositOf(model, claim) + BigInt(paidDemands) * claim.moveFeeWei);
}

function slash(model: Model, claim: Claim, winner: number, sequence: number): void {
  const bountyWei = claim.bondWei / 4n;
  claim.phase = "slashed";
  claim.slashedAt = model.now;
  model.burntWei += claim.bondWei - bountyWei - BigInt(claim.paidDemands) * claim.moveFeeWei;
  if (!hasEarlierThan(claim, sequence)) credit(model, "game", winner, bountyWei);
  else claim.bounty = { winner, sequence, settleAfter: model.now + model.parameters.proofRevealSeconds };
}

function revealPledge(model: Model, pledge: Pledge): void {
  const { claim, committer, sequence } = pledge;
  endPledge(pledge, "revealed");
  credit(model, "game", committer, model.parameters.proofBondWei);
  if (claim.phase !== "revealed") {
    const { bounty } = claim;
    if (bounty !== null && model.now <= bounty.settleAfter && sequence < bounty.sequence) {
      Object.assign(bounty, { winner: committer, sequence });
    }
    return;
  }
  const challenge = ownChallenge(model, pledge);
  if (challenge !== undefined) refund(model, challenge, "won");
  claim.slashedBy = pledge;
  slash(model, claim, committer, sequence);
}

function endPledge(pledge: Pledge, phase: "revealed" | "forfeited"): void {
  const { claim, sequence } = pledge;
  pledge.phase = phase;
  claim.pendingProofs--;
  if (claim.pendingProofs === 0) claim.endedThrough = claim.commitments;
  else if (sequence === claim.endedThrough + 1) claim.endedThrough++;
}

function credit({ credits }: Model, where: "registry" | "game", actor: number, amountWei: bigint): void {
  credits[where].set(actor, (credits[where].get(actor) ?? 0n) + amountWei);
}

/** What the registry must hold: the bonds of claims that have not ended, and credits. */
export function registryOwes({ claims, credits }: Model): bigint {
  const bonds = claims
    .filter(({ phase }) => phase === "committed" || phase === "revealed")
    .reduce((sum, { bondWei }) => sum + bondWei, 0n);
  return bonds + sumOf(credits.registry);
}

/** What the game must hold: deposits of open challenges with what a slashed claim left for them, pledges, bounties, credits. */
export function gameOwes(model: Model): bigint {
  let owed = sumOf(model.credits.game);
  for (const challenge of model.challenges) {
    if (!isOpen(challenge)) continue;
    owed += depositOf(model, challenge.claim);
    if (challenge.claim.phase === "slashed") owed += BigInt(challenge.paidDemands) * challenge.claim.moveFeeWei;
  }
  for (const { phase } of model.pledges) if (phase === "pending") owed += model.parameters.proofBondWei;
  for (const { bounty, bondWei } of model.claims) if (bounty !== null) owed += bondWei / 4n;
  return owed;
}

const sumOf = (credits: Map<number, bigint>): bigint => [...credits.values()].reduce((sum, wei_) => sum + wei_, 0n);
