import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { below, createRandom } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { ScalarBuilder, Value } from "../../ir/build.ts";
import { randomOperands, randomScalar } from "../../ir/random.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { interpreterRunner } from "../machine/runner.ts";
import { payloadKeepers } from "./analysis.ts";
import { directedWords, likeWords } from "./fixtures.ts";
import { compileKernel } from "./kernel.ts";
import { loadModule } from "./load.ts";
import { SCRATCH_BYTES } from "./loop.ts";

const SEED = 77;

/** Where the tensors of a test lie, in bytes: the output, the scratch memory, and operands from there on. */
const [OUTPUT, SCRATCH, OPERANDS] = [1 << 16, 1 << 12, 1 << 18];
const ROOM = 1 << 16;

type Range = readonly [row: number, rowEnd: number, lane: number, laneEnd: number];

interface Call {
  readonly program: ScalarProgram;
  readonly operands: readonly Uint32Array[];
  readonly isFused: boolean;
  /** The parts in which the kernel computes its rows and lanes. */
  readonly parts: (rows: number, rowLength: number) => readonly Range[];
  /** The operand that the output lies over. */
  readonly over?: number;
}

/** What a compiled kernel leaves in the output; words past it must stay as they were. */
function runKernel({ program, operands, isFused, parts, over }: Call): Uint32Array {
  const lengths = operands.map((words) => words.length);
  const { bytes, rows, rowLength } = compileKernel({
    program,
    lengths,
    isFused,
    totals: "computed",
    result: program.result,
  });
  const memory = new WebAssembly.Memory({ initial: 32 });
  const run = loadModule(bytes, memory)["run"] as (...parameters: number[]) => void;
  const words = new Uint32Array(memory.buffer);
  const addresses = operands.map((_, index) => (index === over ? OUTPUT : OPERANDS + index * ROOM));
  words.fill(0xdeadbeef, OUTPUT / 4, OPERANDS / 4);
  operands.forEach((tensor, index) => words.set(tensor, addresses[index] / 4));
  const tensors = operands.flatMap((tensor, index) => [addresses[index], tensor.length]);
  assert.ok(SCRATCH + SCRATCH_BYTES <= OUTPUT);
  for (const range of parts(rows, rowLength)) run(OUTPUT, SCRATCH, 0, 3, ...range, ...tensors);
  const length = outputLength(program);
  if (over === undefined) assert.equal(words[OUTPUT / 4 + length], 0xdeadbeef);
  return words.slice(OUTPUT / 4, OUTPUT / 4 + length);
}

const whole = (rows: number, rowLength: number): Range[] => [[0, rows, 0, rowLength]];

/** Row by row, and each row in parts of 4, 8, 12 ... lanes. */
function inParts(rows: number, rowLength: number): Range[] {
  const parts: Range[] = [];
  for (let row = rows - 1; row >= 0; row--) {
    for (let lane = 0, width = 4; lane < rowLength; lane += width, width = (width % 24) + 4) {
      parts.push([row, row + 1, lane, Math.min(rowLength, lane + width)]);
    }
  }
  return parts.reverse();
}

/** Rows by sevens, so that fours of them start anywhere. */
function inBands(rows: number, rowLength: number): Range[] {
  return Array.from({ length: Math.ceil(rows / 7) }, (_, band) => [
    7 * band,
    Math.min(rows, 7 * band + 7),
    0,
    rowLength,
  ]);
}

function assertKernel(call: Omit<Call, "parts" | "isFused">, label: string, ways = [whole, inParts]): void {
  const expected = new Uint32Array(outputLength(call.program));
  interpreterRunner.run(call.program, 3, call.operands, expected);
  for (const isFused of [true, false]) {
    for (const parts of ways) {
      assert.deepEqual(runKernel({ ...call, isFused, parts }), expected, `${label}, ${parts.name}, fused ${isFused}`);
    }
  }
}

/** Arithmetic of every kind on the word of the element and one of its row: a few instructions, or many. */
function mixed(b: ScalarBuilder, x: Value, y: Value, size: number): Value {
  let value = b.fma(x, y, 0.25);
  for (let turn = 0; turn < size; turn++) {
    const bits = b.xor(b.bitsOf(value), b.bitsOf(x));
    value = b.select(b.lt(value, y), b.max(b.add(value, x), y), b.min(b.fromBits(bits), b.mul(x, y)));
  }
  return value;
}

describe("compileKernel", () => {
  it("computes rows of every length in groups and rests, each element once", () => {
    for (const size of [0, 12]) {
      for (const length of [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20, 23, 31, 32, 33, 40, 57, 64]) {
        const extents = [3, length];
        const program = buildScalar({ operands: ["f32", "f32"], output: "f32", extents }, (b) =>
          mixed(b, b.load(0, b.index), b.load(1, b.digits[0]), size),
        );
        const label = `rows of ${length}, ${size} turns`;
        for (const words of [directedWords, likeWords]) {
          const operands = [words(SEED, 3 * length), words(length, 3)];
          assertKernel({ program, operands }, label);
          // In place an element that was computed twice, or read after it was written, would show.
          assertKernel({ program, operands, over: 0 }, `${label}, in place`);
        }
      }
    }
  });

  it("walks lanes along a digit that is not the last, and across others", () => {
    for (const extents of [
      [9, 3],
      [17, 2, 1],
      [2, 21, 3],
      [5, 1, 2],
      [3, 3, 3],
      [34, 1],
    ]) {
      const strides = extents.map((_, digit) =>
        extents.slice(0, digit).reduce((product, extent) => product * extent, 1),
      );
      const length = extents.reduce((product, extent) => product * extent, 1);
      const program = buildScalar({ operands: ["f32", "i32", "bool"], output: "f32", extents }, (b) => {
        const turned = b.digits.reduce((sum, digit, index) => b.addI(sum, b.mulI(digit, strides[index])), b.i32(0));
        const far = b.load(1, b.subI(length, turned));
        return b.select(b.load(2, b.index), b.load(0, turned), b.add(b.load(0, b.index), b.fromI32(far)));
      });
      const operands = [directedWords(1, length), directedWords(2, length), directedWords(3, length)];
      assertKernel({ program, operands }, `extents ${extents.join()}`);
    }
  });

  it("turns words that are neighbours along another digit", () => {
    for (const extents of [
      [4, 4],
      [5, 7],
      [13, 16],
      [2, 6, 9],
      [3, 17, 1, 5],
      [1, 8, 21],
      [11, 4, 1],
    ]) {
      for (const gap of [0, 3]) {
        // An operand with the last two moving digits the other way round, and rows `gap` words further apart.
        const last = extents.findLastIndex((extent) => extent > 1);
        const digit = extents.findLastIndex((extent, index) => extent > 1 && index < last);
        const pitch = extents[digit] + gap;
        const length = extents.reduce((product, extent) => product * extent, 1);
        const words = (length / extents[digit]) * pitch;
        const program = buildScalar({ operands: ["f32", "i32", "f32"], output: "f32", extents }, (b) => {
          const outer = b.digits.slice(0, digit).reduce((sum, value, index) => {
            const size = extents.slice(index + 1, digit).reduce((product, extent) => product * extent, 1);
            return b.addI(sum, b.mulI(value, size * extents[last] * pitch));
          }, b.i32(0));
          const at = b.addI(outer, b.addI(b.mulI(b.digits[last], pitch), b.digits[digit]));
          const turned = b.add(b.load(0, at), b.fromI32(b.gather(1, at)));
          return b.fma(turned, b.load(2, b.index), b.load(0, b.digits[digit]));
        });
        for (const draw of [directedWords, likeWords]) {
          const operands = [draw(1, words), directedWords(2, words), draw(3, length)];
          assertKernel({ program, operands }, `extents ${extents.join()}, gap ${gap}`, [whole, inParts, inBands]);
        }
      }
    }
  });

  it("reads with strides of either sign, proven and not, in groups", () => {
    for (const stride of [-3, -2, -1, 0, 1, 2, 3, 5]) {
      for (const offset of [0, 7]) {
        const length = 45;
        const start = offset + (stride < 0 ? -stride * (length - 1) : 0);
        const program = buildScalar({ operands: ["f32", "i32"], output: "f32", extents: [2, length] }, (b) => {
          const at = b.addI(b.mulI(b.digits[1], stride), b.addI(b.digits[0], start));
          return b.add(b.load(0, at), b.fromI32(b.gather(1, b.mulI(at, at))));
        });
        for (const spare of [0, -1, -20]) {
          const words = directedWords(stride + 10, start + Math.max(0, stride) * (length - 1) + 2 + spare);
          const label = `stride ${stride} from ${start}, ${words.length} words`;
          assertKernel({ program, operands: [words, directedWords(4, 300)] }, label);
        }
      }
    }
  });

  it("reads at addresses that are chosen between a walk and none", () => {
    for (const length of [3, 5, 16, 21, 40]) {
      for (const stride of [1, 2, -1]) {
        for (const isInverted of [false, true]) {
          const extents = [4, length];
          const program = buildScalar({ operands: ["f32", "i32", "i32"], output: "f32", extents }, (b) => {
            const [row, column] = b.digits;
            const at = b.addI(b.mulI(b.subI(column, 2), stride), b.mulI(b.subI(row, 1), length));
            const choose = (isInside: Value): Value =>
              isInverted ? b.select(b.not(isInside), b.i32(-1), at) : b.select(isInside, at, b.i32(4096));
            // By the row alone, by the element, and by a word of the row.
            const ofRow = b.load(0, choose(b.and(b.leI(1, row), b.ltI(row, 3))));
            const isInner = b.and(b.leI(2, column), b.ltI(column, length - 1));
            const ofElement = b.add(b.gather(0, choose(isInner)), b.fromI32(b.load(2, choose(isInner))));
            return b.add(b.mul(ofRow, 0.5), b.add(ofElement, b.load(0, choose(b.ltI(b.load(1, row), 0)))));
          });
          for (const words of [5, 60, 200]) {
            const operands = [likeWords(length, words), directedWords(SEED, 4), directedWords(words, words)];
            assertKernel({ program, operands }, `${words} words, rows of ${length}, stride ${stride}, ${isInverted}`);
          }
        }
      }
    }
  });

  it("runs loops of one lane in groups, written out and not", () => {
    for (const count of [1, 9, 16, 40, 256, 600]) {
      for (const start of [0, 256]) {
        for (const length of [3, 9, 18, 37]) {
          for (const continued of [false, true]) {
            const program = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [2, length] }, (b) => {
              const base = b.addI(b.mulI(b.digits[0], 11), b.digits[1]);
              const [sum, most] = b.loop({
                count,
                start,
                carried: [
                  { type: "f32", init: 0.5, ...(continued ? { from: b.load(1, b.digits[1]) } : {}) },
                  { type: "i32", init: -3, ...(continued ? { from: b.digits[1] } : {}) },
                ],
                body: ({ k, carried: [total, place] }) => {
                  const word = b.load(0, base, [
                    [4, -2],
                    [3, 30],
                    [5, 1],
                  ]);
                  return [b.fma(word, b.load(1, b.digits[1]), total), b.select(b.lt(total, word), k, place)];
                },
                combine: ([total, place], [block, at]) => [b.add(total, block), b.maxI(place, at)],
              });
              return b.add(sum, b.fromI32(most));
            });
            const label = `${count} iterations from ${start} over rows of ${length}, continued ${continued}`;
            for (const words of [40, 220]) {
              assertKernel({ program, operands: [likeWords(count, words), likeWords(length, length)] }, label);
            }
          }
        }
      }
    }
  });

  it(`runs parts of random programs ${SEED} to ${SEED + 199} as the interpreter does`, () => {
    for (let seed = SEED; seed < SEED + 200; seed++) {
      const random = createRandom(seed);
      const program = randomScalar(random);
      const operands = randomOperands(random, program).map(({ words }) => words);
      assertKernel({ program, operands }, `seed ${seed}, ${below(random, 9)}`);
    }
  });
});

describe("kernels on hosts that compile differently", () => {
  for (const [host, ...flags] of [
    ["that joins vectors to wider ones", "--experimental-wasm-revectorize", "--no-liftoff"],
    ["that compiles in one pass", "--liftoff-only"],
  ]) {
    it(`have the same bits ${host}`, () => {
      const names = "--test-name-pattern=rows of every length|not the last|turns words";
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const options = [...flags, "--test-reporter=tap", names, import.meta.filename];
      const { stdout } = spawnSync(process.execPath, options, { env, encoding: "utf8" });
      assert.match(stdout, /^# pass 3$/m, stdout);
      assert.match(stdout, /^# fail 0$/m, stdout);
    });
  }
});

describe("payloadKeepers", () => {
  const keepersOf = (define: (b: ScalarBuilder, x: Value) => Value): number => {
    const program = buildScalar({ operands: ["f32"], output: "f32", extents: [4] }, (b) =>
      define(b, b.load(0, b.index)),
    );
    return payloadKeepers(program, program.result).size;
  };

  it("names bits that show only where the result is no NaN", () => {
    // As in an exponential: the power of two is made of the low bits of a sum.
    const grown = (b: ScalarBuilder, x: Value): Value => {
      const sum = b.fma(x, 1.5, 12582912);
      return b.mul(b.sub(x, sum), b.fromBits(b.shl(b.bitsOf(sum), 23)));
    };
    assert.equal(keepersOf(grown), 1);
    assert.equal(
      keepersOf((b, x) => b.select(b.lt(b.abs(x), 1), x, b.neg(grown(b, b.min(b.abs(x), 9))))),
      1,
    );
    assert.equal(
      keepersOf((b, x) => b.mul(x, b.fromBits(b.bitsOf(x)))),
      1,
    );
    assert.equal(
      keepersOf((b, x) => b.select(b.lt(x, 1), b.fromI32(b.bitsOf(x)), x)),
      1,
    );
  });

  it("names none where the result may be a number all the same", () => {
    assert.equal(
      keepersOf((b, x) => b.fromI32(b.bitsOf(x))),
      0,
    );
    assert.equal(
      keepersOf((b, x) => b.max(b.fromI32(b.bitsOf(x)), x)),
      0,
    );
    assert.equal(
      keepersOf((b, x) => b.select(b.lt(x, 1), x, b.fromI32(b.bitsOf(x)))),
      0,
    );
    assert.equal(
      keepersOf((b, x) => b.select(b.ltI(b.bitsOf(x), 5), x, b.f32(1))),
      0,
    );
  });
});
