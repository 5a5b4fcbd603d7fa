// What errors are measured against: the binary64 references beside integer arithmetic, and how errors are counted.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { buildScalar } from "@lockstep/node/ir/build";
import { accuracy, SUBJECTS, sweep, ulpError } from "./accuracy.ts";
import { BenchError } from "./rows.ts";

const SEED = 20_261_120;
const SAMPLES = 150;
/** What the references are held to, relative to the exact value: 2^-45, of 2^-24 that a last place is. */
const BOUND = 2 ** -45;

// Numbers with 700 bits after the point, as integers: enough for e^-104 and for arguments of 2^127 reduced by pi.
const PLACES = 700n;
const ONE = 1n << PLACES;

const multiply = (a: bigint, b: bigint): bigint => (a * b) >> PLACES;
const divide = (a: bigint, b: bigint): bigint => (a << PLACES) / b;

function root(a: bigint): bigint {
  const square = a << PLACES;
  let x = 1n << BigInt(Math.ceil(square.toString(2).length / 2));
  for (let next = (x + square / x) >> 1n; next < x; next = (x + square / x) >> 1n) x = next;
  return x;
}

/** A binary32 number is a multiple of 2^-149, so this is exact. */
function exactly(x: number): bigint {
  return (BigInt(x * 2 ** 75 * 2 ** 74) << PLACES) >> 149n;
}

function toNumber(a: bigint): number {
  const bits = (a < 0n ? -a : a).toString(2).length;
  const shift = BigInt(Math.max(0, bits - 60));
  return Number(a >> shift) * 2 ** (Number(shift) - Number(PLACES));
}

/** The sum of terms, each made of the one before and its number, until they vanish. */
function series(first: bigint, next: (term: bigint, n: bigint) => bigint): bigint {
  let sum = first;
  for (let [term, n] = [next(first, 1n), 1n]; term !== 0n && term !== -1n; term = next(term, n)) {
    sum += term;
    n++;
  }
  return sum;
}

/** Arc tangent of 1/n. */
function smallAngle(n: bigint): bigint {
  let sum = 0n;
  for (let [power, k] = [ONE / n, 0n]; power !== 0n; power /= n * n, k++) {
    sum += (k % 2n === 0n ? power : -power) / (2n * k + 1n);
  }
  return sum;
}

const PI = 4n * (4n * smallAngle(5n) - smallAngle(239n));

function exp(x: bigint): bigint {
  // e^x = (e^(x / 2^16))^(2^16): the squarings cost 16 places.
  let result = series(ONE, (term, n) => multiply(term, x >> 16n) / n);
  for (let k = 0; k < 16; k++) result = multiply(result, result);
  return result;
}

/** By Halley's method on exp, from binary64. */
function log(x: bigint): bigint {
  const bits = BigInt(x.toString(2).length) - PLACES;
  const mantissa = bits > 0n ? x >> bits : x << -bits;
  let y = BigInt(Math.round(Math.log(toNumber(mantissa)) * 2 ** 50)) << (PLACES - 50n);
  for (let turn = 0; turn < 4; turn++) y += 2n * divide(mantissa - exp(y), mantissa + exp(y));
  return y + bits * LN2;
}

/** ln 2 = 2 atanh(1/3). */
const LN2 = (() => {
  let sum = 0n;
  for (let [power, k] = [ONE / 3n, 0n]; power !== 0n; power /= 9n, k++) sum += power / (2n * k + 1n);
  return 2n * sum;
})();

function sine(x: bigint): bigint {
  const r = x % (2n * PI);
  return series(r, (term, n) => -multiply(multiply(term, r), r) / (2n * n * (2n * n + 1n)));
}

const cosine = (x: bigint): bigint => sine(x + PI / 2n);

function arcTangent(x: bigint): bigint {
  if (x < 0n) return -arcTangent(-x);
  // Halved three times, so that the series converges.
  let t = x;
  for (let turn = 0; turn < 3; turn++) t = divide(t, ONE + root(ONE + multiply(t, t)));
  let sum = 0n;
  for (let [power, k] = [t, 0n]; power !== 0n && power !== -1n; power = multiply(multiply(power, t), t), k++) {
    sum += (k % 2n === 0n ? power : -power) / (2n * k + 1n);
  }
  return 8n * sum;
}

const arcSine = (x: bigint): bigint => {
  if (x === ONE || x === -ONE) return x === ONE ? PI / 2n : -PI / 2n;
  return arcTangent(divide(x, root(ONE - multiply(x, x))));
};

const sigmoid = (x: bigint): bigint => divide(ONE, ONE + exp(-x));
const tangentOfTwice = (x: bigint): bigint => divide(exp(x) - ONE, exp(x) + ONE);
const softplus = (x: bigint): bigint => log(ONE + exp(x));

/** 2 / sqrt(pi) e^(-x^2) * sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1)). */
function erf(x: bigint): bigint {
  const square = multiply(x, x);
  const sum = series(x, (term, n) => (2n * multiply(term, square)) / (2n * n + 1n));
  return divide(2n * multiply(exp(-square), sum), root(PI));
}

interface Check {
  readonly exact: (x: bigint) => bigint;
  readonly low: number;
  readonly high: number;
}

const EXACT: Readonly<Record<keyof typeof SUBJECTS, Check>> = {
  exp: { exact: exp, low: -104, high: 88 },
  quickExp: { exact: exp, low: -104, high: 88 },
  log: { exact: log, low: 2 ** -149, high: 3e38 },
  tanh: { exact: (x) => tangentOfTwice(2n * x), low: -10, high: 10 },
  sigmoid: { exact: sigmoid, low: -104, high: 20 },
  erf: { exact: erf, low: -4.2, high: 4.2 },
  gelu: { exact: (x) => multiply(x, ONE + erf(divide(x, root(2n * ONE)))) / 2n, low: -5, high: 5 },
  geluTanh: {
    exact: (x) => {
      const cubic = (44715n * multiply(multiply(x, x), x)) / 1_000_000n;
      return multiply(x, sigmoid(2n * multiply(root(divide(2n * ONE, PI)), x + cubic)));
    },
    low: -8,
    high: 8,
  },
  swish: { exact: (x) => multiply(x, sigmoid(x)), low: -104, high: 40 },
  softplus: { exact: softplus, low: -104, high: 40 },
  mish: { exact: (x) => multiply(x, tangentOfTwice(2n * softplus(x))), low: -104, high: 40 },
  softsign: { exact: (x) => divide(x, ONE + (x < 0n ? -x : x)), low: -1e9, high: 1e9 },
  sin: { exact: sine, low: -3e38, high: 3e38 },
  cos: { exact: cosine, low: -3e38, high: 3e38 },
  tan: { exact: (x) => divide(sine(x), cosine(x)), low: -3e38, high: 3e38 },
  asin: { exact: arcSine, low: -1, high: 1 },
  acos: { exact: (x) => PI / 2n - arcSine(x), low: -1, high: 1 },
  atan: { exact: arcTangent, low: -1e9, high: 1e9 },
  sinh: { exact: (x) => (exp(x) - exp(-x)) / 2n, low: -88, high: 88 },
  cosh: { exact: (x) => (exp(x) + exp(-x)) / 2n, low: -88, high: 88 },
  asinh: {
    exact: (x) => (x < 0n ? -1n : 1n) * log((x < 0n ? -x : x) + root(multiply(x, x) + ONE)),
    low: -1e9,
    high: 1e9,
  },
  acosh: { exact: (x) => log(x + root(multiply(x, x) - ONE)), low: 1, high: 1e9 },
  atanh: { exact: (x) => log(divide(ONE + x, ONE - x)) / 2n, low: -0.9999999, high: 0.9999999 },
  sqrt: { exact: root, low: 0, high: 3e38 },
  reciprocal: { exact: (x) => divide(ONE, x), low: 2 ** -60, high: 1e30 },
  rsqrt: { exact: (x) => divide(ONE, root(x)), low: 2 ** -60, high: 1e30 },
};

/** Binary32 numbers in a range: half of them even in it, half of any exponent. */
function samples(low: number, high: number): number[] {
  let state = SEED;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const found: number[] = [];
  while (found.length < SAMPLES) {
    const even = low + (high - low) * next();
    const scaled = (next() < 0.5 ? low : high) * 2 ** (-40 * next() * next());
    for (const x of [Math.fround(even), Math.fround(scaled)]) if (x !== 0 && x >= low && x <= high) found.push(x);
  }
  return found;
}

describe("references", () => {
  for (const [name, { reference, floor }] of Object.entries(SUBJECTS)) {
    const { exact, low, high } = EXACT[name];
    it(`${name} is right within 2^-45`, () => {
      for (const x of samples(low, high)) {
        const expected = toNumber(exact(exactly(x)));
        const size = Math.max(Math.abs(expected), floor === undefined ? 0 : floor(x), 2 ** -149);
        const error = Math.abs(reference(x) - expected) / size;
        assert.ok(error <= BOUND, `${name}(${x}) is ${reference(x)}, not ${expected}: 2^${Math.log2(error)}`);
      }
    });
  }
});

describe("ulpError", () => {
  it("counts in the last place of the exact result", () => {
    assert.equal(ulpError(1, 1), 0);
    assert.equal(ulpError(1 + 2 ** -23, 1), 1);
    assert.equal(ulpError(1 - 2 ** -24, 1), 0.5);
    assert.equal(ulpError(0.75, 0.75 + 2 ** -25), 0.5);
    assert.equal(ulpError(2 ** -149, 0), 1);
    assert.equal(ulpError(0, 2 ** -150), 0.5);
    assert.equal(ulpError(-8, -8 - 2 ** -20), 1);
  });

  it("counts in the last place of the floor where that is larger", () => {
    assert.equal(ulpError(2 ** -20, 2 ** -20 + 2 ** -24, 0.5), 1);
  });

  it("takes an infinity for the first number out of range, and NaN for NaN only", () => {
    assert.equal(ulpError(Infinity, 1e39), 0);
    assert.equal(ulpError(Infinity, 2 ** 128 - 2 ** 104), 1);
    assert.equal(ulpError(-Infinity, Infinity), 2 ** 25);
    assert.equal(ulpError(NaN, NaN), 0);
    assert.equal(ulpError(NaN, 1), Infinity);
    assert.equal(ulpError(1, NaN), Infinity);
  });
});

describe("accuracy", () => {
  const wrong = {
    program: (length: number) =>
      buildScalar({ operands: ["f32"], output: "f32", extents: [length] }, (b) => {
        const x = b.load(0, b.index);
        return b.select(b.eq(x, 1.5), b.f32(3), x);
      }),
    reference: (x: number) => x,
  };

  it("finds the one argument that is wrong", () => {
    const found = sweep(wrong, { stride: 1, from: 0x3fb00000, end: 0x3fd00000 });
    assert.deepEqual(found, { ulp: 1.5 * 2 ** 23, at: 0x3fc00000 });
  });

  it("goes on from its state", () => {
    const folder = mkdtempSync(join(tmpdir(), "accuracy-"));
    try {
      const state = join(folder, "state.json");
      const first = accuracy({ op: "sqrt", quick: true, state });
      assert.ok(existsSync(state));
      assert.deepEqual(accuracy({ op: "sqrt", quick: true, state }), first);
      assert.equal(first[0].value <= 0.5, true);
      // Found by its function, wherever the error is.
      assert.deepEqual(
        { ...first[0], value: 0, at: "" },
        { name: "sqrt", value: 0, unit: "ulp", baseline: null, ratio: null, at: "" },
      );
      assert.match(first[0].at ?? "", /^0x[0-9a-f]{8}$/);
      writeFileSync(state, JSON.stringify({ "sqrt quick": { ulp: 9, at: 7, next: 2 ** 32 } }));
      assert.equal(accuracy({ op: "sqrt", quick: true, state })[0].value, 9);
      // What a whole sweep found is another figure than that of a sample.
      writeFileSync(state, JSON.stringify({ sqrt: { ulp: 9, at: 7, next: 2 ** 32 } }));
      assert.equal(accuracy({ op: "sqrt", state })[0].value, 9);
      assert.deepEqual(accuracy({ op: "sqrt", quick: true, state }), first);
      for (const text of [JSON.stringify({ sqrt: { ulp: "9" } }), "null", "{"]) {
        writeFileSync(state, text);
        assert.throws(() => accuracy({ op: "sqrt", state }), BenchError);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses names of no function", () => {
    assert.throws(() => accuracy({ op: "expp" }), BenchError);
    assert.throws(() => accuracy({ op: "constructor" }), BenchError);
  });
});
