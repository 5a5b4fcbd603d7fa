import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkProof,
  claimViewOf,
  decodeProof,
  demandBound,
  encodeProof,
  nodeAt,
  SECTION,
  traceRootFromPath,
  traceRootOf,
  traceRootPosition,
  treeRootPosition,
  type FraudProof,
  type Opening,
  type Position,
  type Run,
  type Tamper,
} from "../../engine/index.ts";
import { chain, recurrent, runFixture, singleWord, type Fixture } from "../../engine/fixtures.ts";
import {
  chunkCount,
  chunkHash,
  hashPair,
  rootFromPath,
  tensorRoot,
  treeDepth,
  ZERO_HASH,
  type Hash,
} from "../../merkle/index.ts";
import {
  challengeDuty,
  challengerMove,
  claimantMove,
  claimDuty,
  constantSupplies,
  inputSupplies,
  openSupply,
  stepOpenings,
  supplyDemands,
  supplyMove,
  SupplyPositionError,
  type ChallengerMove,
  type GameOpening,
  type GamePosition,
  type Supply,
} from "./index.ts";

interface Played {
  readonly fraud: FraudProof;
  readonly openings: readonly Opening[];
  readonly kinds: readonly string[];
  readonly answers: number;
  readonly posted: { readonly step: number; readonly root: Hash } | undefined;
}

// A challenge as the game keeps it: the node that stands, where, and what is demanded of it. Every move is checked as the
// game checks it, against hashes alone.
function play(own: Run, claimant: Run, known: readonly Opening[] = []): Played {
  const traceRoot = traceRootOf(claimant);
  const openings = [...known];
  const kinds: string[] = [];
  let posted: Played["posted"];
  let standing: { position: Position; node: Hash } | null = null;
  for (let answers = 0; answers <= demandBound(own); answers++) {
    const challenging = kinds.length > 0;
    const move = challengerMove(own, { traceRoot, openings, challenging, standing: standing?.position ?? null });
    assert.ok(move.kind !== "agree");
    kinds.push(move.kind);
    if (move.kind === "prove") return { fraud: move.fraud, openings, kinds, answers, posted };
    const position: Position = demanded(own, move, standing, traceRoot, posted?.root);
    const answer = claimantMove(claimant, position);
    if (answer.kind === "openStep") {
      openings.push(...stepOpenings(own, position.index, answer));
      const node = answer.scratchRoot;
      posted = claimant.trace === "deferred" ? { step: position.index, root: node } : undefined;
      standing = { position: { ...treeTop(own, position.index) }, node };
      continue;
    }
    const node: Hash = move.kind === "challenge" || move.kind === "demand" ? move.demand.node : move.node;
    standing = { position, node };
    openings.push(
      answer.kind === "openChunk"
        ? { position, kind: "chunk", chunk: answer.chunk }
        : { position, kind: "nodes", nodes: answer.nodes },
    );
  }
  return assert.fail("the walk is longer than its bound");
}

// Where the game stands after a step: at the root over its primitives, which it does not call a tensor's.
function treeTop(own: Run, step: number): Position {
  const records =
    own.program.segments.length === 1 || step > 0 ? own.program.segments.at(-1)! : own.program.segments[0];
  return { section: 1, height: treeDepth(records.records.length), step, item: 0, index: 0 };
}

function demanded(
  own: Run,
  move: ChallengerMove,
  standing: { position: Position; node: Hash } | null,
  traceRoot: Hash,
  posted: Hash | undefined,
): Position {
  if (move.kind === "challenge" || move.kind === "demand") {
    const position = move.demand.position as Position;
    const inScratch = position.section === SECTION.scratch || position.section === SECTION.scratchTensor;
    const root = own.trace === "deferred" && inScratch ? posted : traceRoot;
    assert.equal(traceRootFromPath(own, position, move.demand.node, move.demand.path), root);
    return position;
  }
  assert.ok(standing !== null && move.kind !== "prove");
  const { position: from, node } = standing;
  const { index, path } = move;
  const levels = path.length;
  assert.equal(index >>> levels, from.index);
  assert.equal(folded(move.node, index, path), node);
  if (move.kind === "descend") {
    assert.ok(levels >= 1 && levels <= 5);
    return { ...from, height: from.height - levels, index };
  }
  assert.equal(levels, from.height);
  assert.ok(levels <= 5);
  if (from.section === SECTION.steps) return { ...from, height: 0, index };
  const section = from.section === SECTION.scratch ? 1 : 2;
  const top = treeRootPosition(own, section, from.step);
  assert.ok(top.height >= 0);
  const tensor = own.program;
  const length =
    section === 1
      ? (from.step === 0 ? tensor.segments[0] : tensor.segments.at(-1)!).records[index].length
      : [...tensor.slots, ...tensor.outputs][index].length;
  const height = treeDepth(Math.ceil(length / 256));
  return { section: section === 1 ? 3 : 4, height, step: from.step, item: index, index: 0 };
}

function folded(node: Hash, index: number, path: readonly Hash[]): Hash {
  return path.reduce(
    (below, sibling, level) => ((index >>> level) % 2 === 1 ? hashPair(sibling, below) : hashPair(below, sibling)),
    node,
  );
}

function expectCaught(fixture: Fixture, steps: number, tamper: Tamper, trace: "full" | "deferred"): Played {
  const honest = runFixture(fixture, steps, { trace });
  const lying = runFixture(fixture, steps, { trace, tamper });
  const played = play(honest, lying);
  const sent = decodeProof(played.fraud.kind, encodeProof(played.fraud));
  assert.ok(sent.kind !== 3);
  const fault = checkProof(claimViewOf(lying, played.posted), sent);
  assert.equal(fault.step, tamper.step);
  if (trace === "deferred") assert.throws(() => checkProof(claimViewOf(lying), sent), /scratch/);
  return played;
}

describe("players of a dispute", () => {
  const LIES: [string, () => Fixture, number, Tamper][] = [
    ["an element", () => recurrent(600, 2), 4, { step: 2, primitive: 1, element: 2, xor: 1 }],
    ["an element of step 0", () => recurrent(600, 2), 4, { step: 0, primitive: 0, element: 599, xor: 1 }],
    ["padding", () => recurrent(600), 3, { step: 1, primitive: 4, element: 600, xor: 1 }],
    ["a slot", () => recurrent(600), 3, { step: 1, item: 1, element: 0, xor: 1 }],
    ["a slot that must not change", () => recurrent(7, 2), 3, { step: 1, item: 2, element: 4, xor: 1 }],
    ["an output", () => recurrent(7), 3, { step: 2, item: 4, element: 1, xor: 1 }],
    ["one word in all", singleWord, 1, { step: 0, primitive: 0, element: 0, xor: 1 }],
    ["many primitives", () => chain(34, 5), 33, { step: 32, primitive: 33, element: 4, xor: 1 }],
    ["many chunks", () => chain(2, 256 * 33 + 1), 33, { step: 32, primitive: 1, element: 256 * 33, xor: 1 }],
  ];
  // A lie that changes only the scratch is none in a deferred trace: the posted root can't hold it without the state.
  for (const [about, make, steps, tamper] of LIES) {
    it(`catch a lie about ${about} in a full trace`, () => {
      expectCaught(make(), steps, tamper, "full");
    });
  }

  it("catch lies in a deferred trace once its step was opened", () => {
    const inState: Tamper[] = [
      { step: 1, primitive: 0, element: 3, xor: 0x0080_0000 },
      { step: 2, primitive: 4, element: 599, xor: 1 },
      { step: 1, item: 1, element: 0, xor: 1 },
      { step: 2, item: 2, element: 4, xor: 1 },
    ];
    for (const tamper of inState) expectCaught(recurrent(600), 3, tamper, "deferred");
    const { posted } = expectCaught(singleWord(), 1, { step: 0, primitive: 0, element: 0, xor: 1 }, "deferred");
    assert.equal(posted?.step, 0);
  });

  it("move relative to what was opened, and need few openings", () => {
    const many = expectCaught(chain(34, 5), 33, { step: 32, primitive: 33, element: 4, xor: 1 }, "full");
    assert.deepEqual(many.kinds, ["challenge", "descend", "enter", "descend", "enter", "prove"]);
    const long = expectCaught(chain(2, 256 * 33 + 1), 3, { step: 2, primitive: 1, element: 256 * 33, xor: 1 }, "full");
    assert.deepEqual(long.kinds, ["challenge", "enter", "enter", "descend", "descend", "prove"]);
    const state = expectCaught(recurrent(600), 3, { step: 1, item: 1, element: 0, xor: 1 }, "full");
    assert.deepEqual(state.kinds, ["challenge", "enter", "demand", "prove"]);
  });

  it("use what others had opened, and ask for no more than is missing", () => {
    const fixture = recurrent(600);
    const honest = runFixture(fixture, 3);
    const lying = runFixture(fixture, 3, { tamper: { step: 1, primitive: 4, element: 599, xor: 1 } });
    const { openings, kinds } = play(honest, lying);
    assert.ok(kinds.length > 2);
    assert.deepEqual(play(honest, lying, openings).kinds, ["prove"]);
    assert.deepEqual(play(honest, lying, openings.slice(0, -1)).kinds, ["challenge", "prove"]);
  });

  it("catch lies of a claim whose inputs hold other words than zeros past their ends", () => {
    const fixture = recurrent(600);
    const committedInputs = fixture.inputs.map((words, input) => wholeChunks(words, 7 + input));
    const run = (tamper?: Tamper) =>
      runFixture(fixture, 3, { committedInputs, ...(tamper === undefined ? {} : { tamper }) });
    const honest = run();
    // The slot of the second input never changes, so that a claim that is right about all words still has to commit to it as it is.
    const lies: [Tamper, number][] = [
      [{ step: 0, primitive: 0, element: 599, xor: 1 }, 0],
      [{ step: 0, primitive: 4, element: 599, xor: 1 }, 0],
      [{ step: 0, item: 2, element: 255, xor: 8 }, 2],
    ];
    for (const [tamper, kind] of lies) {
      const lying = run(tamper);
      const { fraud } = play(honest, lying);
      const sent = decodeProof(fraud.kind, encodeProof(fraud));
      assert.ok(sent.kind !== 3);
      assert.equal(sent.kind, kind);
      assert.equal(checkProof(claimViewOf(lying), sent).step, 0);
    }
  });

  it("leave a claim alone that is right, and one of another trace mode does not look right", () => {
    const honest = runFixture(recurrent(600), 3);
    const traceRoot = nodeAt(honest, traceRootPosition(honest));
    const dispute = { traceRoot, openings: [], challenging: false, standing: null };
    assert.deepEqual(challengerMove(honest, dispute), { kind: "agree" });
    assert.equal(challengerMove(runFixture(recurrent(600), 3, { trace: "deferred" }), dispute).kind, "challenge");
  });
});

// The last word of the last chunk is another than zero.
function wholeChunks(words: Uint32Array, last: number): Uint32Array {
  const whole = new Uint32Array(Math.ceil(words.length / 256) * 256);
  whole.set(words);
  whole[whole.length - 1] = last;
  return whole;
}

describe("words that a claim vouches for beside its trace", () => {
  function demandAll(run: Run, wanted: readonly Supply[]): { tensors: readonly Uint32Array[]; demands: number } {
    const openings: GameOpening[] = [];
    let standing: { position: GamePosition; node: Hash } | null = null;
    const inputsRoot = claimViewOf(run).inputsRoot;
    for (let demands = 0; ; demands++) {
      const seen = { inputsRoot, openings, challenging: demands > 0, standing: standing?.position ?? null };
      const move = supplyMove(run.program, wanted, seen);
      if (move.kind === "complete") return { tensors: move.tensors, demands };
      assert.ok(demands < supplyDemands(run.program, wanted), "more demands than it may take");
      let position: GamePosition;
      let node: Hash;
      if (move.kind === "descend") {
        assert.ok(standing !== null);
        assert.equal(folded(move.node, move.index, move.path), standing.node);
        position = { ...standing.position, height: standing.position.height - move.path.length, index: move.index };
        node = move.node;
      } else {
        assert.ok(move.kind === "challenge" || move.kind === "demand");
        ({ position, node } = move.demand);
      }
      const opened = openSupply(run, position);
      const answer = claimantMove(run, position);
      assert.equal(answer.kind, opened.kind === "chunk" ? "openChunk" : "open");
      if (opened.kind === "chunk") assert.equal(chunkHash(opened.chunk), node);
      else assert.equal(folds(opened.nodes), node);
      openings.push({ position, ...opened });
      standing = { position, node };
    }
  }

  function folds(nodes: readonly Hash[]): Hash {
    if (nodes.length === 1) return nodes[0];
    return folds(
      Array.from({ length: nodes.length / 2 }, (_, pair) =>
        nodes[2 * pair] === ZERO_HASH ? ZERO_HASH : hashPair(nodes[2 * pair], nodes[2 * pair + 1]),
      ),
    );
  }

  it("are demanded chunk by chunk until all are there", () => {
    for (const fixture of [recurrent(600), recurrent(600, 2), chain(2, 256 * 40 + 3), recurrent(3)]) {
      const run = runFixture(fixture, 1);
      const inputs = inputSupplies(run.program);
      const { tensors, demands } = demandAll(run, inputs);
      assert.deepEqual(tensors, run.inputs);
      assert.equal(demands, supplyDemands(run.program, inputs));
      const constants = constantSupplies(run.program);
      const shown = demandAll(run, constants);
      assert.deepEqual(
        shown.tensors.map((words) => tensorRoot(words)),
        constants.map(({ root }) => root),
      );
      assert.equal(shown.demands, supplyDemands(run.program, constants));
    }
  });

  it("are demanded for each number of chunks that a constant's root stands for", () => {
    const { program } = recurrent(600);
    const [segment] = program.segments;
    const [known] = constantSupplies(program).filter(({ section }) => section === 6);
    const longest = chunkCount(known.length) * 256;
    const stated = (lengths: number[]) => {
      const operands = lengths.map((length) => ({ kind: "constant", type: "f32", length, root: known.root }) as const);
      const records = [...segment.records, { ...segment.records[0], operands }];
      return constantSupplies({ ...program, segments: [{ ...segment, records }] })
        .filter(({ root }) => root === known.root)
        .map(({ length }) => length);
    };
    assert.deepEqual(stated([known.length - 1]), [known.length]);
    assert.deepEqual(stated([longest]), [longest]);
    assert.deepEqual(stated([longest + 1, 3, 5]), [known.length, longest + 1, 5]);
  });

  it("are given as whole chunks where other words than zeros stand past their ends", () => {
    const fixture = recurrent(600);
    const committedInputs = fixture.inputs.map((words, input) => wholeChunks(words, input));
    const run = runFixture(fixture, 1, { committedInputs });
    const { tensors } = demandAll(run, inputSupplies(run.program));
    assert.deepEqual(tensors, [fixture.inputs[0], committedInputs[1]]);
  });

  it("are shown with a path to the root that the claim names", () => {
    const run = runFixture(recurrent(600), 1);
    const { inputsRoot } = claimViewOf(run);
    const [wide, narrow] = inputSupplies(run.program);
    const openings: GameOpening[] = [];
    const root = { section: 7, height: 1, step: 0, item: 0, index: 0 };
    const see = (challenging: boolean) => ({ inputsRoot, openings, challenging, standing: null });
    const first = supplyMove(run.program, [narrow], see(false));
    assert.ok(first.kind === "challenge");
    assert.deepEqual([first.demand.position, first.demand.node, first.demand.path], [root, inputsRoot, []]);
    openings.push({ position: root, ...openSupply(run, root) });
    const second = supplyMove(run.program, [narrow], see(true));
    assert.ok(second.kind === "demand");
    assert.deepEqual(second.demand.position, { section: 5, height: 0, step: 0, item: 1, index: 0 });
    assert.equal(rootFromPath(second.demand.node, 1, 2, second.demand.path), inputsRoot);
    const third = supplyMove(run.program, [wide], see(true));
    assert.ok(third.kind === "demand");
    assert.equal(rootFromPath(third.demand.node, 0, 2, third.demand.path), inputsRoot);
  });

  it("take no memory before they were shown, however long a program says they are", () => {
    const run = runFixture(recurrent(600), 1);
    const program = { ...run.program, inputs: run.program.inputs.map((input) => ({ ...input, length: 2 ** 31 - 1 })) };
    const position = { section: 7, height: 1, step: 0, item: 0, index: 0 };
    const openings: GameOpening[] = [{ position, ...openSupply(run, position) }];
    const { inputsRoot } = claimViewOf(run);
    const before = process.memoryUsage().arrayBuffers;
    const move = supplyMove(program, inputSupplies(program), {
      inputsRoot,
      openings,
      challenging: true,
      standing: null,
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
    assert.equal(move.kind, "demand");
  });

  it("are opened only where the claim has them", () => {
    const run = runFixture(recurrent(600), 1);
    const at = (section: number, item: number, more: Partial<GamePosition> = {}): GamePosition => ({
      section,
      height: 0,
      step: 0,
      item,
      index: 0,
      ...more,
    });
    // Beyond the inputs and slots; a slot that starts as an input; no constant operand; no such operand, record or segment.
    const places = [at(5, 5), at(5, 2), at(6, 0), at(6, 1, { step: 2 }), at(6, 5), at(6, 65_536), at(7, 0)];
    places.push(at(5, 1, { index: 1 }), at(5, 1, { height: 1 }), at(5, 0, { index: 3 }), at(8, 0));
    for (const place of places) assert.throws(() => openSupply(run, place), SupplyPositionError, JSON.stringify(place));
  });
});

describe("the watchtower", () => {
  const patience = { now: 100, patienceSeconds: 5, proofRevealSeconds: 20 };

  it("stands in for who does not answer, and calls time-outs, after a while", () => {
    const waiting = { ended: false, deadline: 200, demandedAt: 95 };
    assert.equal(challengeDuty(waiting, patience, false), "open");
    assert.equal(challengeDuty({ ...waiting, demandedAt: 96 }, patience, false), null);
    assert.equal(challengeDuty({ ...waiting, demandedAt: 96 }, patience, true), "open");
    assert.equal(challengeDuty({ ...waiting, demandedAt: null }, patience, false), null);
    assert.equal(challengeDuty({ ...waiting, deadline: 94 }, patience, false), "timeout");
    assert.equal(challengeDuty({ ...waiting, deadline: 95 }, patience, false), null);
    assert.equal(challengeDuty({ ...waiting, deadline: 94, ended: true }, patience, false), null);
  });

  it("ends claims that are due, and none while a challenge is open", () => {
    const committed = { status: "committed", revealBy: 94, challengeUntil: undefined };
    assert.equal(claimDuty(committed, 0, patience), "forfeit");
    assert.equal(claimDuty({ ...committed, revealBy: 95 }, 0, patience), null);
    const revealed = { status: "revealed", revealBy: 10, challengeUntil: 74 };
    assert.equal(claimDuty(revealed, 0, patience), "finalize");
    assert.equal(claimDuty(revealed, 1, patience), null);
    assert.equal(claimDuty({ ...revealed, challengeUntil: 75 }, 0, patience), null);
    assert.equal(claimDuty({ ...revealed, status: "final" }, 0, patience), null);
  });
});
