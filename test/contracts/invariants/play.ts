// Plays one world from a seed: block after block of calls, each predicted by the model and compared with what the contracts did.
// Throws at the first call that ends otherwise, wei that is missing or too much, word that differs, or honest side that loses.
import assert from "node:assert/strict";

import { toEventSelector, type Hex } from "viem";

import { PARAMETERS, createArena, encodeCall, playBlock, type Outcome, type Substitutes } from "./arena.ts";
import { audit } from "./audit.ts";
import type { Case } from "./cases.ts";
import { apply, gameOwes, registryOwes } from "./changes.ts";
import { count, countEnding, type Counts } from "./counts.ts";
import { dutiesOf, urgentCall } from "./honest.ts";
import { deadlineOf, endOf, isOpen, type Call, type Claim, type Model } from "./model.ts";
import { anyCall, floodCalls } from "./players.ts";
import { createRandom } from "./random.ts";
import { rulesBroken } from "./rules.ts";
import { ACTOR, isLive, type Table } from "./table.ts";

/** Calls in one block, about. */
const BLOCK_CALLS = 12;
/** Blocks between two comparisons of everything that the contracts store. */
const AUDIT_BLOCKS = 16;
/** Blocks between two floods, about. */
const FLOOD_BLOCKS = 250;

export interface PlayOptions {
  seed: number;
  /** Calls to make before everything is played out. */
  calls: number;
  cases: Case[];
  audited: boolean;
  substitutes?: Substitutes;
}

interface Expected {
  call: Call;
  broken: string[];
  registryWei: bigint;
  gameWei: bigint;
}

interface Play extends Table {
  counts: Counts;
  calls: number;
  ids: Set<Hex>;
  /** By contract and account, what events say is owed. */
  credited: Map<string, bigint>;
}

/** Plays a world to its end. */
export async function playWorld(
  { seed, calls, cases, audited, substitutes }: PlayOptions,
  counts: Counts,
): Promise<number> {
  const auditor = audited ? ACTOR.seventh : null;
  const arena = await createArena(cases, auditor, substitutes);
  const model: Model = {
    parameters: PARAMETERS,
    auditor,
    holding: false,
    now: arena.start.now,
    block: arena.start.block,
    claims: [],
    challenges: [],
    pledges: [],
    credits: { registry: new Map(), game: new Map() },
    burntWei: 0n,
  };
  const table: Table = { arena, model, random: createRandom(seed), cases, moods: new Map(), nonces: 0n };
  const play: Play = { ...table, counts, calls: 0, ids: new Set(), credited: new Map() };
  let next = model.now + 1;
  for (let block = 0; play.calls < calls; block++) {
    next = await playOneBlock(play, next, anyCall);
    if (block % AUDIT_BLOCKS === 0) await audit(play);
  }
  await playOut(play, next);
  await audit(play);
  return play.calls;
}

/** Plays a block at `now` and says when the next one is. */
async function playOneBlock(play: Play, now: number, choose: (table: Table) => Call | null): Promise<number> {
  const { arena, model, random } = play;
  model.now = now;
  model.block++;
  const expected: Expected[] = [];
  const make = (call: Call): void => {
    const broken = rulesBroken(model, call);
    const encoded = encodeCall(arena, call);
    if (broken.length === 0) {
      apply(model, call);
      countEnding(play, call);
    }
    expected.push({ call, broken, registryWei: registryOwes(model), gameWei: gameOwes(model) });
    calls.push(encoded);
  };
  const calls: ReturnType<typeof encodeCall>[] = [];
  sweep(play, make);
  const size = 1 + random.below(2 * BLOCK_CALLS);
  for (let i = 0; i < size; i++) {
    const call = choose(play);
    if (call !== null) make(call);
  }
  if (random.once(FLOOD_BLOCKS)) for (const call of floodCalls(play)) make(call);
  const next = nextTime(play);
  for (let call = urgentCall(play, next); call !== null; call = urgentCall(play, next)) make(call);
  const outcomes = await playBlock(arena, now, calls);
  outcomes.forEach((outcome, i) => compare(play, expected[i], outcome));
  play.calls += calls.length;
  checkHonest(play);
  prune(play);
  return Math.max(now + 1, Math.min(next, nextDuty(play)));
}

/** Once nothing may keep a claim from its end any more, whoever wants may end it. */
function sweep({ model, counts }: Play, make: (call: Call) => void): void {
  const actor = ACTOR.watchtower;
  for (const claim of model.claims.filter(isLive)) {
    const isOver = claim.phase === "revealed" ? model.now > endOf(model, claim) : model.now > claim.revealBy + 5;
    if (!isOver) continue;
    for (const challenge of model.challenges) {
      if (challenge.claim === claim && isOpen(challenge) && claim.phase === "revealed")
        make({ actor, name: "timeout", challenge });
    }
    if (claim.phase === "revealed") make({ actor, name: "finalize", claim });
    if (claim.phase === "committed") make({ actor, name: "forfeit", claim });
    assert.ok(!isLive(claim), `claim ${claim.number} has outlived its time`);
    count(counts, "ended in the last second");
  }
}

/** The time of the next block: soon, or about a deadline, but never past one of an honest side. */
function nextTime(play: Play): number {
  const { model, random } = play;
  const { now } = model;
  let next = now + 1 + (random.once(3) ? random.below(4) : 0);
  if (random.once(12)) {
    const deadlines = [
      ...model.challenges.filter(isOpen).map((challenge) => deadlineOf(model, challenge)),
      ...model.claims
        .filter(({ phase }) => phase === "revealed")
        .flatMap((claim) => [claim.challengeUntil, claim.challengeUntil + model.parameters.proofRevealSeconds]),
      ...model.claims.flatMap(({ bounty }) => (bounty === null ? [] : [bounty.settleAfter])),
    ];
    const deadline = random.pick(deadlines.filter((each) => each > now)) ?? now;
    next = Math.max(next, deadline + random.below(2));
  }
  return Math.max(now + 1, Math.min(next, nextDuty(play)));
}

/** The first deadline of an honest side. */
function nextDuty(play: Play): number {
  const deadlines = dutiesOf(play).map(({ deadline }) => deadline);
  return Math.min(...deadlines.filter((deadline) => deadline > play.model.now));
}

/** The contract did what the model says, holds what the model says, and told so in events. */
function compare(play: Play, { call, broken, registryWei, gameWei }: Expected, outcome: Outcome): void {
  const { counts, ids } = play;
  const said = `call ${call.name} by ${call.actor} ${describe(call)}: ${outcome.ok ? "succeeded" : outcome.refusal}`;
  if (outcome.ok) {
    assert.deepEqual(broken, [], said);
    count(counts, call.name);
  } else {
    assert.match(outcome.refusal, /^[A-Z]\w+$/, `${said}: no typed error`);
    assert.ok(
      broken.includes("*") || broken.includes(outcome.refusal),
      `${said}, expected ${broken.join(" or ") || "success"}`,
    );
    count(counts, "refused");
    count(counts, `refused ${outcome.refusal}`);
  }
  assert.equal(outcome.registryWei, registryWei, `${said}: the registry holds another amount than it owes`);
  assert.equal(outcome.gameWei, gameWei, `${said}: the game holds another amount than it owes`);
  for (const { address, topics, data } of outcome.logs) {
    const name = EVENTS.get(topics[0]);
    if (name === "ClaimCommitted" || name === "ChallengeOpened") {
      assert.ok(!ids.has(topics[1]), `${said}: id ${topics[1]} was used before`);
      ids.add(topics[1]);
    } else if (name === "Credited" || name === "Withdrawn") {
      const key = `${address.toLowerCase()} ${topics[1].slice(-40)}`;
      const change = BigInt(data);
      play.credited.set(key, (play.credited.get(key) ?? 0n) + (name === "Credited" ? change : -change));
    }
  }
}

const EVENTS = new Map(
  Object.entries({
    ClaimCommitted: "bytes32,address,bytes32,bytes32,uint32,uint8,address,bytes32,uint256,uint256,bytes32,uint64",
    ChallengeOpened: "bytes32,bytes32,address,uint64,uint256",
    Credited: "address,uint256",
    Withdrawn: "address,uint256",
  }).map(([name, types]) => [toEventSelector(`${name}(${types})`), name]),
);

function describe(call: Call): string {
  if ("challenge" in call) {
    const { claim, phase, demands, site } = call.challenge;
    return `challenge of ${claim.of.name} at ${site.key}, ${demands} demands, now ${phase}`;
  }
  if ("pledge" in call)
    return `pledge ${call.pledge.sequence} for ${call.pledge.claim.of.name}, now ${call.pledge.phase}`;
  return "claim" in call ? `claim ${call.claim.number} of ${call.claim.of.name}, now ${call.claim.phase}` : "";
}

// ---------------------------------------------------------------- invariants

/** A right claim whose claimant answers stands; an honest challenger of a wrong one ends with all it put in. */
function checkHonest({ model }: Play): void {
  for (const { claimant, phase, number } of model.claims) {
    if (claimant === ACTOR.claimant)
      assert.ok(phase !== "slashed" && phase !== "forfeited", `honest claim ${number} is ${phase}`);
  }
  for (const { challenger, phase, claim } of model.challenges) {
    if (challenger === ACTOR.challenger)
      assert.notEqual(phase, "lost", `an honest challenger lost against ${claim.of.name}`);
  }
  for (const { committer, phase, claim } of model.pledges) {
    if (committer === ACTOR.challenger || committer === ACTOR.prover) {
      assert.notEqual(phase, "forfeited", `an honest prover of ${claim.of.name} lost its bond`);
    }
  }
}

/** What ended is forgotten; what it left behind is in the credits. */
function prune(play: Play): void {
  const { model, moods } = play;
  const isTalkedAbout = (claim: Claim): boolean =>
    isLive(claim) || claim.bounty !== null || claim.openChallenges > 0 || claim.pendingProofs > 0;
  // A few that ended stay, so that chance can try them again.
  const ended = model.claims.filter((claim) => !isTalkedAbout(claim)).slice(-10);
  model.claims = model.claims.filter((claim) => isTalkedAbout(claim) || ended.includes(claim));
  const closed = model.challenges.filter((challenge) => !isOpen(challenge)).slice(-10);
  model.challenges = model.challenges.filter((challenge) => isOpen(challenge) || closed.includes(challenge));
  const done = model.pledges.filter(({ phase }) => phase !== "pending").slice(-10);
  model.pledges = model.pledges.filter((pledge) => pledge.phase === "pending" || done.includes(pledge));
  for (const claim of moods.keys()) if (!model.claims.includes(claim)) moods.delete(claim);
}

/** Ends everything that is left; then nothing may be. */
async function playOut(play: Play, start: number): Promise<void> {
  const { model } = play;
  let now = start;
  const isLeft = (): boolean =>
    model.claims.some(
      (claim) => isLive(claim) || claim.bounty !== null || claim.openChallenges > 0 || claim.pendingProofs > 0,
    );
  const { windowSeconds, clockSeconds, proofRevealSeconds, revealSeconds } = model.parameters;
  const limit = now + revealSeconds + windowSeconds + 2 * clockSeconds + 2 * proofRevealSeconds + 20;
  const rest = (table: Table): Call | null => {
    const calls = endings(table).filter((call) => rulesBroken(model, call).length === 0);
    return table.random.pick(calls) ?? null;
  };
  while (isLeft()) {
    assert.ok(now <= limit, "something can't be ended");
    now = await playOneBlock(play, now, rest);
  }
  for (const from of ["registry", "game"] as const) {
    for (const [actor, wei_] of model.credits[from]) {
      if (wei_ > 0n) now = await playOneBlock(play, now, oneCall({ actor, name: "withdraw", from }));
    }
  }
  assert.equal(registryOwes(model) + gameOwes(model), 0n, "coin is left behind");
}

function oneCall(call: Call): () => Call | null {
  let left: Call | null = call;
  return () => {
    const next = left;
    left = null;
    return next;
  };
}

function endings({ model }: Table): Call[] {
  const actor = ACTOR.watchtower;
  return [
    ...model.challenges.flatMap((challenge): Call[] => [
      { actor, name: "timeout", challenge },
      { actor, name: "close", challenge },
    ]),
    ...model.claims.flatMap((claim): Call[] => [
      { actor, name: "finalize", claim },
      { actor, name: "forfeit", claim },
      { actor, name: "settleBounty", claim },
    ]),
    ...model.pledges.map((pledge): Call => ({ actor, name: "forfeitProof", pledge })),
  ];
}
