// Which rules of docs/dispute.md a call breaks: the contracts must refuse it with one of them, and take what breaks none.
import {
  MAX_DEMANDS,
  convicts,
  deadlineOf,
  depositOf,
  hasEarlierThan,
  isOpen,
  isRevealable,
  ownChallenge,
  type Call,
  type Challenge,
  type Claim,
  type Model,
} from "./model.ts";
import type { Site } from "./sites.ts";

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
      brokenByPosting(call.actor, challenge.claim, site, when);
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
  // Of a deferred trace only the state is under the step node.
  if (one.answer.kind === "step" && other.answer.kind === "step")
    return one.answer.stateRoot === other.answer.stateRoot;
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
  claim: Claim,
  site: Site,
  when: (condition: boolean, error: string) => void,
): void {
  if (!claim.of.deferred || site.answer.kind !== "step") return;
  const posted = claim.posted.get(site.answer.step);
  when(posted === undefined && actor !== claim.claimant && actor !== claim.operator, "PostingNotAllowed");
  when(posted !== undefined && posted !== site.answer.scratchRoot, "PostedRootMismatch");
}
