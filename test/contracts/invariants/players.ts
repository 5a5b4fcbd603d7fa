// Who plays: honest and dishonest claimants and challengers, provers, a copier, a watchtower, an auditor or an accomplice that
// floods, and chance. Each looks at the model and says what it does next, or nothing.
import type { Case } from "./cases.ts";
import { anyProof, playChance, playEager, playPoster } from "./chance.ts";
import { answer, dutiesOf, honestMove, pledgeCall } from "./honest.ts";
import {
  MAX_DEMANDS,
  depositOf,
  isOpen,
  paidLimitOf,
  type Call,
  type Challenge,
  type Claim,
  type Model,
} from "./model.ts";
import { newChallenge, newClaim } from "./pieces.ts";
import { rulesBroken } from "./rules.ts";
import type { Move, Site } from "./sites.ts";
import { ACTOR, isLive, type Table } from "./table.ts";

/** Claims that have not ended, at most. */
const LIVE_CLAIMS = 12;

function commitment(table: Table, claimant: number, of: Case): Call | null {
  const { model, random, arena } = table;
  if (model.claims.filter(isLive).length >= LIVE_CLAIMS) return null;
  const bondWei = model.parameters.minBondWei * BigInt(1 + random.below(3));
  const fees = [model.parameters.minMoveFeeWei, bondWei / 512n, (bondWei / 512n + model.parameters.minMoveFeeWei) / 2n];
  const claim = newClaim(arena, {
    number: Number(++table.nonces),
    of,
    claimant,
    operator: random.once(2) ? ACTOR.watchtower : null,
    moveFeeWei: fees[random.below(fees.length)],
    bondWei,
  });
  const honest = claimant === ACTOR.claimant;
  table.moods.set(claim, {
    reveals: honest || !random.once(8),
    answers: honest || !random.once(4),
    watched: !random.once(4),
  });
  return { actor: claimant, name: "commit", claim };
}

function playClaimant(table: Table): Call | null {
  const { random, cases } = table;
  const duty = random.pick(dutiesOf(table).filter(({ call }) => call()?.actor === ACTOR.claimant));
  if (duty !== undefined && !random.once(3)) return duty.call();
  const of = random.pick(cases.filter(({ wrong }) => !wrong));
  return of === undefined ? null : commitment(table, ACTOR.claimant, of);
}

function playCheat(table: Table): Call | null {
  const { model, random, cases, moods } = table;
  const asked = model.challenges.filter(
    (challenge) =>
      challenge.phase === "claimant" && challenge.claim.claimant === ACTOR.cheat && moods.get(challenge.claim)!.answers,
  );
  const challenge = random.pick(asked);
  if (challenge !== undefined && !random.once(5)) return answer(challenge, ACTOR.cheat);
  const sealed = random.pick(
    model.claims
      .filter(({ phase, claimant }) => phase === "committed" && claimant === ACTOR.cheat)
      .filter((claim) => moods.get(claim)!.reveals),
  );
  if (sealed !== undefined) return { actor: ACTOR.cheat, name: "reveal", claim: sealed };
  const of = random.pick(random.once(5) ? cases : cases.filter(({ wrong }) => wrong));
  return of === undefined ? null : commitment(table, ACTOR.cheat, of);
}

function opening(table: Table, claim: Claim, challenger: number, site: Site): Call {
  const nonce = BigInt(table.random.below(2 ** 31)) * 4_000_000_000n + ++table.nonces;
  const challenge = newChallenge(table.arena, claim, challenger, nonce, site);
  return { actor: challenger, name: "challenge", challenge, valueWei: depositOf(table.model, claim) };
}

const isInWindow = ({ now }: Model, { phase, challengeUntil }: Claim): boolean =>
  phase === "revealed" && now <= challengeUntil;

function playChallenger(table: Table): Call | null {
  const { model, random, moods } = table;
  const actor = ACTOR.challenger;
  const mine = model.challenges.filter(
    ({ challenger, claim, phase }) => challenger === actor && claim.phase === "revealed" && phase === "challenger",
  );
  const challenge = random.pick(mine);
  if (challenge !== undefined && !random.once(4)) return honestMove(table, challenge);
  const challenged = new Set(
    model.challenges.filter((each) => each.challenger === actor && isOpen(each)).map(({ claim }) => claim),
  );
  const claim = random.pick(
    model.claims.filter(
      (each) => each.of.wrong && moods.get(each)!.watched && isInWindow(model, each) && !challenged.has(each),
    ),
  );
  return claim === undefined ? null : opening(table, claim, actor, claim.of.root);
}

function playProver(table: Table): Call | null {
  const { model, random, moods } = table;
  const actor = ACTOR.prover;
  const mine = random.pick(
    model.pledges.filter(
      ({ committer, phase, block }) => committer === actor && phase === "pending" && block < model.block,
    ),
  );
  if (mine !== undefined && !random.once(3)) return { actor, name: "revealProof", pledge: mine };
  const claim = random.pick(
    model.claims.filter((each) => {
      const { proof } = each.of;
      if (proof === null || !moods.get(each)!.watched || !isInWindow(model, each)) return false;
      if (model.pledges.some((pledge) => pledge.claim === each && pledge.committer === actor)) return false;
      return proof.needs === null || each.posted.has(proof.needs.step);
    }),
  );
  if (claim === undefined) return null;
  const proof = claim.of.proof!;
  return pledgeCall(table, claim, actor, 0n, proof, proof.needs?.step ?? 0);
}

function playTroll(table: Table): Call | null {
  const { model, random } = table;
  const actor = ACTOR.troll;
  const mine = random.pick(
    model.challenges.filter((each) => each.challenger === actor && isOpen(each) && each.claim.phase === "revealed"),
  );
  if (mine !== undefined && mine.phase === "challenger" && !random.once(5)) return randomMove(table, mine, actor);
  const claim = random.pick(model.claims.filter((each) => isInWindow(model, each)));
  if (claim === undefined) return null;
  if (random.once(4))
    return pledgeCall(table, claim, actor, mine?.nonce ?? 0n, random.once(2) ? null : anyProof(table), 0);
  const site = random.pick(
    claim.of.demandable.filter(({ needsPosted }) => needsPosted === null || claim.posted.has(needsPosted)),
  );
  return site === undefined ? null : opening(table, claim, actor, site);
}

/** Any demand that the rules allow: a step down, or somewhere else. */
function randomMove({ random }: Table, challenge: Challenge, actor: number): Call | null {
  const moves = movesFrom(challenge);
  const move = random.pick(moves);
  if (move !== undefined && !random.once(3)) return { actor, name: move.kind, challenge, move };
  const { claim } = challenge;
  const site = random.pick(
    claim.of.demandable.filter(({ needsPosted }) => needsPosted === null || claim.posted.has(needsPosted)),
  );
  return site === undefined ? null : { actor, name: "demand", challenge, site };
}

const movesFrom = ({ site }: Challenge): Move[] => site.moves;

/** Commits to proofs it was told, early or late, with or without a challenge, and shows some of them. */
function playCopier(table: Table): Call | null {
  const { model, random } = table;
  const actor = ACTOR.copier;
  const pledge = random.pick(
    model.pledges.filter(
      ({ committer, phase, block }) => committer === actor && phase === "pending" && block < model.block,
    ),
  );
  if (pledge !== undefined && random.once(4)) return { actor, name: "revealProof", pledge };
  const challenge = random.pick(
    model.challenges.filter((each) => each.challenger === actor && isOpen(each) && each.claim.phase === "revealed"),
  );
  if (challenge !== undefined && random.once(6)) {
    const proof = challenge.claim.of.proof ?? anyProof(table);
    return { actor, name: "prove", challenge, proof, postedStep: proof.needs?.step ?? 0, proofOf: challenge.claim.of };
  }
  const claim = random.pick(model.claims.filter(({ phase, of }) => phase === "revealed" && of.wrong));
  if (claim === undefined) return null;
  if (random.once(6)) return opening(table, claim, actor, claim.of.root);
  const proof = claim.of.proof!;
  return pledgeCall(
    table,
    claim,
    actor,
    challenge?.claim === claim ? challenge.nonce : 0n,
    proof,
    proof.needs?.step ?? 0,
  );
}

/** Does what anyone may do, and opens for claims it found right. */
function playWatchtower(table: Table): Call | null {
  const { model, random } = table;
  const actor = ACTOR.watchtower;
  const calls: Call[] = [];
  for (const challenge of model.challenges) {
    if (!isOpen(challenge)) continue;
    calls.push({ actor, name: "timeout", challenge }, { actor, name: "close", challenge });
    if (challenge.phase === "claimant" && (!challenge.claim.of.wrong || random.once(4)))
      calls.push(answer(challenge, actor));
  }
  for (const claim of model.claims) {
    if (isLive(claim)) calls.push({ actor, name: "finalize", claim }, { actor, name: "forfeit", claim });
    if (claim.bounty !== null) calls.push({ actor, name: "settleBounty", claim });
  }
  for (const pledge of model.pledges)
    if (pledge.phase === "pending") calls.push({ actor, name: "forfeitProof", pledge });
  return random.pick(calls.filter((call) => rulesBroken(model, call).length === 0)) ?? null;
}

/** Audits; or uses up what a claim's bond pays for with challenges of its own. */
function playSeventh(table: Table): Call | null {
  const { model, random } = table;
  const actor = ACTOR.seventh;
  if (model.auditor === actor) {
    if (model.holding || random.once(8)) return { actor, name: "hold", holding: !model.holding };
    const claim = random.pick(model.claims.filter(({ phase }) => phase === "committed"));
    if (claim === undefined || !random.once(3)) return null;
    return { actor, name: "void", claim, feeWei: (claim.bondWei / 4n / 3n) * BigInt(random.below(4)) };
  }
  const claim = model.claims.find(
    (each) => each.phase === "revealed" && each.claimant === ACTOR.cheat && table.moods.get(each)!.answers,
  );
  if (claim === undefined) return null;
  const mine = random.pick(
    model.challenges.filter(
      (each) =>
        each.challenger === actor && each.claim === claim && each.phase === "challenger" && each.demands < MAX_DEMANDS,
    ),
  );
  if (mine !== undefined) return { actor, name: "demand", challenge: mine, site: claim.of.root };
  return isInWindow(model, claim) ? opening(table, claim, actor, claim.of.root) : null;
}

/** Uses up, in one second, what the bond of a claim of the cheat pays for: whole walks that the cheat answers. */
export function* floodCalls(table: Table): Generator<Call> {
  const { model } = table;
  const actor = ACTOR.seventh;
  const claim = model.claims.find(
    (each) =>
      isInWindow(model, each) &&
      each.claimant === ACTOR.cheat &&
      each.paidDemands < paidLimitOf(each) &&
      paidLimitOf(each) === 128,
  );
  if (claim === undefined) return;
  while (claim.paidDemands < paidLimitOf(claim)) {
    const first = opening(table, claim, actor, claim.of.root);
    yield first;
    if (first.name !== "challenge") return;
    const { challenge } = first;
    for (let demands = 1; demands < MAX_DEMANDS; demands++) {
      yield answer(challenge, ACTOR.cheat);
      yield { actor, name: "demand", challenge, site: claim.of.root };
    }
    yield answer(challenge, ACTOR.cheat);
    // One too many.
    yield { actor, name: "demand", challenge, site: claim.of.root };
  }
}

function playWithdrawal({ model, random }: Table): Call | null {
  const from = random.once(2) ? "registry" : "game";
  const owed = [...model.credits[from]].filter(([, wei_]) => wei_ > 0n).map(([actor]) => actor);
  const actor = random.pick(owed);
  return actor === undefined ? null : { actor, name: "withdraw", from };
}

/** The players, as often as they play. */
const TURNS: { player: (table: Table) => Call | null; weight: number }[] = [
  { player: playClaimant, weight: 5 },
  { player: playCheat, weight: 8 },
  { player: playChallenger, weight: 6 },
  { player: playProver, weight: 2 },
  { player: playTroll, weight: 6 },
  { player: playCopier, weight: 3 },
  { player: playWatchtower, weight: 6 },
  { player: playSeventh, weight: 5 },
  { player: playWithdrawal, weight: 1 },
  { player: playPoster, weight: 2 },
  { player: playEager, weight: 2 },
  { player: playChance, weight: 5 },
];
const ALL_TURNS = TURNS.flatMap(({ player, weight }) => Array<typeof player>(weight).fill(player));

/** Players that mostly try what the rules refuse. */
const MISCHIEF = [playChance, playEager, playPoster];

/** What somebody does next. Dishonest players try what the rules refuse too, but most of that is left to chance. */
export function anyCall(table: Table): Call | null {
  const player = ALL_TURNS[table.random.below(ALL_TURNS.length)];
  const call = player(table);
  if (call === null || MISCHIEF.includes(player) || rulesBroken(table.model, call).length === 0) return call;
  return table.random.once(8) ? call : null;
}
