// What honest parties must do in time so as not to lose, and how they move: the claimant answers, the challenger follows the first
// difference and proves, a prover shows what it committed to.
import { answerName } from "./arena.ts";
import { nextOf, type Proof } from "./cases.ts";
import { deadlineOf, isRevealable, type Call, type Challenge, type Claim } from "./model.ts";
import { newPledge } from "./pieces.ts";
import { rulesBroken } from "./rules.ts";
import { ACTOR, type Table } from "./table.ts";

/** Seconds before a deadline in which an honest side no longer waits. */
const HASTE_SECONDS = 4;

export interface Duty {
  deadline: number;
  call: () => Call | null;
}

/** Everything that an honest party must do in time, so as not to lose. */
export function dutiesOf(table: Table): Duty[] {
  const { model } = table;
  const duties: Duty[] = [];
  for (const claim of model.claims) {
    if (claim.claimant !== ACTOR.claimant || claim.phase !== "committed") continue;
    const release: Call = { actor: ACTOR.seventh, name: "hold", holding: false };
    const reveal: Call = { actor: ACTOR.claimant, name: "reveal", claim };
    duties.push({ deadline: claim.revealBy, call: () => (model.holding && model.auditor !== null ? release : reveal) });
  }
  for (const challenge of model.challenges) {
    if (challenge.claim.phase !== "revealed") continue;
    const deadline = deadlineOf(model, challenge);
    if (challenge.phase === "claimant" && challenge.claim.claimant === ACTOR.claimant) {
      duties.push({ deadline, call: () => answer(challenge, ACTOR.claimant) });
    }
    if (challenge.phase === "challenger" && challenge.challenger === ACTOR.challenger) {
      duties.push({ deadline, call: () => honestMove(table, challenge) });
    }
  }
  for (const pledge of model.pledges) {
    if (pledge.phase !== "pending" || (pledge.committer !== ACTOR.challenger && pledge.committer !== ACTOR.prover))
      continue;
    const { claim } = pledge;
    const until = Math.max(claim.challengeUntil, claim.slashedAt) + model.parameters.proofRevealSeconds;
    const reveal: Call = { actor: pledge.committer, name: "revealProof", pledge };
    // Later than that its own challenge keeps it revealable.
    duties.push({
      deadline: until,
      call: () => (model.block > pledge.block && isRevealable(model, pledge) ? reveal : null),
    });
  }
  return duties;
}

/** The calls without which an honest party would be late at `next`. */
export function urgentCall(table: Table, next: number): Call | null {
  for (const { deadline, call } of dutiesOf(table)) {
    if (deadline >= next + HASTE_SECONDS) continue;
    const due = call();
    if (due !== null && rulesBroken(table.model, due).length === 0) return due;
  }
  return null;
}

export function answer(challenge: Challenge, actor: number): Call {
  return { actor, name: answerName(challenge.site), challenge, site: challenge.site };
}

/** The honest challenger's move: on to the first difference; at its end a proof, committed to first or not. */
export function honestMove(table: Table, challenge: Challenge): Call | null {
  const { model } = table;
  const { claim, challenger: actor, site } = challenge;
  const { proof } = claim.of;
  if (proof === null) throw new RangeError("honest challengers leave right claims alone");
  const next = nextOf(claim.of, site);
  if (next.kind === "go") {
    const move = site.moves.find(({ to }) => to === next.to);
    if (move !== undefined) return { actor, name: move.kind, challenge, move };
    return { actor, name: "demand", challenge, site: next.to };
  }
  const own = model.pledges.find(
    (pledge) => pledge.claim === claim && pledge.committer === actor && pledge.phase === "pending",
  );
  if (own !== undefined) return model.block > own.block ? { actor, name: "revealProof", pledge: own } : null;
  const postedStep = proof.needs?.step ?? 0;
  // Every third shows its proof at once.
  if (claim.number % 3 > 0) return pledgeCall(table, claim, actor, challenge.nonce, proof, postedStep);
  if (model.block <= challenge.openedBlock) return null;
  return { actor, name: "prove", challenge, proof, postedStep, proofOf: claim.of };
}

export function pledgeCall(
  table: Table,
  claim: Claim,
  committer: number,
  nonce: bigint,
  proof: Proof | null,
  postedStep: number,
): Call {
  const pledge = newPledge(table.arena, { claim, committer, nonce, proof, postedStep, number: ++table.nonces });
  return { actor: committer, name: "commitProof", pledge, valueWei: table.model.parameters.proofBondWei };
}
