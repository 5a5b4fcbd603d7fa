/**
 * Measures the greatest error of every function of math.ts and trigonometry.ts against binary64 and checks special values. Seeds are fixed; the
 * stated bounds are those measured on 400,000 arguments each, rounded up.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBits, toBits } from "../float/words.ts";
import { createWasmRunner } from "../engine/wasm/runner.ts";
import { buildScalar } from "../ir/build.ts";
import type { ScalarBuilder, Value } from "../ir/build.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { randomWords } from "./fixtures.ts";
import { divideI32, remainder } from "./division.ts";
import * as math from "./math.ts";
import * as trigonometry from "./trigonometry.ts";

const SAMPLES = 20_000;
const SEED = 20_261_120;

interface Row {
  readonly define: (b: ScalarBuilder, x: Value) => Value;
  readonly reference: (x: number) => number;
  /** Half of the arguments are uniform in this range, the others any word at all. */
  readonly range?: readonly [number, number];
  readonly ulp: number;
}

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const ROWS: Readonly<Record<string, Row>> = {
  exp: { define: math.exp, reference: Math.exp, range: [-110, 95], ulp: 0.8 },
  quickExp: { define: math.quickExp, reference: Math.exp, range: [-110, 95], ulp: 0.9 },
  log: { define: math.log, reference: Math.log, range: [0, 4], ulp: 0.8 },
  logOnePlus: { define: math.logOnePlus, reference: Math.log1p, range: [-1, 10], ulp: 1.4 },
  tanh: { define: math.tanh, reference: Math.tanh, range: [-10, 10], ulp: 1.4 },
  sigmoid: { define: math.sigmoid, reference: sigmoid, range: [-110, 40], ulp: 2.1 },
  softplus: { define: math.softplus, reference: softplus, range: [-110, 40], ulp: 1.7 },
  erf: { define: math.erf, reference: erf, range: [-5, 5], ulp: 1.1 },
  sin: { define: trigonometry.sin, reference: Math.sin, range: [-20, 20], ulp: 1.1 },
  cos: { define: trigonometry.cos, reference: Math.cos, range: [-20, 20], ulp: 1.1 },
  tan: { define: trigonometry.tan, reference: Math.tan, range: [-20, 20], ulp: 3 },
  asin: { define: trigonometry.asin, reference: Math.asin, range: [-1, 1], ulp: 1.9 },
  acos: { define: trigonometry.acos, reference: Math.acos, range: [-1, 1], ulp: 1.4 },
  atan: { define: trigonometry.atan, reference: Math.atan, range: [-4, 4], ulp: 1.4 },
  sinh: { define: trigonometry.sinh, reference: Math.sinh, range: [-92, 92], ulp: 2.3 },
  cosh: { define: trigonometry.cosh, reference: Math.cosh, range: [-92, 92], ulp: 2.3 },
  asinh: { define: trigonometry.asinh, reference: Math.asinh, range: [-10, 10], ulp: 1.8 },
  acosh: { define: trigonometry.acosh, reference: Math.acosh, range: [1, 100], ulp: 1.8 },
  atanh: { define: trigonometry.atanh, reference: Math.atanh, range: [-1, 1], ulp: 2.1 },
};

const GELUS = { gelu: math.gelu, geluByTanh: math.geluByTanh };

// Zeros, infinities, NaN, subnormals, the ends of the range, ones, and the ends of exp.
const SPECIAL = [
  0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x00800000, 0x007fffff,
  0x3f800000, 0xbf800000, 0x42b17218, 0x42b17219, 0xc2aeac50, 0xc2cff1b5, 0x4b800000, 0xcb7fffff, 0x3f000000,
  0x40000000, 0x40400000, 0xc0400000, 0xbf000000,
  // Nearest to multiples of pi/2.
  0x6f79be45, 0xf0f9be45, 0x40490fdb, 0xc0c90fdb,
];

test(`functions of one argument stay within their stated error (seed ${SEED})`, () => {
  for (const [name, { define, reference, range, ulp }] of Object.entries(ROWS)) {
    const next = randomWords(SEED);
    const xs = Uint32Array.from({ length: SAMPLES }, (_, index) => {
      if (index < SPECIAL.length) return SPECIAL[index];
      if (range === undefined || index % 2 === 0) return next();
      return toBits(range[0] + ((range[1] - range[0]) * next()) / 2 ** 32);
    });
    const words = evaluate(["f32"], [xs], (b) => define(b, b.load(0, b.index)));
    worstUlp(
      words,
      (index) => reference(fromBits(xs[index])),
      ulp,
      (index) => `${name}(${fromBits(xs[index])})`,
    );
  }
});

test(`compiled functions give the interpreter's words (seed ${SEED})`, () => {
  const runners = [createWasmRunner(), createWasmRunner({ emulateFma: true })];
  const all = { ...Object.fromEntries(Object.entries(ROWS).map(([name, { define }]) => [name, define])), ...GELUS };
  for (const [name, define] of Object.entries(all)) {
    const next = randomWords(SEED);
    const xs = Uint32Array.from({ length: 2_003 }, (_, index) => {
      if (index < SPECIAL.length) return SPECIAL[index];
      return index % 2 === 0 ? next() : toBits((220 * next()) / 2 ** 32 - 110);
    });
    // Payloads and signs of NaN must not show.
    xs.set([0x7f800001, 0xffc12345, 0xffffffff], SPECIAL.length);
    const scalar = buildScalar({ operands: ["f32"], output: "f32", extents: [xs.length] }, (b) =>
      define(b, b.load(0, b.index)),
    );
    const expected = evaluatePrimitive(scalar, 0, [wordsOperand("f32", xs)], xs.length);
    for (const runner of runners) {
      const found = new Uint32Array(xs.length);
      runner.run(scalar, 0, [xs], found);
      assert.deepEqual(found, expected, name);
    }
  }
});

test(`pow follows IEEE-754 and stays within 3.5 ulp (seed ${SEED})`, () => {
  const next = randomWords(SEED);
  const pairs = SPECIAL.flatMap((x) => SPECIAL.map((y) => [x, y]));
  const uniform = (): number => next() / 2 ** 32;
  while (pairs.length < SAMPLES) {
    pairs.push([next(), next()], [toBits(100 * uniform()), toBits(40 * uniform() - 20)]);
    pairs.push([toBits(20 * uniform() - 10), toBits((next() % 41) - 20)]);
    // Exponents that put the result anywhere in the range of binary32.
    const x = toBits(1e-30 + 1000 * uniform());
    pairs.push([x, toBits((195 * uniform() - 105) / Math.log(fromBits(x)))]);
  }
  const [xs, ys] = [0, 1].map((side) => Uint32Array.from(pairs, (pair) => pair[side]));
  const words = evaluate(["f32", "f32"], [xs, ys], (b) => math.pow(b, b.load(0, b.index), b.load(1, b.index)));
  const reference = (index: number): number => {
    const [x, y] = [fromBits(xs[index]), fromBits(ys[index])];
    // ECMAScript differs from IEEE-754 at these two.
    return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
  };
  worstUlp(words, reference, 3.5, (index) => `${fromBits(xs[index])} ** ${fromBits(ys[index])}`);
});

test(`divideI32 truncates, wraps at -2^31 / -1 and gives 0 for a zero divisor (seed ${SEED})`, () => {
  const next = randomWords(SEED);
  const ends = [0, 1, -1, 2, -2, 3, 7, -7, 2 ** 31 - 1, -(2 ** 31), 65536, 16777217];
  const pairs = ends.flatMap((x) => ends.map((y) => [x, y]));
  while (pairs.length < SAMPLES) pairs.push([next() >>> (next() & 31), next() >> (next() & 31)]);
  const [xs, ys] = [0, 1].map((side) => Uint32Array.from(pairs, (pair) => pair[side] >>> 0));
  const words = evaluate(["i32", "i32"], [xs, ys], (b) => divideI32(b, b.load(0, b.index), b.load(1, b.index)), "i32");
  words.forEach((word, index) => {
    const [x, y] = [xs[index] | 0, ys[index] | 0];
    assert.equal(word | 0, y === 0 ? 0 : Math.trunc(x / y) | 0, `${x} / ${y}`);
  });
});

test(`remainder is C's fmod, exactly (seed ${SEED})`, () => {
  const next = randomWords(SEED);
  const pairs = SPECIAL.flatMap((x) => SPECIAL.map((y) => [x, y]));
  while (pairs.length < 5000) pairs.push([next(), next()], [toBits(next() / 2 ** 20), toBits(next() / 2 ** 28)]);
  const [xs, ys] = [0, 1].map((side) => Uint32Array.from(pairs, (pair) => pair[side]));
  const words = evaluate(["f32", "f32"], [xs, ys], (b) => remainder(b, b.load(0, b.index), b.load(1, b.index)));
  words.forEach((word, index) => {
    const [x, y] = [fromBits(xs[index]), fromBits(ys[index])];
    // ECMAScript's % is the exact remainder of binary64, and that of two binary32 is a binary32.
    assert.equal(word, toBits(x % y), `${x} % ${y}`);
  });
});

test("withSign keeps a NaN canonical", () => {
  const words = evaluate(["f32"], [Uint32Array.of(0x7fc00000, 0x40000000)], (b) =>
    math.withSign(b, b.load(0, b.index), b.f32(-1)),
  );
  assert.deepEqual([...words], [0x7fc00000, 0xc0000000]);
});

test(`gelu keeps x above its range, ends at 0 below it, and stays within 9e-7 (seed ${SEED})`, () => {
  const next = randomWords(SEED);
  const ends = [3.4e38, 1e30, 100, 6, 5.5234375].flatMap((x) => [toBits(x), toBits(-x)]);
  const xs = Uint32Array.from({ length: SAMPLES }, (_, index) => ends[index] ?? toBits((24 * next()) / 2 ** 32 - 12));
  const words = evaluate(["f32"], [xs], (b) => math.gelu(b, b.load(0, b.index)));
  const quick = evaluate(["f32"], [xs], (b) => math.geluByTanh(b, b.load(0, b.index)));
  words.forEach((word, index) => {
    const x = fromBits(xs[index]);
    if (Math.abs(x) >= 5.5234375) assert.equal(fromBits(word), Math.max(x, 0), `gelu(${x})`);
    const expected = 0.5 * x * (1 + erf(x * Math.SQRT1_2));
    if (Math.abs(x) < 100) assert.ok(Math.abs(fromBits(word) - expected) <= 9e-7, `gelu(${x}) is ${fromBits(word)}`);
    const tangent = Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
    const close = Math.abs(fromBits(quick[index]) - 0.5 * x * (1 + tangent)) <= 9e-7 * Math.max(1, Math.abs(x) / 8);
    assert.ok(close, `geluByTanh(${x}) is ${fromBits(quick[index])}`);
  });
  const [nan] = evaluate(["f32"], [Uint32Array.of(0x7fc00000)], (b) => math.gelu(b, b.load(0, b.index)));
  assert.equal(nan, 0x7fc00000);
});

function evaluate(
  types: readonly ("f32" | "i32")[],
  operands: readonly Uint32Array[],
  define: (b: ScalarBuilder) => Value,
  output: "f32" | "i32" = "f32",
): Uint32Array {
  const [{ length }] = operands;
  const program = buildScalar({ operands: types, output, extents: [length] }, define);
  const held = operands.map((words, index) => wordsOperand(types[index], words));
  return evaluatePrimitive(program, 0, held, length);
}

function worstUlp(
  words: Uint32Array,
  reference: (index: number) => number,
  bound: number,
  describe: (index: number) => string,
): void {
  words.forEach((word, index) => {
    const expected = reference(index);
    const error = ulpError(fromBits(word), expected);
    assert.ok(error <= bound, `${describe(index)} is ${fromBits(word)}, not ${expected}: ${error} ulp`);
  });
}

/** Distance in units of the last place of the result; infinite where only one of them is NaN or infinite. */
function ulpError(found: number, expected: number): number {
  const rounded = Math.fround(expected);
  if (Object.is(found, rounded)) return 0;
  if (expected === 0 || !Number.isFinite(found)) return Infinity;
  if (!Number.isFinite(rounded)) return Math.abs(found) === fromBits(0x7f7fffff) ? 1 : Infinity;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(expected))), -126);
  return Math.abs(found - expected) / 2 ** (exponent - 23);
}

/** erf in binary64: its series near zero, else one minus the continued fraction of erfc. */
function erf(x: number): number {
  const t = Math.abs(x);
  if (Number.isNaN(x) || x === 0) return x;
  if (t > 6) return Math.sign(x);
  if (t < 2.5) {
    let term = t;
    let sum = t;
    for (let n = 1; Math.abs(term) > 1e-18 * sum; n++) {
      term *= (-t * t) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (t + fraction);
  return Math.sign(x) * (1 - Math.exp(-t * t) / (Math.sqrt(Math.PI) * (t + fraction)));
}
