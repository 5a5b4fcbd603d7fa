import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { below, createRandom } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { PatternDigits } from "../../ir/build.ts";
import { EvaluationError } from "../../ir/interpret.ts";
import { OPCODE_NAMES, OPCODES, WORD_TYPES } from "../../ir/opcodes.ts";
import type { WordType } from "../../ir/opcodes.ts";
import { randomOperands, randomScalar, randomWords } from "../../ir/random.ts";
import type { LoadPattern, ScalarProgram } from "../../ir/scalar.ts";
import { InvalidScalarProgramError, validateScalar } from "../../ir/validate.ts";
import { assertSameBits, directedWords, finiteCount, likeWords, opcodeProgram, tupleColumns } from "./fixtures.ts";
import { EngineMemoryError } from "./memory.ts";
import { createWasmRunner } from "./runner.ts";

const RUNNERS = {
  "the host's fma": createWasmRunner(),
  "emulated fma": createWasmRunner({ emulateFma: true }),
};
const FIRST_SEED = 20_000;
const RANDOM_PROGRAMS = 2_000;

/** Sum of x[row, k] * y[row, k] over k, in as many lanes as asked. */
function rowSum(rows: number, count: number, lanes: 1 | 32, continued: boolean, pattern: PatternDigits): ScalarProgram {
  return buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents: [rows] }, (b) => {
    const base = b.mulI(b.digits[0], count);
    const [sum] = b.loop({
      count,
      lanes,
      carried: [{ type: "f32", init: 0, ...(continued ? { from: b.load(2, b.digits[0]) } : {}) }],
      body: ({ carried }) => [b.fma(b.load(0, base, pattern), b.load(1, base, pattern), carried[0])],
      combine: ([total], [block]) => [b.add(total, block)],
    });
    return b.add(sum, b.load(2, b.digits[0]));
  });
}

/** The program with 32 lanes and loads of neighbouring words, where that is valid and different. */
function inLanes(program: ScalarProgram): ScalarProgram | null {
  const { loop, patterns } = program;
  if (loop === null || patterns.length === 0) return null;
  const neighbours = patterns.map(([slow, middle, { extent }], index): LoadPattern => {
    return [slow, middle, { extent: extent < 16 ? 4 * extent : 4096 + index, stride: 1 }];
  });
  const changed: ScalarProgram = { ...program, patterns: neighbours, loop: { ...loop, lanes: 32 } };
  try {
    validateScalar(changed);
    return changed;
  } catch (error) {
    if (error instanceof InvalidScalarProgramError) return null;
    throw error;
  }
}

for (const [name, runner] of Object.entries(RUNNERS)) {
  describe(`createWasmRunner, ${name}`, () => {
    it("computes every opcode over directed words as the interpreter does", () => {
      for (const op of OPCODE_NAMES) {
        const row = OPCODES[op];
        if (row.immediate === "operand") continue;
        const isShared = row.arguments.some((argument) => argument === "any" || argument === "bits");
        const shared = row.arguments.includes("bits") ? (["i32", "bool"] as const) : WORD_TYPES;
        const isDivision = row.arguments.includes("divisor");
        const immediates = isDivision ? [1, 2, 3, 7, 10, 641, 65536, 0x7fffffff, -(2 ** 31), -1] : [0, 1, 5, 16, 31];
        for (const type of isShared ? shared : (["f32"] as const)) {
          for (const imm of row.immediate === "shift" || isDivision ? immediates : [0]) {
            const arity = row.arguments.length - (isDivision ? 1 : 0);
            const columns = tupleColumns(7, arity as 1 | 2 | 3, 4_000);
            const scalar = opcodeProgram(op, imm, type, columns[0].length);
            assertSameBits(runner, scalar, columns, `${op} ${imm} on ${type}`);
          }
        }
      }
    });

    it(`runs random programs ${FIRST_SEED} to ${FIRST_SEED + RANDOM_PROGRAMS - 1} as the interpreter does`, () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + RANDOM_PROGRAMS; seed++) {
        const random = createRandom(seed);
        const scalar = randomScalar(random);
        const operands = randomOperands(random, scalar).map(({ words }) => words);
        assertSameBits(runner, scalar, operands, `seed ${seed}`, below(random, 1000));
      }
    });

    it("runs random loops over neighbouring words in 32 lanes", () => {
      let ran = 0;
      for (let seed = 0; ran < 300; seed++) {
        const random = createRandom(seed);
        const scalar = inLanes(randomScalar(random));
        if (scalar === null) continue;
        const operands = randomOperands(random, scalar).map(({ words }) => words);
        assertSameBits(runner, scalar, operands, `seed ${seed} in lanes`, below(random, 9));
        ran++;
      }
    });

    it("sums rows of every length in 1 and 32 lanes, over words and over few", () => {
      let [finite, sums] = [0, 0];
      for (const lanes of [1, 32] as const) {
        for (const count of [1, 2, 3, 4, 5, 31, 32, 33, 35, 64, 100, 255, 256, 257, 290, 515, 1024]) {
          for (const rows of [1, 2, 3, 4, 5, 7, 9]) {
            const length = rows * count;
            const scalar = rowSum(rows, count, lanes, count % 2 === 1, [[count, 1]]);
            const label = `${rows} rows of ${count} in ${lanes} lanes`;
            const full = [directedWords(count, length), directedWords(rows, length), directedWords(3, rows)];
            assertSameBits(runner, scalar, full, label);
            const random = createRandom(count);
            const tame = [1, 2, 3].map(() => randomWords(random, "f32", Math.ceil(length / 2)));
            assertSameBits(runner, scalar, tame, `${label}, short operands`);
            // Directed words drown a long sum in NaN; values of like size show what was left out.
            const like = [length, length, rows].map((words, operand) => likeWords(count + operand, words));
            const short = like.map((words) => words.subarray(0, Math.ceil(words.length / 2)));
            for (const operands of [like, short]) {
              const found = assertSameBits(runner, scalar, operands, `${label}, like words`);
              finite += finiteCount(found);
              sums += found.length;
            }
          }
        }
      }
      assert.equal(finite, sums);
    });

    it("walks patterns of three digits", () => {
      const patterns: PatternDigits[] = [
        [
          [3, 40],
          [3, 8],
          [4, 1],
        ],
        [
          [5, 100],
          [8, 1],
        ],
        [
          [2, 64],
          [7, -3],
          [3, 2],
        ],
        [[6, 1]],
      ];
      for (const pattern of patterns) {
        for (const lanes of [1, 32] as const) {
          for (const count of [9, 36, 60, 300]) {
            const scalar = rowSum(6, count, lanes, true, pattern);
            const words = [0, 1, 2].map((seed) => directedWords(seed, 900));
            const label = `${JSON.stringify(pattern)} ${count} ${lanes}`;
            assertSameBits(runner, scalar, words, label);
            const like = [0, 1, 2].map((seed) => likeWords(seed, 900));
            const sums = assertSameBits(runner, scalar, like, `${label}, like words`);
            assert.equal(finiteCount(sums), sums.length, label);
          }
        }
      }
    });
  });
}

describe("createWasmRunner", () => {
  const runner = RUNNERS["the host's fma"];

  it("writes tails of every length and reads past operands as 0", () => {
    for (const type of WORD_TYPES) {
      for (let length = 1; length <= 9; length++) {
        for (const [stride, offset] of [
          [1, 0],
          [1, -2],
          [1, 3],
          [3, 0],
          [-1, 5],
          [-2, 20],
          [0, 2],
          [0, 50],
          [1 << 30, 0],
        ]) {
          const scalar = buildScalar({ operands: [type], output: type, extents: [3, length] }, (b) =>
            b.load(0, b.addI(b.mulI(b.digits[1], stride), b.addI(b.mulI(b.digits[0], 2), offset))),
          );
          for (const words of [1, 2, 4, 5, 11, 40]) {
            assertSameBits(
              runner,
              scalar,
              [directedWords(words, words)],
              `${type} ${length} ${stride} ${offset} ${words}`,
            );
          }
        }
      }
    }
  });

  it("gathers at indices of every kind, in the loop and outside", () => {
    const types: WordType[] = ["i32", "f32"];
    const scalar = buildScalar({ operands: types, output: "f32", extents: [5, 13] }, (b) => {
      const row = b.load(0, b.digits[0]);
      const [sum] = b.loop({
        count: 40,
        carried: [{ type: "f32", init: 0 }],
        body: ({ k, carried }) => [b.add(carried[0], b.gather(1, b.addI(b.mulI(row, 13), b.addI(k, b.digits[1]))))],
        combine: ([total], [block]) => [b.add(total, block)],
      });
      return b.sub(sum, b.gather(1, b.addI(b.mulI(row, 13), b.digits[1])));
    });
    const indices = Uint32Array.from([0, 3, 5, 0xffffffff, 0x40000000]);
    assertSameBits(runner, scalar, [indices, directedWords(5, 77)], "rows by index");
  });

  it("keeps the step and reads an operand given twice", () => {
    const scalar = buildScalar({ operands: ["i32", "i32"], output: "i32", extents: [6] }, (b) =>
      b.addI(b.mulI(b.load(0, b.digits[0]), b.step), b.load(1, b.addI(b.digits[0], b.step))),
    );
    const words = directedWords(9, 8);
    for (const step of [0, 1, 2, 0xffffffff]) assertSameBits(runner, scalar, [words, words], `step ${step}`, step);
  });

  it("refuses operands and outputs that do not fit", () => {
    const scalar = opcodeProgram("add", 0, "f32", 4);
    const words = new Uint32Array(4);
    assert.throws(() => runner.run(scalar, 0, [words], new Uint32Array(4)), EvaluationError);
    assert.throws(() => runner.run(scalar, 0, [words, words], new Uint32Array(5)), EvaluationError);
    assert.throws(() => runner.run(scalar, -1, [words, words], new Uint32Array(4)), EvaluationError);
  });

  it("refuses what its memory cannot hold, and goes on", () => {
    const small = createWasmRunner({ maxPages: 2 });
    const large = opcodeProgram("neg", 0, "f32", 40_000);
    assert.throws(() => small.run(large, 0, [new Uint32Array(40_000)], new Uint32Array(40_000)), EngineMemoryError);
    assertSameBits(small, opcodeProgram("neg", 0, "f32", 100), [directedWords(1, 100)], "after a refusal");
  });

  it("finds an unfused host and still gives the same bits", () => {
    const script = `
      import { createWasmRunner } from ${JSON.stringify(new URL("./runner.ts", import.meta.url).href)};
      import { assertSameBits, opcodeProgram, tupleColumns } from ${JSON.stringify(new URL("./fixtures.ts", import.meta.url).href)};
      const runner = createWasmRunner();
      const columns = tupleColumns(11, 3, 20000);
      assertSameBits(runner, opcodeProgram("fma", 0, "f32", columns[0].length), columns, "fma");
      console.log(runner.isFused);`;
    const flags = ["--no-enable-fma3", "--input-type=module-typescript", "--eval", script];
    const printed = execFileSync(process.execPath, flags, { encoding: "utf8" }).trim();
    // Only x64 has the flag; elsewhere it changes nothing.
    if (process.arch === "x64") assert.equal(printed, "false");
  });
});
