import assert from "node:assert/strict";
import { test } from "node:test";
import { ZERO_HASH, hashPair } from "../merkle/hash.ts";
import { rootOf } from "../merkle/tree.ts";
import { chain, recurrent, runFixture, singleWord } from "./fixtures.ts";
import {
  PositionError,
  SECTION,
  childrenOf,
  demandBound,
  isEmpty,
  normalised,
  opensToChunk,
  parentOf,
  positionKey,
  requirePosition,
  siblingsToRoot,
  traceRootPosition,
} from "./position.ts";
import type { Position } from "./position.ts";
import type { Run } from "./execute.ts";
import { nodeAt, openingOf, traceRootOf } from "./trace.ts";

const RUNS: [string, () => Run][] = [
  ["singleWord", () => runFixture(singleWord(), 1)],
  ["recurrent", () => runFixture(recurrent(300), 3)],
  ["two segments", () => runFixture(recurrent(300, 2), 3)],
  ["many steps", () => runFixture(chain(2, 300), 33)],
  ["many primitives", () => runFixture(chain(34, 5), 2)],
  ["many chunks", () => runFixture(chain(2, 256 * 33 + 1), 1)],
];

// Every node that openings can reach from the trace root.
function reachable(run: Run): Position[] {
  const found = [traceRootPosition(run)];
  for (let next = 0; next < found.length; next++) {
    found.push(...childrenOf(run, found[next]).filter((child) => !isEmpty(run, child)));
  }
  return found;
}

for (const [name, make] of RUNS) {
  test(`siblingsToRoot_everyNodeOf ${name}_leadsToTheTraceRoot`, () => {
    const run = make();
    for (const position of reachable(run)) {
      requirePosition(run, position);
      let hash = nodeAt(run, position);
      let at: Position | null = position;
      for (const sibling of siblingsToRoot(run, position)) {
        const other = nodeAt(run, sibling);
        // The scratch root is the left half of a step.
        const isTreeRoot: boolean = parentOf(run, at)?.section === SECTION.steps && at.section !== SECTION.steps;
        const scratch = at.section === SECTION.scratch || at.section === SECTION.scratchTensor;
        const right: boolean = isTreeRoot ? !scratch : indexInTree(run, at) % 2 === 1;
        hash = right ? hashPair(other, hash) : hashPair(hash, other);
        at = parentOf(run, at);
        assert.ok(at);
        assert.equal(hash, nodeAt(run, at));
      }
      assert.equal(hash, traceRootOf(run));
      assert.equal(parentOf(run, at), null);
    }
  });

  test(`openingOf_everyNodeOf ${name}_isItsPreimage`, () => {
    const run = make();
    for (const position of reachable(run)) {
      const opened = openingOf(run, position);
      if (opened.kind === "chunk") {
        assert.ok(opensToChunk(position));
        assert.equal(opened.chunk.length, 1024);
        continue;
      }
      assert.equal(opened.nodes.length, childrenOf(run, position).length);
      const covering = opened.nodes.filter((node) => node !== ZERO_HASH);
      assert.ok(opened.nodes.slice(0, covering.length).every((node) => node !== ZERO_HASH));
      const levels = Math.log2(opened.nodes.length);
      if (covering.length > opened.nodes.length / 2) assert.equal(rootOf(covering), nodeAt(run, position));
      assert.ok(levels <= 5);
    }
  });
}

// The index that decides left or right where the node's own tree ends: that of its leaf in the tree above.
function indexInTree(run: Run, position: Position): number {
  const parent = parentOf(run, position);
  const inOwnTree = parent?.section === position.section && parent.item === position.item;
  return inOwnTree ? position.index : position.item;
}

test("normalised_leafOfScratch_isTheTensorRoot", () => {
  const run = runFixture(recurrent(300), 2);
  const leaf: Position = { section: 1, height: 0, step: 1, item: 0, index: 2 };
  const root: Position = { section: 3, height: 1, step: 1, item: 2, index: 0 };
  assert.deepEqual(normalised(run, leaf), root);
  assert.equal(positionKey(run, leaf), positionKey(run, root));
  assert.equal(nodeAt(run, leaf), nodeAt(run, root));
});

test("requirePosition_notInTheTrace_isRefused", () => {
  const run = runFixture(recurrent(300), 2);
  const good: Position = { section: 3, height: 0, step: 1, item: 0, index: 1 };
  requirePosition(run, good);
  const wrong: Partial<Record<keyof Position, number>>[] = [
    { section: 5 },
    { section: -1 },
    { height: 2 },
    { step: 2 },
    { item: 5 },
    { index: 2 },
    { index: 0.5 },
    { section: 0 },
    { section: 1, item: 1 },
    { section: 4, item: 5 },
  ];
  for (const change of wrong) {
    assert.throws(
      () => requirePosition(run, { ...good, ...change } as Position),
      PositionError,
      JSON.stringify(change),
    );
  }
});

test("demandBound_knownShapes_countsOpenings", () => {
  // One step, one primitive, one chunk: the step node and the chunk.
  assert.equal(demandBound({ program: singleWord().program, steps: 1 }), 2);
  // 33 steps are two openings, 34 primitives two, 34 chunks two, then the step node and the chunk.
  assert.equal(demandBound({ program: chain(34, 256 * 33 + 1).program, steps: 33 }), 8);
});
