import assert from "node:assert/strict";
import { test } from "node:test";
import { CHUNK_WORDS, ZERO_HASH, fromHash, toHash } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { ProofLengthError } from "../../merkle/tree.ts";
import type { Run } from "../execute.ts";
import type { Tamper } from "../tamper.ts";
import { chain, recurrent, rowCache, runFixture, singleWord } from "../fixtures.ts";
import type { Fixture } from "../fixtures.ts";
import { demandBound, positionKey } from "../position.ts";
import { traceRootOf } from "../trace.ts";
import { decodeProof, encodeProof } from "./abi.ts";
import { checkProof } from "./check.ts";
import { traceRootFromPath } from "./path.ts";
import { FRAUD } from "./types.ts";
import type { ClaimView, Fault, FraudProof, Opening } from "./types.ts";
import { OpeningMismatchError, claimViewOf, createClaimantView } from "./view.ts";
import { answerDemand, findFraud, nextAction } from "./walk.ts";

interface Walked {
  readonly fraud: FraudProof;
  readonly openings: readonly Opening[];
}

// Plays a whole dispute; the claimant answers from its own run, the challenger knows nothing but the answers.
function walk(own: Run, claimant: Run): Walked {
  const openings: Opening[] = [];
  for (let moves = 0; moves <= demandBound(own); moves++) {
    const action = nextAction(own, traceRootOf(claimant), openings);
    assert.notEqual(action.kind, "agree");
    if (action.kind === "prove") return { fraud: action.fraud, openings };
    if (action.kind === "agree") break;
    const { position, node, path } = action.demand;
    // The path is that of the claimant's tree, and no node is demanded twice.
    assert.equal(traceRootFromPath(own, position, node, path), traceRootOf(claimant));
    assert.ok(!openings.some((opening) => positionKey(own, opening.position) === positionKey(own, position)));
    openings.push({ position, ...answerDemand(claimant, position) });
  }
  return assert.fail("the walk is longer than its bound");
}

function checked(claim: ClaimView, fraud: FraudProof): Fault {
  const decoded = decodeProof(fraud.kind, encodeProof(fraud));
  assert.deepEqual(decoded, fraud);
  assert.ok(decoded.kind !== FRAUD.badRecord);
  return checkProof(claim, decoded);
}

function expectFault(fixture: Fixture, honest: Run, tamper: Tamper): void {
  const lying = runFixture(fixture, honest.steps, { tamper });
  const claim = claimViewOf(lying);
  const { fraud } = walk(honest, lying);
  const fault = checked(claim, fraud);
  const tensor = "primitive" in tamper ? tamper.primitive : tamper.item;
  assert.deepEqual([fault.step, fault.primitive], [tamper.step, tensor], JSON.stringify(tamper));
  if ("item" in tamper) {
    assert.equal(fraud.kind, FRAUD.badSlot);
    return;
  }
  assert.equal(fault.element, tamper.element);
  assert.equal((fault.claimed ^ fault.computed) >>> 0, tamper.xor >>> 0);
  const { length } = honest.tensorsAt(tamper.step).scratch[tamper.primitive];
  assert.equal(fraud.kind, tamper.element < length ? FRAUD.badElement : FRAUD.badPadding);
  assert.deepEqual(findFraud(honest, lying), fraud);
  // The proof says nothing about an honest claim.
  assert.throws(() => checkProof(claimViewOf(honest), fraud as Exclude<FraudProof, { kind: 3 }>));
}

test("walk_aLieAtEveryWordOfTwoSteps_isFoundAndProven", () => {
  const fixture = recurrent(6);
  const honest = runFixture(fixture, 2);
  for (let step = 0; step < 2; step++) {
    const { scratch, state } = honest.tensorsAt(step);
    scratch.forEach(({ length }, primitive) => {
      for (const element of [...Array(length).keys(), length, CHUNK_WORDS - 1]) {
        expectFault(fixture, honest, { step, primitive, element, xor: 0x00400001 });
      }
    });
    state.forEach(({ length }, item) => {
      for (const element of [...Array(length).keys(), length, CHUNK_WORDS - 1]) {
        expectFault(fixture, honest, { step, item, element, xor: 0x80000000 });
      }
    });
  }
});

test("walk_aLieInAnyChunkOfLongTensors_isFoundAndProven", () => {
  for (const segments of [1, 2] as const) {
    const fixture = recurrent(600, segments);
    const honest = runFixture(fixture, 3, { snapshotSteps: 2 });
    for (let step = 0; step < 3; step++) {
      const { scratch, state } = honest.tensorsAt(step);
      scratch.forEach(({ length }, primitive) => {
        const last = Math.ceil(length / CHUNK_WORDS) * CHUNK_WORDS - 1;
        for (const element of new Set([
          0,
          Math.min(255, length - 1),
          Math.min(256, length - 1),
          length - 1,
          length,
          last,
        ])) {
          expectFault(fixture, honest, { step, primitive, element, xor: 1 });
        }
      });
      state.forEach((_, item) => expectFault(fixture, honest, { step, item, element: 2, xor: 1 }));
    }
  }
});

test("walk_treesDeeperThanOneOpening_staysWithinTheBound", () => {
  const shapes: [number, number, number, [number, number, number][]][] = [
    [
      34,
      5,
      33,
      [
        [0, 0, 0],
        [32, 33, 4],
        [31, 32, 5],
        [16, 1, 255],
      ],
    ],
    [
      2,
      256 * 33 + 1,
      33,
      [
        [32, 1, 256 * 33],
        [31, 0, 256 * 32 + 255],
        [0, 1, 256 * 31],
        [32, 0, 256 * 34 - 1],
      ],
    ],
  ];
  for (const [primitives, length, steps, lies] of shapes) {
    const fixture = chain(primitives, length);
    const honest = runFixture(fixture, steps);
    for (const [step, primitive, element] of lies) {
      expectFault(fixture, honest, { step, primitive, element, xor: 0xffffffff });
    }
    expectFault(fixture, honest, { step: 32, item: 1, element: 4, xor: 1 });
  }
});

test("walk_everyTreeASingleNode_needsTwoDemands", () => {
  const fixture = singleWord();
  const honest = runFixture(fixture, 1);
  const tamper = { step: 0, primitive: 0, element: 0, xor: 1 };
  const { openings, fraud } = walk(honest, runFixture(fixture, 1, { tamper }));
  assert.equal(openings.length, 2);
  assert.equal(fraud.kind, FRAUD.badElement);
  expectFault(fixture, honest, { step: 0, primitive: 0, element: 255, xor: 1 });
  expectFault(fixture, honest, { step: 0, item: 0, element: 0, xor: 1 });
});

test("walk_twoLies_provesTheFirst", () => {
  const fixture = recurrent(300);
  const honest = runFixture(fixture, 3);
  // A lie that spreads: everything after it in the trace differs too.
  const lying = runFixture(fixture, 3, { tamper: { step: 1, primitive: 0, element: 290, xor: 0x00800000 } });
  const { fraud } = walk(honest, lying);
  const fault = checked(claimViewOf(lying), fraud);
  assert.deepEqual([fault.step, fault.primitive, fault.element], [1, 0, 290]);
});

test("nextAction_honestClaim_agrees", () => {
  for (const fixture of [recurrent(300), recurrent(300, 2), chain(3, 5), singleWord()]) {
    const honest = runFixture(fixture, 3);
    const again = runFixture(fixture, 3, { snapshotSteps: 1 });
    assert.deepEqual(nextAction(honest, traceRootOf(again), []), { kind: "agree" });
    assert.equal(findFraud(honest, again), null);
  }
});

test("nextAction_openingsOfOthersInAnyOrder_areUsed", () => {
  const fixture = recurrent(600);
  const honest = runFixture(fixture, 3);
  const lying = runFixture(fixture, 3, { tamper: { step: 2, primitive: 4, element: 599, xor: 4 } });
  const { openings, fraud } = walk(honest, lying);
  const action = nextAction(honest, traceRootOf(lying), [...openings.toReversed(), openings[0]]);
  assert.deepEqual(action, { kind: "prove", fraud });
  // Without the second opening it is demanded again, though deeper ones are known.
  const missing = nextAction(honest, traceRootOf(lying), openings.toSpliced(1, 1));
  assert.ok(missing.kind === "demand");
  assert.equal(positionKey(honest, missing.demand.position), positionKey(honest, openings[1].position));
});

test("createClaimantView_openingThatIsNoPreimage_isRefused", () => {
  const fixture = recurrent(600);
  const honest = runFixture(fixture, 3);
  const lying = runFixture(fixture, 3, { tamper: { step: 2, primitive: 4, element: 599, xor: 4 } });
  const { openings } = walk(honest, lying);
  const flip = (hash: Hash): Hash => toHash(fromHash(hash).map((byte, at) => (at === 31 ? byte ^ 1 : byte)));
  openings.forEach((opening, index) => {
    const refused = (changed: Opening): void => {
      const list = openings.slice(0, index + 1).with(index, changed);
      assert.throws(() => createClaimantView(honest, traceRootOf(lying), list), OpeningMismatchError);
    };
    if (opening.kind === "chunk") {
      refused({ ...opening, chunk: opening.chunk.map((byte, at) => (at === 1023 ? byte ^ 1 : byte)) });
      refused({ position: opening.position, kind: "nodes", nodes: [] });
      return;
    }
    opening.nodes.forEach((node, at) => {
      refused({ ...opening, nodes: opening.nodes.with(at, node === ZERO_HASH ? traceRootOf(lying) : flip(node)) });
      if (node !== ZERO_HASH) refused({ ...opening, nodes: opening.nodes.with(at, ZERO_HASH) });
    });
    refused({ ...opening, nodes: opening.nodes.slice(1) });
    refused({ position: opening.position, kind: "chunk", chunk: new Uint8Array(1024) });
  });
});

test("traceRootFromPath_changedPath_isAnotherRootOrRefused", () => {
  const fixture = recurrent(600);
  const honest = runFixture(fixture, 3);
  const lying = runFixture(fixture, 3, { tamper: { step: 2, primitive: 4, element: 599, xor: 4 } });
  const root = traceRootOf(lying);
  const { openings } = walk(honest, lying);
  openings.forEach((_opening, index) => {
    const action = nextAction(honest, root, openings.slice(0, index));
    assert.ok(action.kind === "demand");
    const { position, node, path } = action.demand;
    path.forEach((_sibling, at) => {
      assert.notEqual(traceRootFromPath(honest, position, node, path.with(at, root)), root);
    });
    assert.throws(() => traceRootFromPath(honest, position, node, [...path, root]), ProofLengthError);
    if (path.length > 0)
      assert.throws(() => traceRootFromPath(honest, position, node, path.slice(1)), ProofLengthError);
  });
});

test("walk_cacheOfMostlyUnchangedChunks_isFoundAndProven", () => {
  const fixture = rowCache(21);
  const honest = runFixture(fixture, 4);
  for (const element of [0, 256 * 2 + 9, 256 * 20 + 255]) {
    expectFault(fixture, honest, { step: 2, primitive: 0, element, xor: 4 });
    expectFault(fixture, honest, { step: 2, item: 0, element, xor: 4 });
  }
});
