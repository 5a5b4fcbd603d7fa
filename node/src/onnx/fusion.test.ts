/**
 * Random graphs before and after merging: every word that is kept must stay as it is, within the caps. The interpreter runs
 * both. Seeds are printed on failure.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { toBits } from "../float/words.ts";
import { chunkBound, gasBound } from "../ir/bounds.ts";
import { buildScalar } from "../ir/build.ts";
import type { Value as Register } from "../ir/build.ts";
import { elementwise } from "./broadcast.ts";
import { productOfRows } from "./contraction.ts";
import { int64s, modelOf, randomWords } from "./fixtures.ts";
import { checkRawGraph, wordsOfNodes } from "./fusion-fixtures.ts";
import { fused } from "./fusion.ts";
import type { FusionNode } from "./fusion.ts";
import { createGraph } from "./graph.ts";
import { importModel } from "./import.ts";
import { concatenated } from "./indexing.ts";
import { padded } from "./padding.ts";
import * as math from "./math.ts";
import type { Scope } from "./node.ts";
import { indexed, transposed, view } from "./primitives.ts";
import { reduceRows, rowsAlong, softmaxRows, SUM } from "./reduction.ts";
import { reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

const EXTENTS = [1, 2, 3, 4, 6];

/** A graph of about `count` operators over three inputs, and what its last ones made. */
function randomGraph(seed: number, count: number): { nodes: FusionNode[]; inputs: Value[]; roots: number[] } {
  const next = randomWords(seed);
  const below = (limit: number): number => next() % limit;
  const graph = createGraph();
  const identity = { operator: "Random", domain: "", opset: 17, node: `seed ${seed}` };
  const node = { name: "", opType: "Random", domain: "", inputs: [], outputs: [], attributes: new Map() };
  const scope: Scope = { identity, node, opset: 17, inputs: [], graph, subgraph: () => [] };
  const inputs = Array.from({ length: 3 }, (_, index) => {
    const shape = [EXTENTS[below(5)], EXTENTS[below(5)], EXTENTS[below(5)]];
    return graph.addInput({ name: `x${index}`, shape, length: sizeOf(shape), type: "f32" }, "float32");
  });
  const values = [...inputs];
  const pick = (): Value => values[Math.max(0, values.length - 1 - below(4))];
  const steps: readonly ((x: Value) => Value)[] = [
    (x) => elementwise(scope, [x], "float32", (b, word) => b.max(word, 0)),
    (x) => elementwise(scope, [x], "float32", (b, word) => math.tanh(b, word)),
    (x) => {
      const y = pick();
      const fits = y.shape.every((extent, axis) => extent === x.shape[axis] || extent === 1);
      return elementwise(scope, [x, fits ? y : x], "float32", (b, left, right) => b.sub(left, b.mul(right, 0.5)));
    },
    (x) =>
      transposed(
        scope,
        x,
        [
          [0, 2, 1],
          [2, 0, 1],
          [1, 0, 2],
        ][below(3)],
      ),
    (x) => reshaped(x, [x.shape[1], x.shape[0] * x.shape[2], 1]),
    (x) => {
      const axis = below(3);
      const kept = Math.max(1, x.shape[axis] - 1);
      const strides = stridesOf(x.shape);
      return view(
        scope,
        x,
        x.shape.map((extent, other) => (other === axis ? kept : extent)),
        strides,
        (x.shape[axis] - kept) * strides[axis],
      );
    },
    (x) =>
      view(
        scope,
        x,
        x.shape,
        stridesOf(x.shape).map((stride, axis) => (axis === 2 ? -stride : stride)),
        x.shape[2] - 1,
      ),
    (x) => padded(scope, x, [0, 1, below(2)], [0, below(2), 1], "constant", undefined),
    (x) => productOfRows(scope, x, view(scope, x, x.shape, stridesOf(x.shape), 0)),
    (x) => reshaped(reduceRows(scope, rowsAlong(scope, x, [1]), SUM), [x.shape[0], 1, x.shape[2]]),
    // Elements looked up by a place that a loop found, and a choice by a comparison.
    (x) => {
      const rows = rowsAlong(scope, x, [2]);
      const found = reduceRows(scope, rows, {
        elementType: "int64",
        init: 0,
        body: (b, total, item, { k }) => b.select(b.lt(0, item), k, total),
        combine: (b, total, block) => b.maxI(total, block),
      });
      return indexed(scope, "float32", [...rows.shape, 1], [x, found], (b, [from, at]) => {
        const row = b.addI(b.mulI(b.digits[0], x.shape[1]), b.digits[1]);
        return b.load(from, b.addI(b.mulI(row, x.shape[2]), b.load(at, row)));
      });
    },
    (x) => {
      const isLess = elementwise(scope, [x], "bool", (b, word) => b.lt(word, 0.25));
      const turned = transposed(scope, transposed(scope, isLess, [0, 2, 1]), [0, 2, 1]);
      return elementwise(scope, [turned, x], "float32", (b, flag, word) =>
        b.select(flag, b.neg(word), b.mul(word, word)),
      );
    },
    (x) => reshaped(reduceRows(scope, rowsAlong(scope, x, [0, 1, 2]), SUM), [1, 1, 1]),
    (x) => softmaxRows(scope, rowsAlong(scope, x, [2])),
    (x) => concatenated(scope, [x, transposed(scope, transposed(scope, x, [1, 0, 2]), [1, 0, 2])], below(3)),
  ];
  for (let made = 0; made < count; made++) {
    const x = pick();
    const y = steps[below(steps.length)](x);
    if (sizeOf(y.shape) <= 2000) values.push(y);
  }
  const ends = values.slice(-3).flatMap(({ at }) => (at.kind === "primitive" ? [at.index] : []));
  const nodes = graph.primitives.map(({ draft, note }) => ({ ...draft, note }));
  return { nodes, inputs, roots: [...new Set(ends)] };
}

test("merging changes no word that is kept, and keeps the caps", () => {
  let before = 0;
  let after = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const { nodes, inputs, roots } = randomGraph(seed, 12);
    const next = randomWords(seed + 1000);
    const data = inputs.map(({ shape }) => Uint32Array.from({ length: sizeOf(shape) }, () => special(next)));
    const merged = fused(nodes, roots);
    const [expected, found] = [wordsOfNodes(nodes, data), wordsOfNodes(merged.nodes, data)];
    for (const root of roots) {
      assert.deepEqual(found[merged.holder(root)], expected[root], `seed ${seed}, primitive ${root}`);
    }
    for (const [index, node] of merged.nodes.entries()) {
      if (node === null) continue;
      assert.ok(chunkBound(node.scalar) <= Math.max(32, chunkBound(nodes[index].scalar)), `seed ${seed}`);
      assert.ok(gasBound(node.scalar) <= 3_200_000, `seed ${seed}`);
    }
    before += nodes.length;
    after += merged.nodes.filter((node) => node !== null).length;
    assert.deepEqual(fused(nodes, roots).nodes, merged.nodes, `seed ${seed}: another result`);
  }
  assert.ok(after < 0.8 * before, `${before} primitives became ${after}`);
});

/** Mostly small numbers; now and then zeros of either sign, infinities, NaN and subnormals. */
function special(next: () => number): number {
  const word = next();
  const rare = [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x80000001];
  if (word % 16 === 0) return rare[next() % rare.length];
  return (0x3f000000 + (next() % 0x1000000)) | (word & 0x80000000 ? 0x80000000 : 0);
}

test("merging raw programs at hostile places changes no word that is kept, seeds 1 to 2000", () => {
  let gone = 0;
  for (let seed = 1; seed <= 2000; seed++) gone += checkRawGraph(seed);
  assert.ok(gone > 1000, `${gone} primitives are gone`);
});

test("a copy that is read under two conditions is read under each", () => {
  const extents = [6];
  const signature = { operands: ["f32"], output: "f32", extents } as const;
  const made = { elementType: "float32", shape: extents, sources: new Set<string>() } as const;
  const note = { operator: "Random", opset: 17, name: "guarded", shape: extents };
  const backwards = buildScalar(signature, (b) => b.load(0, b.subI(5, b.index)));
  const guarded = buildScalar(signature, (b) => {
    const under = (condition: Register): Register => b.load(0, b.select(condition, b.index, b.i32(-1)));
    return b.sub(b.mul(under(b.leI(1, b.index)), 4), under(b.leI(b.index, 3)));
  });
  const nodes: FusionNode[] = [
    { ...made, scalar: backwards, operands: [{ ...made, at: { kind: "input", index: 0 } }], note },
    { ...made, scalar: guarded, operands: [{ ...made, at: { kind: "primitive", index: 0 } }], note },
  ];
  const data = [Uint32Array.from([1, 2, 3, 4, 5, 6], (value) => toBits(value))];
  const merged = fused(nodes, [1]);
  assert.equal(merged.nodes[0], null);
  assert.deepEqual(wordsOfNodes(merged.nodes, data)[1], wordsOfNodes(nodes, data)[1]);
});

test("a bias, an activation and a residual are merged into the product; what an output names stays", () => {
  const nodes = [
    { op: "MatMul", inputs: ["x", "w"], outputs: ["product"] },
    { op: "Add", inputs: ["product", "b"], outputs: ["biased"] },
    { op: "Tanh", inputs: ["biased"], outputs: ["active"] },
    { op: "Add", inputs: ["active", "x"], outputs: ["y"] },
  ];
  const float = (...shape: number[]) => ({ dtype: "float32" as const, shape });
  const inputs = { x: float(3, 4), w: float(4, 4), b: float(4) };
  const count = (outputs: readonly string[]): number =>
    importModel(modelOf({ nodes, inputs, outputs })).program.segments[0].records.length;
  // The transposed right side, and one product with all that follows.
  assert.equal(count(["y"]), 2);
  assert.equal(count(["y", "biased"]), 3);
});

test("heads are cut from a projection and put together again without a copy", () => {
  const shape = { dtype: "float32" as const, shape: [2, 5, 12] };
  const imported = importModel(
    modelOf({
      nodes: [
        { op: "Relu", inputs: ["x"], outputs: ["active"] },
        { op: "Reshape", inputs: ["active", "heads"], outputs: ["split"] },
        {
          op: "Transpose",
          inputs: ["split"],
          outputs: ["turned"],
          attributes: { perm: { type: "ints", value: [0n, 2n, 1n, 3n] } },
        },
        { op: "Tanh", inputs: ["turned"], outputs: ["worked"] },
        {
          op: "Transpose",
          inputs: ["worked"],
          outputs: ["back"],
          attributes: { perm: { type: "ints", value: [0n, 2n, 1n, 3n] } },
        },
        { op: "Reshape", inputs: ["back", "whole"], outputs: ["y"] },
      ],
      inputs: { x: shape },
      initializers: { heads: int64s([4], [2, 5, 3, 4]), whole: int64s([3], [2, 5, 12]) },
      outputs: ["y"],
    }),
  );
  assert.equal(imported.program.segments[0].records.length, 1);
});
