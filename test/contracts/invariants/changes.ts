// What a call changes that breaks no rule, and what the contracts must hold afterwards, to the wei.
import {
  depositOf,
  hasEarlierThan,
  isOpen,
  ownChallenge,
  paidLimitOf,
  type Call,
  type Challenge,
  type Claim,
  type Model,
  type Pledge,
} from "./model.ts";
import type { Site } from "./sites.ts";

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
