import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom, drawOperands, specialTuples, DIRECTED_CLASSES } from "./directed.ts";
import * as exact from "./exact.ts";
import * as ops from "./ops.ts";
import { canonical, fromBits, isNaNBits, toBits, CANONICAL_NAN } from "./words.ts";

const SEED = 0x10c57e9;
const CASES_PER_CLASS = 4_000;

type Operation = (...operands: number[]) => number;

const PAIRS: [name: string, arity: 1 | 2 | 3, fast: Operation, reference: Operation][] = [
  ["add", 2, ops.add, exact.exactAdd],
  ["sub", 2, ops.sub, exact.exactSub],
  ["mul", 2, ops.mul, exact.exactMul],
  ["fma", 3, ops.fma, exact.exactFma],
  ["div", 2, ops.div, exact.exactDiv],
  ["sqrt", 1, ops.sqrt, exact.exactSqrt],
  ["neg", 1, ops.neg, exact.exactNeg],
  ["abs", 1, ops.abs, exact.exactAbs],
  ["max", 2, ops.max, exact.exactMax],
  ["min", 2, ops.min, exact.exactMin],
  ["lt", 2, ops.lt, exact.exactLt],
  ["le", 2, ops.le, exact.exactLe],
  ["eq", 2, ops.eq, exact.exactEq],
  ["floor", 1, ops.floor, exact.exactFloor],
  ["nearest", 1, ops.nearest, exact.exactNearest],
  ["fromI32", 1, ops.fromI32, exact.exactFromI32],
  ["toI32", 1, ops.toI32, exact.exactToI32],
  ["mulhiU", 2, ops.mulhiU, exact.exactMulhiU],
];

const hex = (words: number[]): string => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("ops equals the exact reference", () => {
  for (const [name, arity, fast, reference] of PAIRS) {
    it(`${name}, every directed class`, (t) => {
      t.diagnostic(`seed 0x${SEED.toString(16)}, ${CASES_PER_CLASS} cases a class`);
      const random = createRandom(SEED);
      for (const className of Object.keys(DIRECTED_CLASSES)) {
        for (let i = 0; i < CASES_PER_CLASS; i++) {
          const operands = drawOperands(random, className, arity);
          const [got, want] = [fast(...operands), reference(...operands)];
          if (got !== want)
            assert.fail(`${name} ${className}: ${hex(operands)} gave ${hex([got])}, not ${hex([want])}`);
        }
      }
    });
  }
});

describe("ops equals the exact reference on special words", () => {
  for (const [name, arity, fast, reference] of PAIRS) {
    it(`${name}, every tuple`, () => {
      for (const operands of specialTuples(arity)) {
        const [got, want] = [fast(...operands), reference(...operands)];
        if (got !== want) assert.fail(`${name}: ${hex(operands)} gave ${hex([got])}, not ${hex([want])}`);
      }
    });
  }
});

describe("the directed classes", () => {
  it("catch an fma that rounds twice", () => {
    const random = createRandom(SEED);
    const wrong = (className: string): number => {
      let count = 0;
      for (let i = 0; i < 5_000; i++) {
        const [a, b, c] = drawOperands(random, className, 3);
        const doublyRounded = toBits(Math.fround(fromBits(a) * fromBits(b) + fromBits(c)));
        if (doublyRounded !== ops.fma(a, b, c)) count++;
      }
      return count;
    };
    assert.equal(wrong("ordinary"), 0);
    assert.ok(wrong("halfway") > 50);
    assert.ok(wrong("subnormalHalfway") > 50);
  });
});

describe("named cases", () => {
  const one = 0x3f800000;
  const minusZero = 0x80000000;

  it("a NaN operand with a payload gives the canonical NaN everywhere", () => {
    const payload = 0xffabcdef;
    assert.equal(canonical(payload), CANONICAL_NAN);
    for (const unary of [ops.sqrt, ops.neg, ops.abs, ops.floor, ops.nearest])
      assert.equal(unary(payload), CANONICAL_NAN);
    for (const binary of [ops.add, ops.sub, ops.mul, ops.div]) {
      assert.equal(binary(payload, one), CANONICAL_NAN);
      assert.equal(binary(one, payload), CANONICAL_NAN);
    }
    assert.equal(ops.fma(one, one, payload), CANONICAL_NAN);
    assert.equal(ops.toI32(payload), 0);
    assert.equal(ops.eq(payload, payload), 0);
  });

  it("max and min compare and select, so the first operand wins against NaN and the other zero", () => {
    assert.equal(ops.max(one, CANONICAL_NAN), one);
    assert.equal(ops.max(CANONICAL_NAN, one), CANONICAL_NAN);
    assert.equal(ops.min(one, CANONICAL_NAN), one);
    assert.equal(ops.max(minusZero, 0), minusZero);
    assert.equal(ops.max(0, minusZero), 0);
    assert.equal(ops.min(0, minusZero), 0);
  });

  it("fma keeps the sign rules of zero that padding relies on", () => {
    assert.equal(ops.fma(0, 0, minusZero), 0);
    assert.equal(ops.fma(minusZero, 0, minusZero), minusZero);
    assert.equal(ops.fma(minusZero, 0, 0), 0);
  });

  it("toI32 truncates and saturates", () => {
    assert.equal(ops.toI32(toBits(-1.75)), 0xffffffff);
    assert.equal(ops.toI32(toBits(2 ** 31)), 0x7fffffff);
    assert.equal(ops.toI32(toBits(-(2 ** 31))), 0x80000000);
    assert.equal(ops.toI32(0xff800000), 0x80000000);
  });

  it("rounding to integers keeps the sign of zero and ties go to even", () => {
    assert.equal(ops.nearest(toBits(-0.5)), minusZero);
    assert.equal(ops.nearest(toBits(2.5)), toBits(2));
    assert.equal(ops.nearest(toBits(3.5)), toBits(4));
    assert.equal(ops.floor(minusZero), minusZero);
    assert.equal(ops.floor(toBits(-0.25)), toBits(-1));
  });

  it("unsigned division by zero is total", () => {
    assert.equal(ops.divU(7, 0), 0);
    assert.equal(ops.remU(7, 0), 0);
    assert.equal(ops.divU(0xffffffff, 10), 429496729);
    assert.equal(ops.remU(0xffffffff, 10), 5);
  });

  it("every exponent boundary survives the view to a number and back", () => {
    for (let exponent = 0; exponent < 256; exponent++) {
      for (const fraction of [0, 1, 0x7fffff]) {
        const word = ((exponent << 23) | fraction) >>> 0;
        assert.equal(toBits(fromBits(word)), isNaNBits(word) ? CANONICAL_NAN : word);
      }
    }
  });
});
