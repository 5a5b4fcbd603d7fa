import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../float/directed.ts";
import { chunkBound, combineRuns, gasBound, isDotProduct } from "./bounds.ts";
import { buildScalar } from "./build.ts";
import { evaluateElement } from "./interpret.ts";
import { DOT_RUN, GAS, OPCODES } from "./opcodes.ts";
import { randomScalar } from "./random.ts";
import { outputLength, SCALAR_LIMITS } from "./scalar.ts";
import type { ScalarProgram } from "./scalar.ts";

/** Distinct chunks that one element reads when no address misses. */
function touchedChunks(program: ScalarProgram, element: number): number {
  const touched = new Set<string>();
  const operands = program.operandTypes.map((type, operand) => ({
    type,
    length: 2 ** 32,
    read: (index: number) => {
      touched.add(`${operand} ${Math.floor(index / 256)}`);
      return Math.imul(index, 2654435761) >>> 0;
    },
  }));
  evaluateElement(program, element, 3, operands);
  return touched.size;
}

test("no element of a random program touches more chunks than the bound", () => {
  const random = createRandom(11);
  let tight = 0;
  for (let round = 0; round < 400; round++) {
    const program = randomScalar(random);
    const bound = chunkBound(program);
    const touched = touchedChunks(program, random() % outputLength(program));
    assert.ok(touched <= bound, `round ${round}: ${touched} of ${bound}`);
    if (touched === bound) tight++;
  }
  assert.ok(tight > 40, `the bound was reached ${tight} times`);
});

function patterned(start: number, count: number, pattern: readonly (readonly [number, number])[]): ScalarProgram {
  return buildScalar({ operands: ["f32"], output: "f32", extents: [1] }, (b) => {
    const [total] = b.loop({
      start,
      count,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried: [sum] }) => [b.add(sum, b.load(0, 0, pattern))],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
}

test("chunks of a patterned load are the least of iterations, span and runs", () => {
  assert.equal(chunkBound(patterned(0, 1024, [[1024, 1]])), 5);
  assert.equal(chunkBound(patterned(0, 1, [[1024, 1]])), 1);
  assert.equal(chunkBound(patterned(0, 10, [[1024, 5000]])), 10);
  // Eight runs of 64 words, far apart.
  assert.equal(
    chunkBound(
      patterned(0, 512, [
        [8, 4096],
        [64, 1],
      ]),
    ),
    16,
  );
  // The counter starts inside the pattern: ten iterations wrap from its end to its beginning.
  assert.equal(chunkBound(patterned(2560, 10, [[2565, 256]])), 10);
  assert.equal(chunkBound(patterned(2560, 10, [[2565, -32]])), 10);
  assert.equal(chunkBound(patterned(2560, 5, [[2565, -32]])), 2);
});

test("a dot product in long runs is priced by its own row", () => {
  const dot = (first: number, extent: number, count: number): ScalarProgram =>
    buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [1] }, (b) => {
      const [total] = b.loop({
        count,
        carried: [{ type: "f32", init: first }],
        body: ({ carried: [sum] }) => [
          b.fma(
            b.load(0, 0, [
              [4096, 20],
              [extent, 1],
            ]),
            b.load(1, 0, [[4096, 1]]),
            sum,
          ),
        ],
        combine: ([sum], [block]) => [b.add(sum, block)],
      });
      return total;
    });
  const program = dot(0, DOT_RUN, 512);
  assert.ok(isDotProduct(program));
  assert.equal(gasBound(program), GAS.element + 4 * GAS.instruction + 512 * GAS.dotStep + 2 * GAS.dotBlock);
  const step = GAS.iteration + GAS.carried + 2 * OPCODES.load.gas + OPCODES.fma.gas;
  const fold = GAS.iteration + GAS.carried + OPCODES.add.gas;
  const generic = GAS.element + 4 * GAS.instruction + 512 * step + 2 * (fold + GAS.reset);
  for (const other of [dot(0, DOT_RUN - 1, 512), dot(-0, DOT_RUN, 512)]) assert.equal(gasBound(other), generic);
});

test("the longest dot product fits, as any other loop it would not", () => {
  const longest = (first: number): ScalarProgram =>
    buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [1] }, (b) => {
      const [total] = b.loop({
        count: 4096,
        carried: [{ type: "f32", init: first }],
        body: ({ carried: [sum] }) => [b.fma(b.load(0, 0, [[4096, 1]]), b.load(1, 0, [[4096, 1]]), sum)],
        combine: ([sum], [block]) => [b.add(sum, block)],
      });
      return total;
    });
  assert.ok(gasBound(longest(0)) <= SCALAR_LIMITS.gas);
  assert.throws(() => longest(-0), /gas-bound/);
});

test("the dot product form is exact", () => {
  const random = createRandom(5);
  let program = randomScalar(random);
  while (!isDotProduct(program)) program = randomScalar(random);
  const loop = program.loop!;
  const [left, right, product] = loop.body;
  const broken: ScalarProgram[] = [
    { ...program, loop: null },
    { ...program, loop: { ...loop, lanes: 32 } },
    { ...program, loop: { ...loop, single: true } },
    { ...program, loop: { ...loop, body: [left, right, { ...product, a: product.b }] } },
    { ...program, loop: { ...loop, body: [{ ...left, b: 0 }, right, product] } },
    { ...program, loop: { ...loop, combine: [{ ...loop.combine[0], a: loop.combine[0].b }] } },
    { ...program, loop: { ...loop, carried: [{ ...loop.carried[0], bodyOut: product.a }] } },
    { ...program, constants: [{ type: "f32", word: 0x80000000 }, ...program.constants.slice(1)] },
    { ...program, operandTypes: ["i32", "i32", "f32"] },
    { ...program, patterns: program.patterns.map(([slow, middle]) => [slow, middle, { extent: 8, stride: 2 }]) },
  ];
  for (const other of broken) assert.ok(!isDotProduct(other));
});

test("combine runs at most once per lane of each block", () => {
  const loop = patterned(0, 600, [[600, 1]]).loop!;
  assert.equal(combineRuns(loop), 3);
  assert.equal(combineRuns({ ...loop, lanes: 32 }), 96);
  assert.equal(combineRuns({ ...loop, lanes: 32, count: 5 }), 5);
});
