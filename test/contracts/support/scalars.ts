// Scalar programs that tests of the on-chain reader run, and their operands as the harness takes them.
import { bytesToHex } from "viem";
import type { Hex } from "viem";

import { below } from "@lockstep/node/float/directed";
import type { Random } from "@lockstep/node/float/directed";
import type { WordType } from "@lockstep/node/ir/opcodes";
import { WORD_TYPES } from "@lockstep/node/ir/opcodes";
import { randomWords } from "@lockstep/node/ir/random";
import { SCALAR_LIMITS } from "@lockstep/node/ir/scalar";
import type { Instruction, LoadPattern, ScalarProgram } from "@lockstep/node/ir/scalar";

/** Chunks of the loads that leap: as many as one element may touch. */
export const LEAPS = SCALAR_LIMITS.chunks;

export interface Tensor {
  readonly type: WordType;
  readonly words: Uint32Array;
}

export interface WordRange {
  readonly operand: number;
  readonly first: number;
  readonly words: Hex;
}

export function bigEndian(words: Uint32Array): Hex {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => view.setUint32(4 * index, word));
  return bytesToHex(bytes);
}

/**
 * Every operand whole, in ranges cut at random multiples of 8 words, the operands interleaved. The last range goes on past
 * the operand with words that must never be read.
 */
export function cutRanges(random: Random, tensors: readonly Tensor[]): WordRange[] {
  const ranges = tensors.flatMap(({ words }, operand) => {
    const cuts = [0];
    while (cuts[cuts.length - 1] < words.length) cuts.push(cuts[cuts.length - 1] + 8 * (1 + below(random, 100)));
    return cuts.slice(1).map((end, index) => {
      const first = cuts[index];
      const shown = words.slice(first, end);
      const padded = Uint32Array.from({ length: end - first }, (_, word) => shown[word] ?? random());
      return { operand, first, words: bigEndian(padded) };
    });
  });
  return ranges.sort((one, other) => one.first - other.first);
}

/** output[e] = operand[e]. */
export function loadProgram(): ScalarProgram {
  return {
    outputType: "i32",
    operandTypes: ["i32"],
    extents: [200],
    constants: [],
    patterns: [],
    prologue: [{ op: "load", imm: 0, a: 1, b: 0, c: 0 }],
    loop: null,
    epilogue: [],
    result: 2,
  };
}

/** output[e] = operand[e] in every way a word can come in without arithmetic. */
export function copyPrograms(length: number): Record<string, ScalarProgram> {
  const copy = (type: WordType, prologue: Instruction[], outputType = type): ScalarProgram => ({
    outputType,
    operandTypes: [type],
    extents: [length],
    constants: [],
    patterns: [],
    prologue,
    loop: null,
    epilogue: [],
    result: 1 + prologue.length,
  });
  const load: Instruction = { op: "load", imm: 0, a: 1, b: 0, c: 0 };
  const gather: Instruction = { ...load, op: "gather" };
  const programs: Record<string, ScalarProgram> = {
    fromBits: copy("i32", [load, { op: "fromBits", imm: 0, a: 2, b: 0, c: 0 }], "f32"),
  };
  for (const type of WORD_TYPES) {
    programs[`load ${type}`] = copy(type, [load]);
    programs[`gather ${type}`] = copy(type, [gather]);
  }
  for (const lanes of [1, 32] as const) {
    programs[`one iteration, ${lanes} lanes`] = {
      outputType: "f32",
      operandTypes: ["f32"],
      extents: [length],
      constants: [{ type: "f32", word: 0 }],
      patterns: [
        [
          { extent: 1, stride: 0 },
          { extent: 1, stride: 0 },
          { extent: 4096, stride: 1 },
        ],
      ],
      prologue: [],
      loop: {
        start: 0,
        count: 1,
        single: false,
        lanes,
        continued: false,
        carried: [{ init: 0, bodyOut: 5, combineOut: 6, totalInit: 0 }],
        body: [{ op: "load", imm: 0, a: 2, b: 1, c: 0 }],
        combine: [],
      },
      epilogue: [],
      result: 8,
    };
  }
  return programs;
}

/** Both bases are `offset`; a continued total starts from operand 2's first word. */
export function dotProgram(
  left: LoadPattern,
  right: LoadPattern,
  count: number,
  offset: number,
  continued: boolean,
): ScalarProgram {
  const same = JSON.stringify(left) === JSON.stringify(right);
  return {
    outputType: "f32",
    operandTypes: ["f32", "f32", "f32"],
    extents: [1],
    constants: [
      { type: "f32", word: 0 },
      { type: "i32", word: offset >>> 0 },
    ],
    patterns: same ? [left] : [left, right],
    prologue: [{ op: "load", imm: 2, a: 3, b: 0, c: 0 }],
    loop: {
      start: 0,
      count,
      single: false,
      lanes: 1,
      continued,
      carried: [{ init: 0, bodyOut: 9, combineOut: 12, totalInit: continued ? 4 : 0 }],
      body: [
        { op: "load", imm: 0, a: 1, b: 1, c: 0 },
        { op: "load", imm: 1, a: 1, b: same ? 1 : 2, c: 0 },
        { op: "fma", imm: 0, a: 7, b: 8, c: 6 },
      ],
      combine: [{ op: "add", imm: 0, a: 10, b: 11, c: 0 }],
    },
    epilogue: [],
    result: 13,
  };
}

/** A dot product of short runs that mostly lie outside an operand of five words, where every look is a miss. */
export function outsideDot(): ScalarProgram {
  const unused = { extent: 1, stride: 0 };
  return {
    outputType: "f32",
    operandTypes: ["f32", "f32"],
    extents: [1],
    constants: [
      { type: "f32", word: 0 },
      { type: "i32", word: -5 >>> 0 },
      { type: "i32", word: -4 >>> 0 },
    ],
    patterns: [
      [unused, unused, { extent: 16, stride: 1 }],
      [unused, unused, { extent: 17, stride: 1 }],
    ],
    prologue: [],
    loop: {
      start: 0,
      count: 4096,
      single: false,
      lanes: 1,
      continued: false,
      carried: [{ init: 0, bodyOut: 9, combineOut: 12, totalInit: 0 }],
      body: [
        { op: "load", imm: 0, a: 1, b: 1, c: 0 },
        { op: "load", imm: 0, a: 2, b: 2, c: 0 },
        { op: "fma", imm: 0, a: 7, b: 8, c: 6 },
      ],
      combine: [{ op: "add", imm: 0, a: 10, b: 11, c: 0 }],
    },
    epilogue: [],
    result: 13,
  };
}

/**
 * As many loads of chunks far apart as the bounds allow, in an order that defeats a search that starts near the last. With a
 * `pattern` they all have it, and words of f32.
 */
export function leapingLoads(pattern?: LoadPattern): ScalarProgram {
  const places = Array.from({ length: LEAPS }, (_, index) => 512 * ((index * 37) % LEAPS));
  const constants = [0, ...places].map((word) => ({ type: "i32" as const, word }));
  // After the constants come the step, the digit, the counter and the carried register.
  const body = constants.length + 4;
  const totals = body + LEAPS;
  return {
    outputType: "i32",
    operandTypes: [pattern === undefined ? "i32" : "f32"],
    extents: [1],
    constants,
    patterns: pattern === undefined ? [] : [pattern],
    prologue: [],
    loop: {
      start: 0,
      count: 85,
      single: false,
      lanes: 1,
      continued: false,
      carried: [{ init: 0, bodyOut: pattern === undefined ? totals - 1 : 0, combineOut: totals, totalInit: 0 }],
      body: places.map((_, index) => ({ op: "load", imm: 0, a: 1 + index, b: pattern === undefined ? 0 : 1, c: 0 })),
      combine: [],
    },
    epilogue: [],
    result: totals + 2,
  };
}

/** Words of the operand of dotOfDistantRanges: every second chunk is shown of it. */
export const DISTANT_WORDS = 512 * 40 + 256;

/**
 * A dot product of the two ends of one operand, in runs that leave it after `before` and after `past` words, so that hardly six
 * words in a row stay on one side; loads of the prologue have many ranges shown between the ends.
 */
export function dotOfDistantRanges(before: number, past: number, count: number): ScalarProgram {
  const unused = { extent: 1, stride: 0 };
  const places = Array.from({ length: 38 }, (_, index) => 512 * (index + 1));
  const bases = [-before >>> 0, DISTANT_WORDS - past, ...places];
  const body = 1 + bases.length + 2 + places.length + 2;
  return {
    outputType: "f32",
    operandTypes: ["f32"],
    extents: [1],
    constants: [{ type: "f32", word: 0 }, ...bases.map((word) => ({ type: "i32" as const, word }))],
    patterns: [[unused, unused, { extent: 16, stride: 1 }]],
    prologue: places.map((_, index) => ({ op: "load", imm: 0, a: 3 + index, b: 0, c: 0 })),
    loop: {
      start: 0,
      count,
      single: false,
      lanes: 1,
      continued: false,
      carried: [{ init: 0, bodyOut: body + 2, combineOut: body + 5, totalInit: 0 }],
      body: [
        { op: "load", imm: 0, a: 1, b: 1, c: 0 },
        { op: "load", imm: 0, a: 2, b: 1, c: 0 },
        { op: "fma", imm: 0, a: body, b: body + 1, c: body - 1 },
      ],
      combine: [{ op: "add", imm: 0, a: body + 3, b: body + 4, c: 0 }],
    },
    epilogue: [],
    result: body + 6,
  };
}

/** Forms of a sum of 32 lanes. */
export const SUM_FORMS = ["sum", "squares", "squared distances"] as const;

const sign = (random: Random): number => (random() & 0x80000000) >>> 0;
const fraction = (random: Random): number => random() >>> 9;
const ofExponents = (least: number, most: number) => (random: Random) =>
  (sign(random) | ((least + below(random, most - least + 1)) << 23) | fraction(random)) >>> 0;

/** What sums are made of. */
export const SUM_DATA: Readonly<Record<string, (random: Random) => number>> = {
  "numbers near one": ofExponents(120, 130),
  "numbers of many sizes": ofExponents(1, 200),
  "large numbers": ofExponents(198, 202),
  "numbers of large squares": ofExponents(160, 168),
  "numbers of small squares": ofExponents(74, 82),
  "neighbours of the center": (random) => 0x3f800000 + below(random, 4),
  subnormals: (random) => (sign(random) | fraction(random)) >>> 0,
  "subnormals and the least normals": (random) => (sign(random) | (below(random, 3) << 23) | fraction(random)) >>> 0,
  zeros: (random) => sign(random),
  "halfway cases": (random) => (sign(random) | ((127 + 24 * below(random, 2)) << 23) | (1 << below(random, 23))) >>> 0,
  cancellation: (random) => (sign(random) | 0x4b000000 | below(random, 3)) >>> 0,
  "one infinity or NaN among numbers": (random) =>
    below(random, 300) === 0
      ? [0x7f800000, 0xff800000, 0x7fc00000, 0xffc01234][below(random, 4)]
      : ofExponents(1, 254)(random),
  everything: (random) => random(),
};

/** A sum of 32 lanes in the form in which lowering writes it. */
export function sumProgram(form: (typeof SUM_FORMS)[number], count: number, single: boolean): ScalarProgram {
  // Registers: +0, 0, the step, the digit, the center, the counter, the total, the item.
  const [zero, offset, center, total, item] = [0, 1, 4, 6, 7];
  const load: Instruction = { op: "load", imm: 0, a: offset, b: 1, c: 0 };
  const bodies: Record<typeof form, readonly Instruction[]> = {
    sum: [load, { op: "add", imm: 0, a: total, b: item, c: 0 }],
    squares: [load, { op: "fma", imm: 0, a: item, b: item, c: total }],
    "squared distances": [
      load,
      { op: "sub", imm: 0, a: item, b: center, c: 0 },
      { op: "fma", imm: 0, a: item + 1, b: item + 1, c: total },
    ],
  };
  const body = bodies[form];
  const totals = item + body.length;
  return {
    outputType: "f32",
    operandTypes: ["f32", "f32"],
    extents: [1],
    constants: [
      { type: "f32", word: 0 },
      { type: "i32", word: 0 },
    ],
    patterns: [
      [
        { extent: 1, stride: 0 },
        { extent: 1, stride: 0 },
        { extent: 70000, stride: 1 },
      ],
    ],
    prologue: [{ op: "load", imm: 1, a: offset, b: 0, c: 0 }],
    loop: {
      start: 0,
      count,
      single,
      lanes: 32,
      continued: false,
      carried: [{ init: zero, bodyOut: totals - 1, combineOut: totals + 2, totalInit: zero }],
      body,
      combine: [{ op: "add", imm: 0, a: totals, b: totals + 1, c: 0 }],
    },
    epilogue: [],
    result: totals + 3,
  };
}

/** A loop of 32 lanes over one carried register, with the opcodes that row reductions have and now and then another one. */
export function reductionProgram(random: Random): ScalarProgram {
  const constants = [0, 1, 2].map(() => {
    const [word] = randomWords(random, "f32", 1);
    return { type: "f32" as const, word: (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word };
  });
  const [offset, step, prologue] = [3, 4, 6];
  const counter = prologue + 1;
  const carried = counter + 1;
  const strides = [1, 1, 1, 2, -1, 0, 7];
  const used = new Set<number>();
  const patterns: LoadPattern[] = [];
  const body: Instruction[] = [];
  const choices = ["add", "sub", "mul", "fma", "abs", "max", "add", "fma", "load"] as const;
  const length = 1 + below(random, 7);
  while (body.length < length) {
    const op = body.length === 0 ? "load" : below(random, 30) === 0 ? "min" : choices[below(random, choices.length)];
    if (op === "load") {
      const stride = strides[below(random, strides.length)];
      if (!used.has(stride)) {
        used.add(stride);
        patterns.push([
          { extent: 1, stride: 0 },
          { extent: 1, stride: 0 },
          { extent: 70000, stride },
        ]);
      }
      const pattern = 1 + patterns.findIndex((digits) => digits[2].stride === stride);
      body.push({ op, imm: 0, a: below(random, 4) === 0 ? step : offset, b: pattern, c: 0 });
      continue;
    }
    const varying = [...body.keys(), -1].map((index) => carried + 1 + index);
    const argument = (): number =>
      below(random, 4) === 0 ? [0, 1, 2, prologue][below(random, 4)] : varying[below(random, varying.length)];
    const unary = op === "abs";
    body.push({ op, imm: 0, a: argument(), b: unary ? 0 : argument(), c: op === "fma" ? argument() : 0 });
  }
  const totals = carried + 1 + body.length;
  const count = [1, 31, 32, 33, 64, 100, 255, 256, 257, 300, 512, 700][below(random, 12)];
  const continued = below(random, 3) === 0;
  const swapped = below(random, 5) === 0;
  return {
    outputType: "f32",
    operandTypes: ["f32", "f32"],
    extents: [1],
    constants: [...constants, { type: "i32", word: [0, 0, 5, 0xfffffff0][below(random, 4)] }],
    patterns,
    prologue: [{ op: "load", imm: 1, a: step, b: 0, c: 0 }],
    loop: {
      start: 256 * below(random, 3),
      count,
      single: count > 256 && below(random, 4) === 0,
      lanes: 32,
      continued,
      carried: [
        {
          init: below(random, 3),
          bodyOut: below(random, 12) === 0 ? [0, carried, carried + 1][below(random, 3)] : totals - 1,
          combineOut: below(random, 12) === 0 ? totals + below(random, 2) : totals + 2,
          totalInit: continued ? prologue : 0,
        },
      ],
      body,
      combine: [
        {
          op: (["add", "add", "max", "mul", "sub"] as const)[below(random, 5)],
          imm: 0,
          a: totals + (swapped ? 1 : 0),
          b: totals + (swapped ? 0 : 1),
          c: 0,
        },
      ],
    },
    epilogue: [],
    result: totals + 3,
  };
}

/** `length` instructions of float arithmetic, most of them add, mul and fma. */
export function straightProgram(random: Random, length: number): ScalarProgram {
  const choices = ["add", "mul", "fma", "sub", "max", "add", "mul", "fma", "div", "sqrt"] as const;
  const prologue = Array.from({ length }, (_, index): Instruction => {
    const op = choices[below(random, choices.length)];
    const recent = (): number => (index === 0 ? below(random, 2) : 4 + Math.max(0, index - 1 - below(random, 3)));
    const b = op === "sqrt" ? 0 : below(random, 2);
    return { op, imm: 0, a: recent(), b, c: op === "fma" ? below(random, 2) : 0 };
  });
  return {
    outputType: "f32",
    operandTypes: ["f32"],
    extents: [1],
    constants: [
      { type: "f32", word: 0x3f900000 },
      { type: "f32", word: 0x3f712345 },
    ],
    patterns: [],
    prologue,
    loop: null,
    epilogue: [],
    result: 3 + length,
  };
}

/** A loop of load, mul, add, max with 32 lanes: a typical row reduction. */
export function polynomialLoop(count: number): ScalarProgram {
  return {
    outputType: "f32",
    operandTypes: ["f32"],
    extents: [1],
    constants: [
      { type: "f32", word: 0xff800000 },
      { type: "i32", word: 0 },
      { type: "f32", word: 0x3f712345 },
    ],
    patterns: [
      [
        { extent: 1, stride: 0 },
        { extent: 1, stride: 0 },
        { extent: 4096, stride: 1 },
      ],
    ],
    prologue: [],
    loop: {
      start: 0,
      count,
      single: false,
      lanes: 32,
      continued: false,
      carried: [{ init: 0, bodyOut: 10, combineOut: 13, totalInit: 0 }],
      body: [
        { op: "load", imm: 0, a: 1, b: 1, c: 0 },
        { op: "mul", imm: 0, a: 7, b: 2, c: 0 },
        { op: "add", imm: 0, a: 8, b: 2, c: 0 },
        { op: "max", imm: 0, a: 6, b: 9, c: 0 },
      ],
      combine: [{ op: "max", imm: 0, a: 11, b: 12, c: 0 }],
    },
    epilogue: [],
    result: 14,
  };
}
