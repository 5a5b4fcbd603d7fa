import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { below, createRandom, DIRECTED_CLASSES, drawOperands, wordOf } from "../../float/directed.ts";
import type { Random } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { PatternDigits, ScalarBuilder, Value } from "../../ir/build.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { interpreterRunner } from "../machine/runner.ts";
import { recogniseContraction } from "./contraction.ts";
import type { Contraction } from "./contraction.ts";
import { directedWords, finiteCount, likeWords } from "./fixtures.ts";
import { bindMultiplier, compileMultiplier, isNarrowable, isPackable, planMultiplication } from "./multiply.ts";
import type { BoundMultiplier } from "./multiply.ts";
import { multiplyOnce } from "./once.ts";

const PAGES = 256;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
const bound = (isFused: boolean, isWidened: boolean): BoundMultiplier =>
  bindMultiplier(memory, compileMultiplier({ isFused, isShared: true, isWidened }));
const MULTIPLIERS: Readonly<Record<string, BoundMultiplier>> = {
  fused: bound(true, false),
  widened: bound(true, true),
  emulated: bound(false, false),
  "emulated, widened": bound(false, true),
};

interface Draft {
  readonly extents: readonly number[];
  readonly count: number;
  /** Words that each digit moves the left and the right address by. */
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly leftPattern?: PatternDigits;
  readonly rightPattern?: PatternDigits;
  readonly block?: number;
  readonly perStep?: number;
  readonly isContinued?: boolean;
}

/** The last operand holds the totals to start from. */
function product(draft: Draft): ScalarProgram {
  const { extents, count, block, isContinued = false, perStep = 0 } = draft;
  const contiguous: PatternDigits = [[count, 1]];
  return buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents }, (b) => {
    const place = (strides: readonly number[], start: Value): Value =>
      b.digits.reduce((sum, digit, axis) => b.addI(b.mulI(digit, strides[axis]), sum), start);
    const own = (builder: ScalarBuilder): Value => builder.load(2, builder.index);
    const [total] = b.loop({
      count,
      ...(block === undefined ? {} : { block }),
      carried: [{ type: "f32", init: 0, ...(isContinued ? { from: own(b) } : {}) }],
      body: ({ carried }) => [
        b.fma(
          b.load(0, place(draft.left, b.mulI(b.step, perStep)), draft.leftPattern ?? contiguous),
          b.load(1, place(draft.right, b.i32(0)), draft.rightPattern ?? contiguous),
          carried[0],
        ),
      ],
      combine: ([sum], [dot]) => [b.add(sum, dot)],
    });
    return total;
  });
}

const matrix = (rows: number, columns: number, count: number): Draft => ({
  extents: [rows, columns],
  count,
  left: [count, 0],
  right: [0, count],
});

/** Runs a product on every multiplier, packed before and not, whole and in units backwards, and compares with the interpreter. */
function check(draft: Draft, words: readonly Uint32Array[], label: string, step = 0): Uint32Array {
  const scalar = product(draft);
  const expected = new Uint32Array(outputLength(scalar));
  interpreterRunner.run(scalar, step, words, expected);
  const contraction = recognised(scalar, words);
  const totals = draft.isContinued === true ? words[2] : expected.map(() => 0xdeadbeef);
  const forms = isPackable(contraction) ? (["none", "wide", "narrow"] as const) : (["none"] as const);
  const backwards = (units: number): number[] => Array.from({ length: units }, (_, unit) => units - 1 - unit);
  for (const [name, multiplier] of Object.entries(MULTIPLIERS)) {
    for (const panels of forms) {
      for (const order of [undefined, backwards]) {
        const options = {
          contraction,
          operands: words,
          totals,
          panels,
          step,
          ...(order === undefined ? {} : { order }),
        };
        const found = multiplyOnce(memory, multiplier, options);
        if (found === null) assert.equal(isNarrowable(words[contraction.columns.operand]), false, label);
        else assert.deepEqual(found, expected, `${label}, ${name}, ${panels} panels`);
      }
    }
  }
  return expected;
}

function recognised(scalar: ScalarProgram, words: readonly Uint32Array[]): Contraction {
  const contraction = recogniseContraction(
    scalar,
    words.map(({ length }) => length),
  );
  assert.ok(contraction !== null);
  return contraction;
}

/** Words whose lower halves are zero, NaN with payloads among them. */
const narrowed = (words: Uint32Array): Uint32Array => words.map((word) => word & 0xffff0000);

/** Words that make sums cancel, overflow and meet infinities, mostly without drowning in NaN. */
function hostileWords(random: Random, length: number): Uint32Array {
  const specials = [0, 0x80000000, 0x7f7fffff, 0xff7fffff, 1, 0x80000001, 0x00800000, 0x3f800000, 0x7f800000];
  if (below(random, 2) === 0) return Uint32Array.from({ length }, () => specials[below(random, specials.length)]);
  return Uint32Array.from({ length }, () =>
    below(random, 211) === 0 ? random() : 0x3f800000 ^ (random() & 0x80ffffff),
  );
}

describe("multiplications", () => {
  it("have the interpreter's bits in every shape of rest", () => {
    for (const rows of [1, 2, 3, 4, 5, 6, 11, 12, 13, 25]) {
      for (const columns of [4, 8, 13, 31, 32, 33, 64, 71]) {
        const count = [3, 4, 259][(rows + columns) % 3];
        const words = [rows * count, columns * count, rows * columns].map((length, seed) => likeWords(seed, length));
        const draft = { ...matrix(rows, columns, count), isContinued: (rows + columns) % 2 === 0 };
        const totals = check(draft, words, `${rows} ${columns} ${count}`);
        assert.equal(finiteCount(totals), totals.length);
        check(draft, [words[0], narrowed(words[1]), words[2]], `${rows} ${columns} ${count} narrow`);
      }
    }
  });

  it("have them over directed words, with a class of its own in every row", () => {
    const classes = Object.values(DIRECTED_CLASSES);
    const random = createRandom(5);
    const [columns, count] = [40, 6];
    const rows = classes.flatMap((draw) => Array.from({ length: count }, () => draw(random)[0]));
    const right = Array.from({ length: columns }, (_, column) =>
      Array.from({ length: count }, () => classes[column % classes.length](random)[1]),
    ).flat();
    const words = [Uint32Array.from(rows), Uint32Array.from(right), directedWords(6, classes.length * columns)];
    const draft = matrix(classes.length, columns, count);
    check(draft, words, "directed");
    check({ ...draft, isContinued: true }, words, "directed, continued");
    check({ ...draft, isContinued: true }, [words[0], narrowed(words[1]), words[2]], "directed, narrow");
  });

  it("round once: c * 1 + a * b for triples whose result a second rounding changes", () => {
    const random = createRandom(8);
    const tight = ["halfway", "subnormalHalfway", "cancellation", "tiny"];
    const side = 36;
    const triples = Array.from({ length: side }, (_, index) => drawOperands(random, tight[index % 4], 3));
    const left = Uint32Array.from(triples.flatMap(([a, , c]) => [c, a]));
    const right = Uint32Array.from(triples.flatMap(([, b]) => [0x3f800000, b]));
    for (const rows of [side, 7, 3, 2, 1]) {
      check(matrix(rows, side, 2), [left.subarray(0, 2 * rows), right, new Uint32Array(1)], `${rows} rows`);
    }
  });

  it("have them for hostile words in random shapes, in several blocks", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = createRandom(seed);
      const [rows, columns, count] = [1 + below(random, 20), 4 + below(random, 80), 1 + below(random, 600)];
      const words = [rows * count, columns * count, rows * columns].map((length) => hostileWords(random, length));
      const draft = { ...matrix(rows, columns, count), isContinued: below(random, 2) === 0 };
      check(draft, words, `seed ${seed}`);
      check(draft, [words[0], narrowed(words[1]), words[2]], `seed ${seed}, narrow`);
    }
  });

  it("take one block where the program says so", () => {
    const count = 700;
    const words = [5 * count, 40 * count, 1].map((length, seed) => likeWords(seed, length));
    for (const rows of [1, 5]) check({ ...matrix(rows, 40, count), block: count }, words, `${rows} rows`);
  });

  it("keep the signs of zeros", () => {
    const count = 3;
    const words = [7 * count, 33 * count, 7 * 33].map(() => new Uint32Array(7 * 33).fill(0x80000000));
    words[0].fill(0x00000001, 0, count);
    words[1].fill(0x80000001, 0, count);
    for (const isContinued of [false, true]) check({ ...matrix(7, 33, count), isContinued }, words, "zeros");
  });

  it("copy rows together: runs of every length, several batches, rows of short operands, and by the step", () => {
    for (const [size, kernel, inner, stride, outputs] of [
      [7, 3, 4, 1, 40],
      [9, 3, 3, 2, 9],
      [6, 2, 17, 1, 33],
      [12, 5, 23, 1, 12],
      [8, 1, 65, 2, 70],
    ]) {
      const out = Math.floor((size - kernel) / stride) + 1;
      const count = kernel * kernel * inner;
      const draft: Draft = {
        extents: [2, out, out, outputs],
        count,
        left: [size * size * inner, stride * size * inner, stride * inner, 0],
        right: [0, 0, 0, count],
        leftPattern: [
          [kernel, size * inner],
          [kernel * inner, 1],
        ],
        perStep: 3,
      };
      const lengths = [2 * size * size * inner + 6, outputs * count, 2 * out * out * outputs];
      for (const [short, step] of [
        [0, 0],
        [0, 2],
        [50, 1],
      ]) {
        const words = lengths.map((length, seed) => likeWords(seed, Math.max(1, length - short)));
        check(draft, words, `${kernel}x${kernel} ${short} ${step}`, step);
      }
    }
  });

  it("pack columns that lie side by side, in tiles, and backwards", () => {
    const [rows, columns, count] = [5, 48, 64];
    const words = [rows * count, columns * count + 100, 1].map((length, seed) => likeWords(seed, length));
    const draft = matrix(rows, columns, count);
    for (const short of [0, 1, 130]) {
      const given = [words[0], words[1].subarray(0, columns * count - short), words[2]];
      check({ ...draft, right: [0, 1], rightPattern: [[count, columns]] }, given, `transposed ${short}`);
      // 16 by 16 tiles, one after the other: word (k, column) at (k / 16) * 768 + (column / 16) * 256 + (k % 16) * 16 + column % 16
      const tiled: Draft = {
        extents: [rows, columns / 16, 16],
        count,
        left: [count, 0, 0],
        right: [0, 256, 1],
        rightPattern: [
          [count / 16, 16 * columns],
          [16, 16],
        ],
      };
      check(tiled, given, `tiles ${short}`);
    }
  });

  it("have outputs whose rows or columns stand unevenly", () => {
    const [count, inner] = [20, 35];
    const words = [6 * 4 * count, inner * 3 * count, 1].map((length, seed) => likeWords(seed, length));
    // Digits of rows and columns alternate: element (a, x, b, y).
    const draft: Draft = {
      extents: [6, 3, 4, inner],
      count,
      left: [4 * count, 0, count, 0],
      right: [0, inner * count, 0, count],
    };
    check(draft, words, "alternating");
  });

  it("multiply batches that pack for themselves", () => {
    const [batches, rows, columns, count] = [3, 4, 37, 64];
    const sizes = [batches * rows * count, batches * columns * count, 1];
    const words = sizes.map((length, seed) => likeWords(seed, length));
    for (const taken of [1, rows]) {
      check(
        {
          extents: [batches, taken, columns],
          count,
          left: [rows * count, count, 0],
          right: [columns * count, 0, count],
        },
        words,
        `${taken} rows`,
      );
    }
  });
});

describe("plans of multiplications", () => {
  const contractionOf = (rows: number, columns: number, count: number): Contraction =>
    recognised(
      product(matrix(rows, columns, count)),
      [rows * count, columns * count, 1].map((length) => new Uint32Array(length)),
    );

  it("survive cloning, and give every thread something to do", () => {
    for (const [rows, columns, count, least] of [
      [1, 3072, 768, 8],
      [64, 3072, 768, 16],
      [196, 256, 2304, 4],
      [1024, 1024, 1024, 32],
    ]) {
      const plan = planMultiplication(contractionOf(rows, columns, count), { isPacked: true });
      assert.deepEqual(structuredClone(plan), plan);
      assert.ok(plan.units >= least, `${plan.units} units of ${rows} ${columns} ${count}`);
      assert.equal(plan.packUnits, Math.ceil(columns / 32));
      assert.equal(plan.packedWords, Math.ceil(columns / 32) * 32 * count);
      assert.equal(plan.narrowWords, plan.packedWords / 2);
    }
  });

  it("refuse to pack before what changes from batch to batch", () => {
    const draft = { extents: [2, 3, 8], count: 4, left: [12, 4, 0], right: [32, 0, 4] };
    const contraction = recognised(product(draft), [new Uint32Array(24), new Uint32Array(64), new Uint32Array(1)]);
    assert.throws(() => planMultiplication(contraction, { isPacked: true }), RangeError);
    assert.equal(planMultiplication(contraction, { isPacked: false }).packUnits, 0);
  });
});

describe("narrow panels", () => {
  it("are refused for a word with one bit in its lower half, wherever it is", () => {
    const [rows, columns, count] = [2, 40, 5];
    const left = likeWords(1, rows * count);
    for (let bit = 0; bit < 16; bit++) {
      const right = new Uint32Array(columns * count).map(() => wordOf(0, 127, 0));
      assert.equal(isNarrowable(right), true);
      right[(bit * 37) % right.length] |= 1 << bit;
      assert.equal(isNarrowable(right), false);
      const operands = [left, right, new Uint32Array(1)];
      const contraction = recognised(product(matrix(rows, columns, count)), operands);
      const options = { contraction, operands, totals: new Uint32Array(rows * columns), panels: "narrow" } as const;
      assert.equal(multiplyOnce(memory, MULTIPLIERS["fused"], options), null);
    }
  });
});
