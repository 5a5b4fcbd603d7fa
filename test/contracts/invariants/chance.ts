// Chance as a player: any call with any arguments, mostly out of place, early, late, by the wrong side or malformed. It never plays
// an honest side's own hand.
import { rootOf } from "@lockstep/node/merkle";

import { answerName, isMangleable } from "./arena.ts";
import type { Proof } from "./cases.ts";
import { deadlineOf, depositOf, isOpen, type Call } from "./model.ts";
import { LEVELS, type Site } from "./sites.ts";
import { ACTOR, type Table } from "./table.ts";

/** A valid proof, mostly of something else. */
export const anyProof = ({ random, cases }: Table): Proof => random.pick(cases.filter(({ wrong }) => wrong))!.proof!;

/** Anything at all, mostly out of place, early, late, by the wrong side or malformed. */
export function playChance(table: Table): Call | null {
  const { model, random } = table;
  const actor = random.below(Object.keys(ACTOR).length);
  const claim = random.pick(model.claims);
  const challenge = random.pick(model.challenges);
  const pledge = random.pick(model.pledges);
  if (claim === undefined) return null;
  const calls: (Call | null)[] = [
    { actor: claim.claimant, name: "commit", claim },
    { actor, name: "reveal", claim },
    { actor, name: "forfeit", claim },
    { actor, name: "finalize", claim },
    { actor: actor === model.auditor ? ACTOR.troll : actor, name: "void", claim, feeWei: 0n },
    { actor, name: "settleBounty", claim },
    { actor, name: "withdraw", from: random.once(2) ? "registry" : "game" },
  ];
  if (challenge !== undefined) {
    const { site } = challenge;
    const { demandable } = challenge.claim.of;
    const move = random.pick(random.once(2) ? site.moves : (random.pick(demandable)?.moves ?? []));
    calls.push(
      { actor, name: "timeout", challenge },
      { actor, name: "close", challenge },
      { actor, name: answerName(site), challenge, site: random.once(2) ? site : sameAnswer(table, site, demandable) },
      {
        actor: random.once(2) ? actor : challenge.challenger,
        name: "demand",
        challenge,
        site: random.pick(demandable) ?? site,
      },
      { actor: challenge.challenger, name: "challenge", challenge, valueWei: depositOf(model, challenge.claim) },
      {
        actor: challenge.challenger,
        name: "prove",
        challenge,
        proof: anyProof(table),
        postedStep: 0,
        proofOf: challenge.claim.of,
      },
      move === undefined ? null : { actor: challenge.challenger, name: move.kind, challenge, move },
    );
  }
  if (pledge !== undefined) {
    calls.push(
      { actor: random.once(2) ? actor : pledge.committer, name: "revealProof", pledge },
      { actor, name: "forfeitProof", pledge },
      {
        actor: pledge.committer,
        name: "commitProof",
        pledge,
        valueWei: model.parameters.proofBondWei + BigInt(random.below(2)),
      },
    );
  }
  const call = random.pick(calls) ?? null;
  if (call !== null && isOwnBusiness(call)) return null;
  if (call !== null && isMangleable(call.name) && random.once(2)) call.mangled = true;
  return call;
}

/** Whether the call would play an honest side's own hand. */
function isOwnBusiness({ name, actor }: Call): boolean {
  if (actor !== ACTOR.challenger && actor !== ACTOR.prover) return false;
  return ["challenge", "demand", "descend", "enter", "prove", "commitProof"].includes(name);
}

/** Another site that is answered in the same way. */
function sameAnswer({ random }: Table, site: Site, among: Site[]): Site {
  if (site.answer.kind === "step") return site;
  return random.pick(among.filter(({ answer: other }) => other.kind === site.answer.kind)) ?? site;
}

/**
 * Posts what is not its to post: the scratch root of a step, before its claimant did; or, once one was posted, another one that has
 * the same state beside it.
 */
export function playPoster({ model, random }: Table): Call | null {
  const steps = model.challenges.filter(
    ({ phase, claim, site }) => phase === "claimant" && claim.of.deferred && site.answer.kind === "step",
  );
  const challenge = random.pick(steps);
  if (challenge === undefined) return null;
  const { claim, site } = challenge;
  const { answer } = site;
  if (answer.kind !== "step") return null;
  if (!claim.posted.has(answer.step)) return { actor: ACTOR.troll, name: "openStep", challenge, site };
  // With deeper trees the nodes shown are not the leaves.
  if (answer.nodes.length > 1 && answer.below.place.height > LEVELS) return null;
  const leaves = answer.nodes.slice(0, answer.below.leafCount).with(0, answer.stateRoot);
  const nodes = answer.nodes.with(0, answer.stateRoot);
  const forged: Site = { ...site, answer: { ...answer, nodes, scratchRoot: rootOf(leaves) } };
  return { actor: claim.claimant, name: "openStep", challenge, site: forged };
}

/** Ends things in the last second in which they may not be ended yet. */
export function playEager({ model, random }: Table): Call | null {
  const actor = ACTOR.watchtower;
  const { now, parameters } = model;
  const calls: Call[] = [];
  for (const challenge of model.challenges) {
    if (isOpen(challenge) && deadlineOf(model, challenge) === now) calls.push({ actor, name: "timeout", challenge });
  }
  for (const claim of model.claims) {
    const { phase, revealBy, challengeUntil, bounty } = claim;
    const isLast = phase === "revealed" && now === challengeUntil + parameters.proofRevealSeconds;
    if (isLast) calls.push({ actor, name: "finalize", claim });
    if (phase === "committed" && now === revealBy) calls.push({ actor, name: "forfeit", claim });
    if (bounty !== null && now === bounty.settleAfter) calls.push({ actor, name: "settleBounty", claim });
  }
  return random.pick(calls) ?? null;
}
