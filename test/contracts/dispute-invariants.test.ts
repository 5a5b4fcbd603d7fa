// Random play by many actors over several claims at once. Whatever they do: both contracts hold what they owe, a right claim
// whose claimant answers stands, a wrong one falls to an honest challenger, every claim ends in bounded time, at least half
// of every slashed bond burns, no call panics, and once all is played out not one wei is left behind.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, numberToHex, type Address, type Hex } from "viem";

import {
  assertSolvent,
  BOND,
  CHALLENGE,
  CLAIM,
  commit,
  commitmentOf,
  createWorld,
  demandTop,
  FEE,
  HIGH_FEE,
  openChallenge,
  openTop,
  PARAMETERS,
  prepare,
  proofOfFault,
  reveal,
  type Commitment,
  type World,
} from "./support/world.ts";

const SEEDS = [0xa11ce, 0xb0b, 0xca21, 0xd0d0];
const ACTIONS = 240;
const CLAIMS = 8;
// Older challenges have mostly ended.
const RECENT = 6;
const CLOCK = BigInt(PARAMETERS.clockSeconds);
const SALT = keccak256("0x53");
const PROOF = proofOfFault();

interface ClaimInPlay extends Commitment {
  wrong: boolean;
  /** Whether the claimant reveals, and answers demands. */
  present: boolean;
}

interface Play {
  world: World;
  claims: ClaimInPlay[];
  challenges: { id: Hex; challenger: Address; claim: ClaimInPlay }[];
  proofs: { claim: ClaimInPlay; committer: Address; commitment: Hex }[];
  actors: Address[];
  counts: Map<string, number>;
  random: (below: number) => number;
}

/** xorshift32: the same play for the same seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function pick<T>({ random }: Play, items: readonly T[]): T | undefined {
  return items[random(items.length || 1)];
}

/** Tries a call; counts it if it succeeds, and if not, demands a typed error. */
async function attempt(play: Play, name: string, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.match(error.message, /custom error '[A-Z]\w+\(/, `${name} failed without a typed error: ${error.message}`);
    return false;
  }
  play.counts.set(name, (play.counts.get(name) ?? 0) + 1);
  return true;
}

async function startClaim(play: Play): Promise<void> {
  const { world, claims, random, actors } = play;
  if (claims.length === CLAIMS) return;
  const moveFeeWei = random(2) === 0 ? FEE : HIGH_FEE;
  const inputsRoot = numberToHex(claims.length + 1, { size: 32 });
  const claimant = actors[random(2)];
  const commitment = await prepare(world, { moveFeeWei, inputsRoot }, { claimant });
  const claim = { ...commitment, wrong: random(3) > 0, present: random(4) > 0 };
  await attempt(play, "commit", () => commit(world, claim));
  claims.push(claim);
  if (claim.present) await attempt(play, "reveal", () => reveal(world, claim));
}

async function startChallenge(play: Play): Promise<void> {
  const { world, challenges, actors } = play;
  const claim = pick(play, play.claims);
  const challenger = pick(play, actors);
  if (claim === undefined || challenger === undefined) return;
  const value = await world.game.read.depositOf([claim.claimId]);
  const done = await attempt(play, "challenge", () =>
    world.game.write.challenge([claim.claimId], { account: challenger, value }),
  );
  if (!done) return;
  const [event] = await world.game.getEvents.ChallengeOpened({}, { fromBlock: "latest" });
  challenges.push({ id: event.args.challengeId!, challenger, claim });
}

async function commitProof(play: Play): Promise<void> {
  const { world, proofs, actors } = play;
  const claim = pick(play, play.claims);
  const committer = pick(play, actors);
  if (claim === undefined || committer === undefined) return;
  const commitment = await commitmentOf(world, claim.claimId, committer, SALT, 0, PROOF);
  const done = await attempt(play, "commitProof", () =>
    world.game.write.commitProof([claim.claimId, commitment], { account: committer, value: PARAMETERS.proofBondWei }),
  );
  if (done) proofs.push({ claim, committer, commitment });
}

/** A right claim cannot be proven wrong: the mock referees refuse empty proofs. */
const proofAgainst = (claim: ClaimInPlay): Hex => (claim.wrong ? PROOF : "0x");

async function prove(play: Play): Promise<void> {
  const challenge = pick(play, play.challenges.slice(-RECENT));
  if (challenge === undefined) return;
  const { id, challenger, claim } = challenge;
  const { write } = play.world.game;
  const done = await attempt(play, "prove", () => write.prove([id, 0, proofAgainst(claim)], { account: challenger }));
  assert.ok(!done || claim.wrong);
}

/** Reveals a commitment; counts by itself the case that it takes the bounty from another. */
async function revealProof(play: Play): Promise<void> {
  const proof = pick(play, play.proofs);
  if (proof === undefined || !proof.claim.wrong) return;
  const { claimId } = proof.claim;
  const { write, read } = play.world.game;
  const { sequence, settleAfter } = await read.bountyOf([claimId]);
  const done = await attempt(play, "revealProof", () =>
    write.revealProof([claimId, 0, PROOF, SALT], { account: proof.committer }),
  );
  if (!done || settleAfter === 0n) return;
  const { sequence: winning } = await read.bountyOf([claimId]);
  assert.ok(winning <= sequence);
  if (winning < sequence) play.counts.set("take a bounty", (play.counts.get("take a bounty") ?? 0) + 1);
}

const ACTIONS_OF_PLAY: ((play: Play) => Promise<unknown>)[] = [
  startClaim,
  startChallenge,
  startChallenge,
  commitProof,
  ...Array<(play: Play) => Promise<unknown>>(4).fill(async (play) => {
    const challenge = pick(play, play.challenges.slice(-RECENT));
    if (challenge === undefined) return;
    await attempt(play, "demand", () => demandTop(play.world, challenge.id, challenge.challenger));
  }),
  async (play) => {
    const challenge = pick(play, play.challenges.slice(-RECENT));
    if (challenge === undefined) return;
    await attempt(play, "open", () => openTop(play.world, challenge.id, play.actors[0]));
  },
  prove,
  prove,
  prove,
  revealProof,
  async (play) => {
    const challenge = pick(play, play.challenges.slice(-RECENT));
    if (challenge !== undefined) await attempt(play, "timeout", () => play.world.game.write.timeout([challenge.id]));
  },
  async (play) => {
    const challenge = pick(play, play.challenges.slice(-RECENT));
    const account = pick(play, play.actors);
    if (challenge === undefined) return;
    await attempt(play, "close", () => play.world.game.write.close([challenge.id], { account }));
  },
  async (play) => {
    const claim = pick(play, play.claims);
    if (claim === undefined) return;
    await attempt(play, "settleBounty", () => play.world.game.write.settleBounty([claim.claimId]));
  },
  async (play) => {
    const claim = pick(play, play.claims);
    if (claim === undefined) return;
    await attempt(play, "finalize", () => play.world.claims.write.finalize([claim.claimId]));
    await attempt(play, "forfeit", () => play.world.claims.write.forfeit([claim.claimId]));
  },
  async (play) => {
    const account = pick(play, play.actors);
    await attempt(play, "withdraw", () => play.world.game.write.withdraw({ account }));
    await attempt(play, "withdraw a bond", () => play.world.claims.write.withdraw({ account }));
  },
  async (play) => {
    await play.world.time.increase(1 + play.random(60));
  },
];

/** A claimant that is present answers every demand at once. */
async function answerDemands(play: Play): Promise<void> {
  for (const { id, claim } of play.challenges) {
    if (!claim.present) continue;
    const { status } = await play.world.game.read.challengeOf([id]);
    if (status === CHALLENGE.claimantTurn) {
      await attempt(play, "open", () => openTop(play.world, id, claim.claimant));
    }
  }
}

/** An honest challenger proves every wrong claim whose window is open. */
async function challengeWrongClaims(play: Play): Promise<void> {
  const { world, challenges, actors } = play;
  const challenger = actors[3];
  const now = BigInt(await world.time.latest());
  for (const claim of play.claims) {
    const { status, challengeUntil } = await world.claims.read.bondOf([claim.claimId]);
    if (!claim.wrong || status !== CLAIM.revealed || challengeUntil < now + 5n) continue;
    const id = await openChallenge(world, claim.claimId, challenger);
    challenges.push({ id, challenger, claim });
    await world.game.write.prove([id, 0, PROOF], { account: challenger });
    assert.equal(await world.claims.read.statusOf([claim.claimId]), CLAIM.slashed);
  }
}

/** Ends everything that is not ended; nothing may take longer than the rules say. */
async function playOut(play: Play): Promise<void> {
  const { world, challenges, claims, proofs } = play;
  const { game, time } = world;
  // Whatever was opened by now is over after the window and both clocks, and R after that for bounties.
  for (const seconds of [PARAMETERS.windowSeconds, CLOCK, CLOCK, PARAMETERS.proofRevealSeconds + 1n]) {
    await time.increase(seconds + 1n);
    for (const { id } of challenges) await attempt(play, "timeout", () => game.write.timeout([id]));
  }
  for (const { claimId } of claims) {
    await attempt(play, "settleBounty", () => game.write.settleBounty([claimId]));
    await attempt(play, "finalize", () => world.claims.write.finalize([claimId]));
    await attempt(play, "forfeit", () => world.claims.write.forfeit([claimId]));
  }
  for (const { id } of challenges) await attempt(play, "close", () => game.write.close([id]));
  for (const { claim, committer, commitment } of proofs) {
    const args = [claim.claimId, committer, commitment] as const;
    await attempt(play, "forfeitProof", () => game.write.forfeitProof(args));
  }
  for (const account of play.actors) {
    await attempt(play, "withdraw", () => game.write.withdraw({ account }));
    await attempt(play, "withdraw a bond", () => world.claims.write.withdraw({ account }));
  }
}

async function checkEndings(play: Play): Promise<void> {
  const { world } = play;
  for (const { claimId, wrong, present } of play.claims) {
    const status = await world.claims.read.statusOf([claimId]);
    if (!present) assert.equal(status, CLAIM.forfeited);
    else if (!wrong) assert.equal(status, CLAIM.final, "a right claim must stand");
    else assert.ok(status === CLAIM.final || status === CLAIM.slashed);
    play.counts.set(`ended ${status}`, (play.counts.get(`ended ${status}`) ?? 0) + 1);
  }
  for (const { args } of await world.claims.getEvents.ClaimSlashed({}, { fromBlock: 0n })) {
    assert.ok(args.burntWei! * 2n >= BOND, `${args.burntWei} of ${BOND} burnt`);
  }
  for (const { address } of [world.claims, world.game]) {
    assert.equal(await world.client.getBalance({ address }), 0n, "coin left behind");
  }
}

describe("disputes under random play", () => {
  const counts = new Map<string, number>();

  for (const seed of SEEDS) {
    it(`keeps its invariants with seed 0x${seed.toString(16)}`, async () => {
      const world = await createWorld();
      const { claimant, challenger, second, third } = world.accounts;
      const actors = [claimant, second, challenger, third];
      const random = createRandom(seed);
      const play: Play = { world, claims: [], challenges: [], proofs: [], actors, counts, random };
      for (let i = 0; i < ACTIONS; i++) {
        await ACTIONS_OF_PLAY[random(ACTIONS_OF_PLAY.length)](play);
        await answerDemands(play);
        if (i % 20 === 0) await assertSolvent(world);
      }
      await assertSolvent(world);
      await challengeWrongClaims(play);
      await playOut(play);
      await assertSolvent(world);
      await checkEndings(play);
    });
  }

  it("made every move and reached every ending", (t) => {
    t.diagnostic(JSON.stringify(Object.fromEntries(counts)));
    for (const name of [
      "commit",
      "reveal",
      "challenge",
      "demand",
      "open",
      "prove",
      "revealProof",
      "take a bounty",
      "commitProof",
      "forfeitProof",
      "timeout",
      "close",
      "settleBounty",
      "finalize",
      "forfeit",
      "withdraw",
      "withdraw a bond",
      `ended ${CLAIM.final}`,
      `ended ${CLAIM.slashed}`,
      `ended ${CLAIM.forfeited}`,
    ]) {
      assert.ok((counts.get(name) ?? 0) > 0, `${name} never happened`);
    }
  });
});
