// A right claim, whatever its challengers do: every demand that the game accepts, from every position and in any way of asking,
// the honest claimant, as nodes play it, can answer; every proof of what is right is refused; so it wins every time.
import assert from "node:assert/strict";

import { bytesToHex, type Hex } from "viem";

import {
  buildElementProof,
  buildPaddingProof,
  buildSlotProof,
  encodeProof,
  viewOfRun,
  type FraudProof,
  type Run,
  type StepShown,
  type Tamper,
} from "@lockstep/node/engine";
import { claimantMove, type ClaimantMove } from "@lockstep/node/players";

import { answerName, claimArgument, dataOf, playBlock } from "../invariants/arena.ts";
import { caseOf, type Case, type Proof } from "../invariants/cases.ts";
import { depositOf, type Call, type Challenge } from "../invariants/model.ts";
import { newChallenge } from "../invariants/pieces.ts";
import { SECTION, keyOf, sitesOf, type Demand, type Move, type Place, type Site } from "../invariants/sites.ts";
import {
  CHALLENGER,
  CLAIMANT,
  STRANGER,
  beginChallenge,
  beginClaim,
  branch,
  finalize,
  letExpire,
  make,
  moments,
  refuse,
  type Board,
} from "./board.ts";
import { honestRun, liesOf, lyingRun, type Shape } from "./shapes.ts";

interface Dispute {
  board: Board;
  of: Case;
  truth: Run;
  challenge: Challenge;
}

/** Tries every demand from every position, every proof, and every end. `pairs` also asks for every node after every other. */
export async function solveRightClaim(
  board: Board,
  shape: Shape,
  trace: "full" | "deferred",
  pairs: boolean,
): Promise<void> {
  const truth = honestRun(shape, trace);
  const of = caseOf(`${shape.name}, ${trace}, right`, truth, sitesOf(truth), null);
  await branch(board, async () => {
    await beginClaim(board, of);
    await branch(board, () => tryStrangeDemands(board, of, truth));
    if (of.deferred) await refuseUnposted(board, of);
    for (const site of of.demandable) {
      if (site.needsPosted !== null) continue;
      await branch(board, async () => {
        const challenge = await beginChallenge(board, site);
        await claimantsTurn({ board, of, truth, challenge }, pairs ? 2 : 1);
      });
    }
    await branch(board, async () => {
      const challenge = await beginChallenge(board, of.root);
      const dispute = { board, of, truth, challenge };
      await answerNow(dispute);
      await refuseProofs(dispute, shape, trace);
      await askAndAsk(dispute);
    });
  });
}

/** The claimant answers at once; then its challenger goes on with all that it can ask for `depth` more times, or with nothing. */
async function claimantsTurn(dispute: Dispute, depth: number): Promise<void> {
  const { board, challenge } = dispute;
  board.figures.positions++;
  const isPosting = dispute.of.deferred && challenge.site.answer.kind === "step";
  await answerNow(dispute);
  board.figures.positions++;
  const { site } = challenge;
  await branch(board, async () => {
    const move = site.moves[0];
    const late: Call[] = move === undefined ? [] : [{ actor: CHALLENGER, name: move.kind, challenge, move }];
    await letExpire(board, challenge, late);
    assert.equal(challenge.phase, "lost");
    await finalize(board);
    checkStands(dispute);
  });
  if (depth === 0) return;
  for (const now of moments(board, challenge)) {
    for (const move of site.moves) {
      await branch(board, async () => {
        await make(board, { actor: CHALLENGER, name: move.kind, challenge, move }, now, strangeMoves(challenge, move));
        await claimantsTurn(dispute, 0);
      });
    }
  }
  // After a step was opened, or where all pairs are wanted, anything may be asked for from here.
  for (const to of dispute.of.demandable) {
    const isNew = isPosting && to.needsPosted === site.place.step;
    if (!isNew && (depth < 2 || (to.needsPosted !== null && !challenge.claim.posted.has(to.needsPosted)))) continue;
    await branch(board, async () => {
      await make(board, { actor: CHALLENGER, name: "demand", challenge, site: to });
      await claimantsTurn(dispute, isNew ? 1 : 0);
    });
  }
}

/** The answer that a node gives, from its run and the position alone; it is the one the game takes, and takes no time. */
async function answerNow({ board, truth, challenge }: Dispute): Promise<void> {
  const { site } = challenge;
  checkAnswer(claimantMove(truth, site.place), site);
  await make(board, { actor: CLAIMANT, name: answerName(site), challenge, site });
  assert.equal(challenge.claimantUsed, 0);
}

function checkAnswer(move: ClaimantMove, { answer, key }: Site): void {
  switch (move.kind) {
    case "open":
      assert.ok(answer.kind === "nodes", key);
      assert.deepEqual(move.nodes, answer.nodes);
      break;
    case "openChunk":
      assert.ok(answer.kind === "chunk", key);
      assert.equal(bytesToHex(move.chunk), answer.chunk);
      break;
    case "openStep":
      assert.ok(answer.kind === "step", key);
      assert.deepEqual([move.stateRoot, move.nodes], [answer.stateRoot, answer.nodes]);
      break;
  }
}

/** The claimant has its bond and every deposit, and nobody else anything. */
function checkStands({ board, of }: Dispute): void {
  const { model, claim, figures } = board;
  assert.equal(claim.phase, "final");
  assert.equal(claim.of, of);
  assert.equal(model.credits.registry.get(CLAIMANT), claim.bondWei);
  const lost = model.challenges.filter(({ phase }) => phase === "lost").length;
  assert.equal(model.credits.game.get(CLAIMANT) ?? 0n, BigInt(lost) * depositOf(model, claim));
  assert.equal(model.credits.game.get(CHALLENGER) ?? 0n, 0n);
  figures.lines++;
}

/** The same relative move with something changed: refused, whatever it is. */
function strangeMoves(challenge: Challenge, move: Move): Call[] {
  const actor = CHALLENGER;
  const changed: Move[] = [
    { ...move, index: move.index + 1 },
    { ...move, index: move.index ^ 1 },
    { ...move, path: [...move.path, challenge.site.node] },
    { ...move, path: move.path.slice(1) },
    { ...move, path: move.path.map((sibling) => flip(sibling)) },
    { ...move, to: { ...move.to, node: flip(move.to.node) } },
    { ...move, to: challenge.site },
  ].filter((each) => !challenge.site.moves.some((known) => isSameMove(each, known)));
  return [
    ...changed.map((each): Call => ({ actor, name: move.kind, challenge, move: each })),
    { actor, name: move.kind === "enter" ? "descend" : "enter", challenge, move },
    { actor: STRANGER, name: move.kind, challenge, move },
  ];
}

/** Two leaves may hold the same: then each is asked for in the same words. */
function isSameMove(one: Move, other: Move): boolean {
  return one.index === other.index && one.to.node === other.to.node && one.path.join() === other.path.join();
}

const flip = (hash: Hex): Hex => `${hash.slice(0, -1)}${(Number.parseInt(hash.slice(-1), 16) ^ 1).toString(16)}` as Hex;

/** Where nothing was posted yet, nothing below a step's scratch root can be asked for. */
async function refuseUnposted(board: Board, of: Case): Promise<void> {
  const valueWei = depositOf(board.model, board.claim);
  const calls = of.demandable
    .filter(({ needsPosted }) => needsPosted !== null)
    .map((site): Call => {
      const challenge = newChallenge(board.arena, board.claim, CHALLENGER, ++board.nonces, site);
      return { actor: CHALLENGER, name: "challenge", challenge, valueWei };
    });
  await refuse(board, calls);
}

/** All demands of a challenge are answered; then there are no more. */
async function askAndAsk(dispute: Dispute): Promise<void> {
  const { board, of, challenge } = dispute;
  while (challenge.demands < 16) {
    await make(board, { actor: CHALLENGER, name: "demand", challenge, site: of.root });
    await answerNow(dispute);
  }
  await refuse(board, [{ actor: CHALLENGER, name: "demand", challenge, site: of.root }]);
  await letExpire(board, challenge, []);
  await finalize(board);
  checkStands(dispute);
}

// ---------------------------------------------------------------- proofs

/** Proofs of every place a lie could stand at, all of it shown as it is. */
async function refuseProofs(
  { board, challenge, of, truth }: Dispute,
  shape: Shape,
  trace: "full" | "deferred",
): Promise<void> {
  const calls = liesOf(shape).map((tamper): Call => {
    const fraud = proofOfTruth(lyingRun(shape, trace, tamper), truth, tamper);
    const proof: Proof = { kind: fraud.kind, bytes: encodeProof(fraud), needs: null };
    return { actor: CHALLENGER, name: "prove", challenge, proof, postedStep: tamper.step, proofOf: of };
  });
  if (!of.deferred) return refuse(board, calls);
  // With every scratch root posted, so that nothing but what is right stands in the way.
  for (let step = 0; step < of.steps; step++) {
    const site = of.sites.get(keyOf({ section: SECTION.steps, height: 0, step: 0, item: 0, index: step }))!;
    await make(board, { actor: CHALLENGER, name: "demand", challenge, site });
    await make(board, { actor: CLAIMANT, name: "openStep", challenge, site });
  }
  await refuse(board, calls);
}

/** The proof that a lie there would end by, with the claim's own words and paths in place of the lie. */
function proofOfTruth(lying: Run, truth: Run, tamper: Tamper): FraudProof {
  const [view, right] = [viewOfRun(lying), viewOfRun(truth)];
  const { step } = tamper;
  if ("item" in tamper) {
    const proof = buildSlotProof(view, step, tamper.item);
    const at = { section: SECTION.stateTensor, step, item: tamper.item } as const;
    const top = topOf(truth, at);
    const { demand } = top;
    const own = demand.path.length - stepDepth(truth) - 1;
    return {
      kind: 1,
      proof: {
        ...proof,
        step: stepOf(truth, step),
        previous: previousOf(truth, proof.previous),
        itemRoot: top.node,
        itemSiblings: demand.path.slice(0, own),
      },
    };
  }
  const { primitive, element } = tamper;
  const { length } = truth.program.segments[0].records[primitive];
  const top = topOf(truth, { section: SECTION.scratchTensor, step, item: primitive });
  const end = truth.trace === "deferred" ? top.demand.path.length : top.demand.path.length - stepDepth(truth) - 1;
  const siblings = top.demand.path.slice(0, end);
  const index = Math.floor(element / 256);
  const chunk = sitesOf(truth).get(keyOf({ section: SECTION.scratchTensor, height: 0, step, item: primitive, index }))!;
  if (chunk.answer.kind !== "chunk") throw new RangeError("a leaf of a tensor is a chunk");
  const range = { first: index, chunks: chunk.answer.chunk, siblings: chunk.demand.path.slice(0, top.place.height) };
  if (element >= length) {
    const proof = buildPaddingProof(view, 3, step, primitive);
    return { kind: 2, proof: { ...proof, step: stepOf(truth, step), root: top.node, siblings, chunk: range } };
  }
  const proof = buildElementProof(view, step, primitive, element);
  assert.equal(right.node(top.place as Parameters<typeof right.node>[0]), top.node);
  return {
    kind: 0,
    proof: {
      ...proof,
      step: stepOf(truth, step),
      previous: previousOf(truth, proof.previous),
      outputRoot: top.node,
      outputSiblings: siblings,
      output: range,
    },
  };
}

const stepDepth = (run: Run): number => run.stepTree.depth;

function topOf(run: Run, at: Pick<Place, "section" | "step" | "item">): Site {
  const sites = sitesOf(run);
  let top: Site | undefined;
  for (let height = 0; ; height++) {
    const above = sites.get(keyOf({ ...at, height, index: 0 }));
    if (above === undefined) break;
    top = above;
  }
  if (top === undefined) throw new RangeError("no such tensor");
  return top;
}

function stepOf(run: Run, step: number): StepShown {
  const { answer, demand } = sitesOf(run).get(
    keyOf({ section: SECTION.steps, height: 0, step: 0, item: 0, index: step }),
  )!;
  if (answer.kind !== "step") throw new RangeError("a step is opened as one");
  return { step, scratchRoot: answer.scratchRoot, stateRoot: answer.stateRoot, siblings: demand.path };
}

function previousOf(run: Run, previous: StepShown): StepShown {
  if (previous.siblings.length === 0 && BigInt(previous.stateRoot) === 0n) return previous;
  const shown = stepOf(run, previous.step);
  return run.trace === "deferred" ? { ...shown, scratchRoot: previous.scratchRoot } : shown;
}

// ---------------------------------------------------------------- strange demands

/** Demands with a position, a path or a node that is not quite right: what is accepted all the same can be answered. */
async function tryStrangeDemands(board: Board, of: Case, truth: Run): Promise<void> {
  const { arena, claim, model, figures } = board;
  const demands = of.demandable.flatMap((site) => [...strangeDemands(site, of)]);
  const target = arena.game;
  const argument = claimArgument(arena, claim);
  for (let from = 0; from < demands.length; from += 200) {
    const some = demands.slice(from, from + 200);
    const nonces = some.map(() => ++board.nonces);
    const calls = some.map((demand, i) => ({
      actor: CHALLENGER,
      target,
      valueWei: depositOf(model, claim),
      data: dataOf(arena, "game", "challenge", [argument, nonces[i], demand]),
    }));
    const outcomes = await playBlock(arena, model.now, calls);
    const answers = some.flatMap(({ position }, i) => {
      assert.match(outcomes[i].refusal, /^([A-Z]\w+)?$/, `${keyOf(position)}: no typed error`);
      if (!outcomes[i].ok) {
        figures.refused++;
        return [];
      }
      const who = [arena.actors[CHALLENGER], nonces[i]];
      const move = claimantMove(truth, position);
      const args =
        move.kind === "open"
          ? [claim.id, ...who, move.nodes]
          : move.kind === "openChunk"
            ? [claim.id, ...who, bytesToHex(move.chunk)]
            : [argument, ...who, move.stateRoot, move.nodes];
      return [{ position, actor: CLAIMANT, target, valueWei: 0n, data: dataOf(arena, "game", move.kind, args) }];
    });
    const answered = answers.length === 0 ? [] : await playBlock(arena, model.now, answers);
    answered.forEach(({ ok, refusal }, i) => {
      assert.ok(ok, `${keyOf(answers[i].position)} of ${of.name} was demanded and can't be opened: ${refusal}`);
      figures.moves++;
    });
  }
}

function* strangeDemands({ demand, place }: Site, of: Case): Generator<Demand> {
  yield demand;
  const at = (changes: Partial<Place>, more: Partial<Demand> = {}): Demand => ({
    ...demand,
    ...more,
    position: { ...place, ...changes },
  });
  for (const field of ["height", "step", "item", "index"] as const) {
    for (const change of [-1, 1, 2]) if (place[field] + change >= 0) yield at({ [field]: place[field] + change });
  }
  for (let section = 0; section <= 8; section++) {
    yield at({ section });
    if (section <= 7) yield at({ section, item: place.index, index: place.item });
  }
  const { path } = demand;
  for (let length = 0; length < path.length; length++) yield { ...demand, path: path.slice(0, length) };
  yield { ...demand, path: [...path, of.traceRoot] };
  // The same node seen as one that is higher up, or its parent as it.
  if (path.length > 0) yield at({ height: place.height + 1, index: place.index >> 1 }, { path: path.slice(1) });
  yield { ...demand, node: of.traceRoot, path: [] };
  yield { ...demand, node: of.inputsRoot, path: [] };
  for (const [key, value] of Object.entries(demand.shown)) {
    if (value.length > (typeof value === "string" ? 2 : 0)) {
      yield { ...demand, shown: { ...demand.shown, [key]: typeof value === "string" ? "0x" : [] } };
    }
  }
}
