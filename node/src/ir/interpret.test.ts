import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, ordinary } from "../float/directed.ts";
import { add, fma } from "../float/ops.ts";
import { fromBits, toBits } from "../float/words.ts";
import { buildScalar } from "./build.ts";
import { isDotProduct } from "./bounds.ts";
import { evaluateElement, evaluatePrimitive, EvaluationError, wordsOperand } from "./interpret.ts";
import { randomOperands, randomScalar } from "./random.ts";
import { outputLength } from "./scalar.ts";
import type { ScalarProgram } from "./scalar.ts";

const SEED = 20;

function words(values: readonly number[]): Uint32Array {
  return Uint32Array.from(values, toBits);
}

function floats(values: readonly number[]) {
  return wordsOperand("f32", words(values));
}

function ordinaryWords(seed: number, length: number): Uint32Array {
  const random = createRandom(seed);
  return Uint32Array.from({ length }, () => ordinary(random));
}

/** Row times column over k in [start, start + count), from `initial` where one is given. */
function dotProduct(length: number, start: number, count: number, continued: boolean): ScalarProgram {
  return buildScalar(
    { operands: continued ? ["f32", "f32", "f32"] : ["f32", "f32"], output: "f32", extents: [2] },
    (b) => {
      const pattern = [[length, 1]] as const;
      const base = b.mulI(b.digits[0], length);
      const from = continued ? b.load(2, b.digits[0]) : undefined;
      const [total] = b.loop({
        count,
        start,
        carried: [{ type: "f32", init: 0, ...(from && { from }) }],
        body: ({ carried: [sum] }) => [b.fma(b.load(0, base, pattern), b.load(1, 0, pattern), sum)],
        combine: ([sum], [block]) => [b.add(sum, block)],
      });
      return total;
    },
  );
}

test("a dot product adds blocks of 256 fused multiply-adds", () => {
  const length = 700;
  const left = ordinaryWords(SEED, 2 * length);
  const right = ordinaryWords(SEED + 1, length);
  const program = dotProduct(length, 0, length, false);
  assert.ok(isDotProduct(program));
  for (const row of [0, 1]) {
    let total: number | null = null;
    for (let first = 0; first < length; first += 256) {
      let block = 0;
      for (let k = first; k < Math.min(length, first + 256); k++) block = fma(left[row * length + k], right[k], block);
      total = total === null ? block : add(total, block);
    }
    const operands = [wordsOperand("f32", left), wordsOperand("f32", right)];
    assert.equal(evaluateElement(program, row, 0, operands), total);
  }
});

test("splitting a dot product at any multiple of 256 gives the same bits", () => {
  const length = 1100;
  const left = wordsOperand("f32", ordinaryWords(SEED, 2 * length));
  const right = wordsOperand("f32", ordinaryWords(SEED + 1, length));
  const whole = evaluatePrimitive(dotProduct(length, 0, length, false), 0, [left, right], 2);
  for (let split = 256; split < length; split += 256) {
    const first = evaluatePrimitive(dotProduct(length, 0, split, false), 0, [left, right], 2);
    const rest = dotProduct(length, split, length - split, true);
    assert.deepEqual(evaluatePrimitive(rest, 0, [left, right, wordsOperand("f32", first)], 2), whole);
  }
});

test("lanes are folded in ascending order, and only those that ran", () => {
  const count = 256 + 40;
  const values = ordinaryWords(SEED, count);
  const program = buildScalar({ operands: ["f32"], output: "f32", extents: [1] }, (b) => {
    const [total] = b.loop({
      count,
      lanes: 32,
      carried: [{ type: "f32", init: -0 }],
      body: ({ carried: [sum] }) => [b.add(sum, b.load(0, 0, [[count, 1]]))],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  const block = (first: number, end: number): number => {
    const lanes = Array.from({ length: Math.min(32, end - first) }, () => 0x80000000);
    for (let k = first; k < end; k++) lanes[(k - first) % 32] = add(lanes[(k - first) % 32], values[k]);
    return lanes.reduce((sum, lane) => add(sum, lane));
  };
  const expected = add(block(0, 256), block(256, count));
  assert.equal(evaluateElement(program, 0, 0, [wordsOperand("f32", values)]), expected);
});

test("fewer iterations than lanes leave the other lanes out", () => {
  // An untouched lane would turn the minus zero into a plus zero.
  const program = buildScalar({ operands: ["f32"], output: "f32", extents: [1] }, (b) => {
    const [total] = b.loop({
      count: 2,
      lanes: 32,
      carried: [{ type: "f32", init: 0 }],
      body: () => [b.load(0, 0, [[2, 1]])].map((word) => b.mul(word, 1)),
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  assert.equal(evaluateElement(program, 0, 0, [floats([-0, -0])]), 0x80000000);
});

test("a single loop carries its state over all iterations, blocks restart it", () => {
  const counting = (single: boolean): ScalarProgram =>
    buildScalar({ operands: [], output: "i32", extents: [1] }, (b) => {
      const [last] = b.loop({
        count: 600,
        single,
        carried: [{ type: "i32", init: 100 }],
        body: ({ k, carried: [state] }) => [b.addI(state, b.select(b.eqI(k, 599), b.i32(1000), 1))],
        combine: (_totals, [block]) => [block],
      });
      return last;
    });
  assert.equal(evaluateElement(counting(true), 0, 0, []), 100 + 599 + 1000);
  assert.equal(evaluateElement(counting(false), 0, 0, []), 100 + 87 + 1000);
});

test("a convolution walks its window with three digits", () => {
  // 4 x 5 positions of 2 channels, a 3 x 2 window, one output channel.
  const input = Array.from({ length: 4 * 5 * 2 }, (_, index) => index);
  const weights = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
  const program = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [2, 4] }, (b) => {
    const [y, x] = b.digits;
    const corner = b.addI(b.mulI(y, 10), b.mulI(x, 2));
    const [total] = b.loop({
      count: 12,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried: [sum] }) => [
        b.fma(
          b.load(0, corner, [
            [3, 10],
            [2, 2],
            [2, 1],
          ]),
          b.load(1, 0, [[12, 1]]),
          sum,
        ),
      ],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  assert.ok(isDotProduct(program));
  const outputs = evaluatePrimitive(program, 0, [floats(input), floats(weights)], 8);
  for (let y = 0; y < 2; y++) {
    for (let x = 0; x < 4; x++) {
      let expected = 0;
      for (let k = 0; k < 12; k++) {
        const [ky, kx, c] = [Math.floor(k / 4), Math.floor(k / 2) % 2, k % 2];
        expected += input[((y + ky) * 5 + x + kx) * 2 + c] * weights[k];
      }
      assert.equal(fromBits(outputs[y * 4 + x]), expected);
    }
  }
});

test("loads past the operand give the word 0 and never read", () => {
  const program = buildScalar({ operands: ["f32"], output: "f32", extents: [6] }, (b) => b.load(0, b.subI(b.index, 2)));
  const outputs = evaluatePrimitive(program, 0, [floats([1, 2, 3])], 6);
  assert.deepEqual(outputs, words([0, 0, 1, 2, 3, 0]));
  const reads: number[] = [];
  const operand = { type: "f32", length: 3, read: (index: number) => reads.push(index) } as const;
  evaluatePrimitive(program, 0, [operand], 6);
  assert.deepEqual(reads, [0, 1, 2]);
});

test("loaded masks are 0 or -1 and loaded NaNs are canonical", () => {
  const mask = buildScalar({ operands: ["bool"], output: "i32", extents: [3] }, (b) => b.boolToI32(b.load(0, b.index)));
  const masks = wordsOperand("bool", Uint32Array.of(0, 1, 0x80000000));
  assert.deepEqual(evaluatePrimitive(mask, 0, [masks], 3), Uint32Array.of(0, 0xffffffff, 0xffffffff));
  const copy = buildScalar({ operands: ["f32"], output: "f32", extents: [3] }, (b) => b.load(0, b.index));
  const payloads = wordsOperand("f32", Uint32Array.of(0xffc12345, 0x7f800001, 0x80000001));
  assert.deepEqual(evaluatePrimitive(copy, 0, [payloads], 3), Uint32Array.of(0x7fc00000, 0x7fc00000, 0x80000001));
  const cast = buildScalar({ operands: ["i32"], output: "f32", extents: [1] }, (b) => b.fromBits(b.load(0, 0)));
  assert.equal(evaluateElement(cast, 0, 0, [wordsOperand("i32", Uint32Array.of(0xff800001))]), 0x7fc00000);
});

test("the step and the digits are registers", () => {
  const program = buildScalar({ operands: [], output: "i32", extents: [2, 3, 4] }, (b) => {
    const [i, j, k] = b.digits;
    return b.addI(b.addI(b.mulI(i, 1000), b.mulI(j, 100)), b.addI(b.mulI(k, 10), b.step));
  });
  assert.equal(evaluateElement(program, 23, 7, []), 1237);
  assert.equal(evaluateElement(program, 5, 0xffffffff, []), 109);
});

test("conveniences do what they say", () => {
  const unary = (define: "trunc" | "ceil"): ScalarProgram =>
    buildScalar({ operands: ["f32"], output: "f32", extents: [5] }, (b) => b[define](b.load(0, b.index)));
  const values = floats([-1.5, -0.5, 0.5, 2.5, NaN]);
  assert.deepEqual(evaluatePrimitive(unary("trunc"), 0, [values], 5), words([-1, -0, 0, 2, NaN]));
  assert.deepEqual(evaluatePrimitive(unary("ceil"), 0, [values], 5), words([-1, -0, 1, 3, NaN]));
  const clamp = buildScalar({ operands: [], output: "i32", extents: [5] }, (b) => b.clampI(b.subI(b.index, 2), -1, 1));
  assert.deepEqual(
    Array.from(evaluatePrimitive(clamp, 0, [], 5), (word) => word | 0),
    [-1, -1, 0, 1, 1],
  );
  const compare = buildScalar({ operands: ["f32"], output: "i32", extents: [5] }, (b) => {
    const value = b.load(0, b.index);
    const flags = [b.ne(value, value), b.gt(value, 0), b.ge(value, 2.5)].map((flag) => b.i32FromBool(flag));
    return b.addI(b.addI(flags[0], b.mulI(flags[1], 10)), b.mulI(flags[2], 100));
  });
  assert.deepEqual(Array.from(evaluatePrimitive(compare, 0, [values], 5)), [0, 0, 10, 110, 1]);
});

test("operands, elements and steps that do not fit are refused", () => {
  const program = buildScalar({ operands: ["f32"], output: "f32", extents: [2] }, (b) => b.load(0, b.index));
  const operand = floats([1]);
  assert.throws(() => evaluateElement(program, 2, 0, [operand]), EvaluationError);
  assert.throws(() => evaluateElement(program, 0.5, 0, [operand]), EvaluationError);
  assert.throws(() => evaluateElement(program, 0, 2 ** 32, [operand]), EvaluationError);
  assert.throws(() => evaluateElement(program, 0, 0, []), EvaluationError);
  assert.throws(() => evaluateElement(program, 0, 0, [wordsOperand("i32", Uint32Array.of(1))]), EvaluationError);
  assert.throws(() => evaluatePrimitive(program, 0, [operand], 3), EvaluationError);
});

test("random programs are total and never give a NaN payload or an odd mask", () => {
  const random = createRandom(SEED);
  for (let round = 0; round < 150; round++) {
    const program = randomScalar(random);
    const operands = randomOperands(random, program).map(({ type, words: stored }) => wordsOperand(type, stored));
    for (const word of evaluatePrimitive(program, round, operands, outputLength(program))) {
      if (program.outputType === "f32") assert.equal(toBits(fromBits(word)), word);
      if (program.outputType === "bool") assert.ok(word === 0 || word === 0xffffffff);
    }
  }
});
