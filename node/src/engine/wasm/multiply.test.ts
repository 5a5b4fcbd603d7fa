import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { below, createRandom, DIRECTED_CLASSES, drawOperands, wordOf } from "../../float/directed.ts";
import type { Contraction } from "./contraction.ts";
import { directedWords, finiteCount, likeWords } from "./fixtures.ts";
import { isFusedHost } from "./fma.ts";
import { bindMultiplier, compileMultiplier, isNarrowable, planMultiplication } from "./multiply.ts";
import type { BoundMultiplier } from "./multiply.ts";
import { multiplyOnce } from "./once.ts";
import { checkProduct, hostileWords, matrix, narrowed, product, recognised } from "./product-fixtures.ts";
import type { Draft } from "./product-fixtures.ts";

const PAGES = 256;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
const bound = (isFused: boolean, isWidened: boolean): BoundMultiplier =>
  bindMultiplier(memory, compileMultiplier({ isFused, isShared: true, isWidened }));
const isFused = isFusedHost();
const MULTIPLIERS: Readonly<Record<string, BoundMultiplier>> = {
  "of the host": bound(isFused, false),
  "of the host, widened": bound(isFused, true),
  emulated: bound(false, false),
  "emulated, widened": bound(false, true),
};
const check = (draft: Draft, words: readonly Uint32Array[], label: string, step?: number): Uint32Array =>
  checkProduct({ memory, multipliers: MULTIPLIERS }, draft, words, label, step);

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

  it("walk rows and columns backwards", () => {
    const [rows, columns, count] = [7, 40, 33];
    const words = [rows * count, columns * count, 1].map((length, seed) => likeWords(seed, length));
    for (const taken of [1, rows]) {
      const draft = { ...matrix(taken, columns, count), left: [-count, 0], perStep: (taken - 1) * count };
      check(draft, words, `${taken} rows`, 1);
      check({ ...draft, right: [0, -count], rightPattern: [[count, -1]] }, words, `${taken} rows, columns too`, 1);
    }
  });

  it("pack columns that lie side by side, in tiles, and backwards", () => {
    for (const [rows, columns, count] of [
      [5, 48, 64],
      [1, 48, 64],
      [1, 96, 304],
    ]) {
      const words = [rows * count, columns * count + 100, rows * columns].map((length, seed) =>
        likeWords(seed, length),
      );
      const draft = { ...matrix(rows, columns, count), isContinued: columns === 96 };
      for (const short of [0, 1, 130]) {
        const given = [words[0], words[1].subarray(0, columns * count - short), words[2]];
        // A longer column would touch more chunks than a program may.
        if (count === 64) {
          check({ ...draft, right: [0, 1], rightPattern: [[count, columns]] }, given, `transposed ${rows} ${short}`);
        }
        // 16 by 16 tiles, one after the other: word (k, column) is at (k / 16) * 16 * columns + (column / 16) * 256 + (k % 16) * 16 +
        // column % 16.
        const tiled: Draft = {
          ...draft,
          extents: [rows, columns / 16, 16],
          left: [count, 0, 0],
          right: [0, 256, 1],
          rightPattern: [
            [count / 16, 16 * columns],
            [16, 16],
          ],
        };
        check(tiled, given, `tiles ${rows} ${count} ${short}`);
      }
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

  it("take one row by panels of which some are packed and some are read where they lie", () => {
    for (const [batches, inner, apart] of [
      [3, 36, 40],
      [5, 33, 34],
      [2, 100, 101],
    ] as const) {
      const count = 3;
      const words = [count, 20_000, 1].map((length, seed) => likeWords(seed, length));
      const draft: Draft = {
        extents: [batches, inner],
        count,
        left: [0, 0],
        right: [apart, 1],
      };
      check(draft, words, `${batches} x ${inner}, ${apart} apart`);
    }
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
      assert.equal(multiplyOnce(memory, MULTIPLIERS["emulated"], options), null);
    }
  });
});

describe("multiplications on hosts that compile differently", () => {
  const underFlags = (...flags: string[]): string => {
    const names = "--test-name-pattern=shape of rest|directed words|round once";
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = spawnSync(process.execPath, [...flags, "--test-reporter=tap", names, import.meta.filename], {
      env,
      encoding: "utf8",
    });
    return stdout;
  };

  it("include, on x64, one whose multiply-add is not fused", { skip: process.arch !== "x64" }, () => {
    const module = JSON.stringify(new URL("./fma.ts", import.meta.url).href);
    const source = `import { isFusedHost } from ${module}; console.log(isFusedHost());`;
    const { stdout } = spawnSync(process.execPath, ["--no-enable-fma3", "--input-type=module", "--eval", source], {
      encoding: "utf8",
    });
    assert.equal(stdout.trim(), "false");
  });

  for (const [host, ...flags] of [
    ["without fused multiply-add", "--no-enable-fma3"],
    ["that joins vectors to wider ones", "--experimental-wasm-revectorize", "--no-liftoff"],
    ["that compiles in one pass", "--liftoff-only"],
  ]) {
    it(`have the same bits ${host}`, () => {
      const output = underFlags(...flags);
      assert.match(output, /^# pass 3$/m, output);
      assert.match(output, /^# fail 0$/m, output);
    });
  }
});
