// A wrong claim, whatever its claimant does: answers at once or in its last second, falls silent at any demand, shows what is not
// asked for, or posts any scratch root for a step of a deferred trace. The honest challenger, as nodes play it, wins every time.
import assert from "node:assert/strict";

import { hexToBytes, keccak256, numberToHex, type Hex } from "viem";

import { encodeProof, traceRootOf, type Opening, type Run, type Tamper } from "@lockstep/node/engine";
import { challengerMove, stepOpenings } from "@lockstep/node/players";

import { answerName, isMangleable } from "../invariants/arena.ts";
import { caseOf, lyingCase, type Case, type Proof } from "../invariants/cases.ts";
import { depositOf, type Call, type Challenge } from "../invariants/model.ts";
import { newPledge } from "../invariants/pieces.ts";
import { SECTION, keyOf, sitesOf, type Site } from "../invariants/sites.ts";
import {
  CHALLENGER,
  CLAIMANT,
  STRANGER,
  beginChallenge,
  beginClaim,
  branch,
  letExpire,
  make,
  moments,
  type Board,
} from "./board.ts";
import { honestRun, lyingRun, type Shape } from "./shapes.ts";

interface Dispute {
  board: Board;
  challenge: Challenge;
  truth: Run;
  /** Trees that the claimant may post in place of its own, by step; with the leaves of which it has nothing. */
  posts: (step: number) => Post[];
  openings: Opening[];
}

/** A scratch tree to post, and what it makes of the claim. */
interface Post {
  of: Case;
  /** Keys of sites whose preimage nobody has. */
  unknown: Set<string>;
}

/** Tries every line of play about one lie. */
export async function solveWrongClaim(
  board: Board,
  shape: Shape,
  trace: "full" | "deferred",
  tamper: Tamper,
): Promise<void> {
  const truth = honestRun(shape, trace);
  const name = `${shape.name}, ${trace}, ${JSON.stringify(tamper)}`;
  const of = lyingCase(name, shape.fixture, shape.steps, trace, tamper, sitesOf(truth));
  // A deferred trace does not hold what no state shows: the claim is right.
  if (of.traceRoot === traceRootOf(truth)) return;
  board.figures.lies++;
  await branch(board, async () => {
    await beginClaim(board, of);
    const challenge = await beginChallenge(board, of.root);
    const posts = (step: number) => postsOf(shape, truth, of, tamper, step);
    await claimantsTurn({ board, challenge, truth, posts, openings: [] }, new Set());
  });
}

async function claimantsTurn(dispute: Dispute, unknown: Set<string>): Promise<void> {
  const { board, challenge } = dispute;
  board.figures.positions++;
  const { site, claim } = challenge;
  const answer: Call = { actor: CLAIMANT, name: answerName(site), challenge, site };
  await branch(board, async () => {
    await letExpire(board, challenge, [answer]);
    checkWon(dispute);
  });
  if (unknown.has(site.key)) return;
  const isPosting = site.answer.kind === "step" && claim.of.deferred && !claim.posted.has(site.answer.step);
  const posts: Post[] = isPosting ? dispute.posts(site.place.index) : [];
  for (const now of moments(board, challenge)) {
    await branch(board, async () => {
      await make(board, answer, now, wrongAnswers(board, challenge));
      await challengersTurn(
        { ...dispute, openings: [...dispute.openings, ...openingsOf(dispute.truth, site)] },
        unknown,
      );
    });
    for (const post of posts) {
      await branch(board, async () => {
        claim.of = post.of;
        const other = post.of.sites.get(site.key)!;
        challenge.site = other;
        await make(board, { actor: CLAIMANT, name: "openStep", challenge, site: other }, now);
        const openings = [...dispute.openings, ...openingsOf(dispute.truth, other)];
        await challengersTurn({ ...dispute, openings }, post.unknown);
      });
    }
  }
}

/** What is no answer to the demand: something else that the claimant has, its own answer changed, or of another kind. */
function wrongAnswers({ claim, model }: Board, challenge: Challenge): Call[] {
  const { site } = challenge;
  const name = answerName(site);
  const call: Call = { actor: CLAIMANT, name, challenge, site };
  const wrong: Call[] = [
    { actor: STRANGER, name: "timeout", challenge },
    { actor: STRANGER, name: "close", challenge },
    { actor: CHALLENGER, name: "demand", challenge, site: claim.of.root },
  ];
  if (isMangleable(name)) wrong.push({ ...call, mangled: true });
  const others = [...claim.of.demandable, ...(claim.of.truth?.values() ?? [])].filter(({ node }) => node !== site.node);
  for (const kind of ["nodes", "chunk"] as const) {
    const other = others.find(({ answer }) => answer.kind === kind);
    if (other !== undefined) wrong.push({ actor: CLAIMANT, name: answerName(other), challenge, site: other });
  }
  if (site.answer.kind === "step" && claim.of.deferred && !claim.posted.has(site.answer.step)) {
    wrong.push({ ...call, actor: STRANGER });
  }
  return model.now === challenge.turnStarted ? wrong : wrong.slice(1);
}

function openingsOf(truth: Run, { place, answer }: Site): Opening[] {
  const position = place as Opening["position"];
  switch (answer.kind) {
    case "nodes":
      return [{ position, kind: "nodes", nodes: answer.nodes }];
    case "chunk":
      return [{ position, kind: "chunk", chunk: hexToBytes(answer.chunk) }];
    case "step": {
      const { step, stateRoot, scratchRoot, nodes } = answer;
      return stepOpenings(truth, step, { kind: "openStep", stateRoot, scratchRoot, nodes });
    }
  }
}

async function challengersTurn(dispute: Dispute, unknown: Set<string>): Promise<void> {
  const { board, challenge, truth, openings } = dispute;
  board.figures.positions++;
  const { claim, site } = challenge;
  const standing = site.place;
  const move = challengerMove(truth, { traceRoot: claim.of.traceRoot, openings, challenging: true, standing });
  const actor = CHALLENGER;
  switch (move.kind) {
    case "demand": {
      const asked = claim.of.sites.get(keyOf(move.demand.position))!;
      assert.deepEqual(move.demand, asked.demand);
      await make(board, { actor, name: "demand", challenge, site: asked });
      return claimantsTurn(dispute, unknown);
    }
    case "descend":
    case "enter": {
      const found = site.moves.find(
        ({ kind, index, to }) => kind === move.kind && index === move.index && to.node === move.node,
      );
      assert.ok(found !== undefined, `${move.kind} to ${move.index} from ${site.key} is no move`);
      assert.deepEqual(move.path, found.path);
      await make(board, { actor, name: move.kind, challenge, move: found });
      return claimantsTurn(dispute, unknown);
    }
    case "prove": {
      const { fraud } = move;
      const bytes = encodeProof(fraud);
      // Found by its own walk, the challenger's proof is the one that the whole run gives.
      if (claim.of.proof !== null) assert.equal(bytes, claim.of.proof.bytes);
      const proof: Proof = { kind: fraud.kind, bytes, needs: claim.of.proof?.needs ?? null };
      claim.of = { ...claim.of, proof };
      return proveBothWays(dispute, proof, fraud.kind === 3 ? 0 : fraud.proof.step.step);
    }
    default:
      assert.fail(`an honest challenger would ${move.kind}`);
  }
}

/** At once, or committed to before it is shown; on its own clock, which stands still. */
async function proveBothWays(dispute: Dispute, proof: Proof, postedStep: number): Promise<void> {
  const { board, challenge } = dispute;
  const { claim } = challenge;
  const actor = CHALLENGER;
  await branch(board, async () => {
    await make(board, { actor, name: "prove", challenge, proof, postedStep, proofOf: claim.of });
    checkWon(dispute);
  });
  await branch(board, async () => {
    const { nonce } = challenge;
    const pledge = newPledge(board.arena, {
      claim,
      committer: actor,
      nonce,
      proof,
      postedStep,
      number: ++board.nonces,
    });
    const valueWei = board.model.parameters.proofBondWei;
    await make(board, { actor, name: "commitProof", pledge, valueWei });
    await make(board, { actor, name: "revealProof", pledge });
    checkWon(dispute, valueWei);
  });
}

/** The claim is slashed; the challenger has its deposit, a fee for every demand and the bounty, and used none of its time. */
function checkWon({ board, challenge }: Dispute, extraWei = 0n): void {
  const { claim, demands, challengerUsed } = challenge;
  const { model, figures } = board;
  assert.equal(claim.phase, "slashed");
  assert.equal(challenge.phase, "won");
  assert.equal(challengerUsed, 0);
  const owed = depositOf(model, claim) + BigInt(demands) * claim.moveFeeWei + claim.bondWei / 4n + extraWei;
  assert.equal(model.credits.game.get(CHALLENGER), owed);
  assert.ok(model.now <= claim.revealedAt + 2 * model.parameters.clockSeconds + 1);
  figures.lines++;
  figures.demands = Math.max(figures.demands, demands);
}

// ---------------------------------------------------------------- posted roots

/** Scratch trees beside its own: the right one, ones with another lie, and ones with a leaf that nobody knows. */
function postsOf(shape: Shape, truth: Run, of: Case, tamper: Tamper, step: number): Post[] {
  const own = lyingRun(shape, "deferred", tamper);
  const posts: Post[] = [];
  const add = (label: string, run: Run, garbage: number | null): void => {
    const hybrid = caseOf(`${of.name}, posting ${label} in step ${step}`, run, of.truth, null);
    const unknown = new Set<string>();
    if (garbage !== null) hideTensor(hybrid, run, step, garbage, unknown);
    posts.push({ of: hybrid, unknown });
  };
  if (scratchOf(own, step) !== scratchOf(truth, step)) add("the truth", withScratch(own, truth, step), null);
  for (let primitive = 0; primitive < shape.primitives; primitive++) {
    const other = lyingRun(shape, "deferred", { step, primitive, element: 0, xor: 2 });
    add(`another lie in ${primitive}`, withScratch(own, other, step), null);
    add(`an unknown leaf ${primitive}`, withLeaf(own, step, primitive), primitive);
  }
  return posts;
}

const scratchOf = (run: Run, step: number): string => Buffer.from(run.roots[step].scratch).toString("hex");

/** The run with the primitives of one step taken from another. Below its state roots nothing is asked for. */
function withScratch(run: Run, other: Run, step: number): Run {
  const roots = run.roots.map((each, at) =>
    at === step ? { state: each.state, scratch: other.roots[step].scratch } : each,
  );
  const tamper = [other.tamper, run.tamper?.step === step ? null : run.tamper].find((each) => each !== null) ?? null;
  return {
    ...run,
    roots,
    tamper,
    trees: noCache(),
    tensorsAt: (at) =>
      at === step ? { ...run.tensorsAt(at), scratch: other.tensorsAt(at).scratch } : run.tensorsAt(at),
  };
}

const noCache = (): Run["trees"] => ({ get: (_key, make) => make() });

function withLeaf(run: Run, step: number, primitive: number): Run {
  const scratch = run.roots[step].scratch.slice();
  scratch.set(hexToBytes(garbageOf(step, primitive)), 32 * primitive);
  const roots = run.roots.map((each, at) => (at === step ? { state: each.state, scratch } : each));
  return { ...run, roots, trees: noCache() };
}

const garbageOf = (step: number, primitive: number): Hex => keccak256(numberToHex(1000 * step + primitive));

/** A leaf that is the root of nothing can be demanded like any other. */
function hideTensor({ sites }: Case, run: Run, step: number, primitive: number, unknown: Set<string>): void {
  for (const site of sites.values()) {
    const { section, index } = site.place;
    if (section !== SECTION.scratchTensor || site.place.step !== step || site.place.item !== primitive) continue;
    if (index === 0 && !sites.has(keyOf({ ...site.place, height: site.place.height + 1 })))
      site.node = garbageOf(step, primitive);
    unknown.add(site.key);
  }
  assert.equal(run.trace, "deferred");
}
