// One claim and its challenge on the real contracts, from which every line of play is tried: moves go to the contracts and to the
// model of the rules at once and must come to the same; taking a move back takes it back on both.
import assert from "node:assert/strict";

import type { Hex } from "viem";

import { PARAMETERS, createArena, encodeCall, playBlock, type Arena } from "../invariants/arena.ts";
import type { Case } from "../invariants/cases.ts";
import { deadlineOf, isOpen, type Call, type Challenge, type Claim, type Model } from "../invariants/model.ts";
import { apply, gameOwes, registryOwes } from "../invariants/changes.ts";
import { rulesBroken } from "../invariants/rules.ts";
import { newChallenge, newClaim } from "../invariants/pieces.ts";
import type { Site } from "../invariants/sites.ts";

export const CLAIMANT = 0;
export const CHALLENGER = 2;
export const STRANGER = 4;

/** What was tried. */
export interface Figures {
  /** Where the lie stands: one claim each. */
  lies: number;
  /** Nodes with a side to move that were reached, by a way each. */
  positions: number;
  /** Plays from the reveal to an ending. */
  lines: number;
  /** Moves made on the contracts, and calls that they refused. */
  moves: number;
  refused: number;
  /** The most demands of a line, of honest challengers. */
  demands: number;
}

export const noFigures = (): Figures => ({ lies: 0, positions: 0, lines: 0, moves: 0, refused: 0, demands: 0 });

export interface Board {
  arena: Arena;
  model: Model;
  claim: Claim;
  figures: Figures;
  nonces: bigint;
}

/** A chain with the programs of the cases. */
export async function createBoards(cases: Case[], figures: Figures): Promise<Board> {
  const arena = await createArena(cases, null);
  const model: Model = {
    parameters: PARAMETERS,
    auditor: null,
    holding: false,
    now: arena.start.now + 1,
    block: arena.start.block,
    claims: [],
    challenges: [],
    pledges: [],
    credits: { registry: new Map(), game: new Map() },
    burntWei: 0n,
  };
  return { arena, model, claim: claimOf(arena, cases[0], 1), figures, nonces: 1n };
}

function claimOf(arena: Arena, of: Case, number: number): Claim {
  const bondWei = PARAMETERS.minBondWei * 4n;
  return newClaim(arena, { number, of, claimant: CLAIMANT, operator: null, moveFeeWei: bondWei / 512n, bondWei });
}

/** Commits to and reveals a claim of the case. */
export async function beginClaim(board: Board, of: Case): Promise<void> {
  board.claim = claimOf(board.arena, of, Number(++board.nonces));
  const { claim } = board;
  await make(board, { actor: CLAIMANT, name: "commit", claim });
  await make(board, { actor: CLAIMANT, name: "reveal", claim });
}

/** Opens a challenge with a demand of the site. */
export async function beginChallenge(board: Board, site: Site): Promise<Challenge> {
  const { arena, model, claim } = board;
  const challenge = newChallenge(arena, claim, CHALLENGER, ++board.nonces, site);
  const valueWei = 16n * claim.moveFeeWei + model.parameters.challengeFloorWei;
  await make(board, { actor: CHALLENGER, name: "challenge", challenge, valueWei });
  return challenge;
}

/** Makes a move that must succeed, at the second `now`, after calls that must all be refused. */
export async function make(board: Board, call: Call, now = board.model.now, refused: Call[] = []): Promise<void> {
  await play(board, [...refused.map((each) => ({ call: each, isRefused: true })), { call, isRefused: false }], now);
}

/** Makes calls that must all be refused. */
export async function refuse(board: Board, calls: Call[], now = board.model.now): Promise<void> {
  if (calls.length === 0) return;
  await play(
    board,
    calls.map((call) => ({ call, isRefused: true })),
    now,
  );
}

async function play(board: Board, moves: { call: Call; isRefused: boolean }[], now: number): Promise<void> {
  const { arena, model, figures } = board;
  model.now = now;
  model.block++;
  const expected = moves.map(({ call, isRefused }) => {
    const broken = rulesBroken(model, call);
    assert.equal(broken.length > 0, isRefused, `${call.name} breaks ${broken.join(", ") || "no rule"}`);
    const encoded = encodeCall(arena, call);
    if (!isRefused) apply(model, call);
    return { call, broken, encoded, registryWei: registryOwes(model), gameWei: gameOwes(model) };
  });
  const outcomes = await playBlock(
    arena,
    now,
    expected.map(({ encoded }) => encoded),
  );
  outcomes.forEach((outcome, i) => {
    const { call, broken, registryWei, gameWei } = expected[i];
    const said = `${call.name} in ${board.claim.of.name}: ${outcome.ok ? "succeeded" : outcome.refusal}`;
    assert.equal(outcome.ok, broken.length === 0, said);
    if (!outcome.ok) {
      assert.match(outcome.refusal, /^[A-Z]\w+$/, `${said}: no typed error`);
      assert.ok(broken.includes("*") || broken.includes(outcome.refusal), `${said}, expected ${broken.join(" or ")}`);
      figures.refused++;
    } else {
      figures.moves++;
    }
    assert.deepEqual([outcome.registryWei, outcome.gameWei], [registryWei, gameWei], `${said}: other amounts are held`);
  });
}

/** Plays on and takes everything back. */
export async function branch(board: Board, line: () => Promise<void>): Promise<void> {
  const { provider } = board.arena;
  const restore = remember(board);
  const snapshot = await provider.request({ method: "evm_snapshot" });
  await line();
  await provider.request({ method: "evm_revert", params: [snapshot as Hex] });
  restore();
}

function remember(board: Board): () => void {
  const { model, claim } = board;
  const claims = model.claims.map((each) => [each, { ...each, posted: new Map(each.posted) }] as const);
  const challenges = model.challenges.map((each) => [each, { ...each }] as const);
  const pledges = model.pledges.map((each) => [each, { ...each }] as const);
  const { now, block, burntWei } = model;
  const credits = { registry: new Map(model.credits.registry), game: new Map(model.credits.game) };
  const of = claim.of;
  return () => {
    for (const [each, kept] of [...claims, ...challenges, ...pledges]) Object.assign(each, kept);
    model.claims = claims.map(([each]) => each);
    model.challenges = challenges.map(([each]) => each);
    model.pledges = pledges.map(([each]) => each);
    Object.assign(model, { now, block, burntWei, credits });
    board.claim = claim;
    claim.of = of;
  };
}

/** The seconds at which a side that has until its deadline may move, as far as they differ: at once, and in the last one. */
export function moments({ model }: Board, challenge: Challenge): number[] {
  const deadline = deadlineOf(model, challenge);
  return deadline > model.now ? [model.now, deadline] : [model.now];
}

/** Ends the time of the side to move, and the challenge with it. */
export async function letExpire(board: Board, challenge: Challenge, late: Call[]): Promise<void> {
  const deadline = deadlineOf(board.model, challenge);
  const timeout: Call = { actor: STRANGER, name: "timeout", challenge };
  await refuse(board, [timeout], deadline);
  await make(board, timeout, deadline + 1, late);
}

/** The claim stood: it becomes final as soon as its time is over, whatever was done. */
export async function finalize(board: Board): Promise<void> {
  const { model, claim } = board;
  assert.ok(model.challenges.every((challenge) => !isOpen(challenge)));
  const over = claim.challengeUntil + model.parameters.proofRevealSeconds + 1;
  await make(board, { actor: STRANGER, name: "finalize", claim }, Math.max(model.now, over));
}
