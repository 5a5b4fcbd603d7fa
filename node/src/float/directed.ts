/**
 * Operand generators that aim at the places where binary32 arithmetic goes wrong: halfway cases, subnormals,
 * cancellation, overflow, NaN payloads, signed zeros. Tests of every reader of the scalar program draw from here,
 * because uniformly random words pass wrong code: a double-rounded fma showed no error in ten million ordinary cases.
 * All is a function of a seed.
 */

import { fromBits, toBits } from "./words.ts";

/** A stream of uniformly distributed unsigned 32-bit integers. */
export type Random = () => number;

/** Three operand words; an instruction of lower arity uses {@link drawOperands}. */
export type OperandTriple = [number, number, number];

/** SplitMix32 from a 32-bit seed: for tests, not for secrets or for the random numbers of a program. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

/** An integer in [0, bound); the slight bias of the remainder does not matter for tests. */
export function below(random: Random, bound: number): number {
  return random() % bound;
}

/** One of the choices. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[below(random, choices.length)];
}

/** Makes one of the choices: only what is chosen draws, and only that has effects. */
export function pickMade<T>(random: Random, choices: readonly (() => T)[]): T {
  return pick(random, choices)();
}

/** A word from a sign (its lowest bit), a biased exponent (clamped to 0..255) and a fraction (its low 23 bits). */
export function wordOf(sign: number, exponent: number, fraction: number): number {
  const field = Math.max(0, Math.min(255, exponent));
  return (((sign & 1) << 31) | (field << 23) | (fraction & 0x7fffff)) >>> 0;
}

/** An ordinary value: normal, magnitude between 2^-30 and 2^30. */
export function ordinary(random: Random): number {
  return wordOf(random(), 97 + below(random, 60), random());
}

/** Zeros, the ends of each range, ties of integers, infinities, NaNs of every kind. */
const SPECIAL_WORDS = [
  0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000, 0x00800001,
  0x00ffffff, 0x33800000, 0x34000000, 0x3effffff, 0x3f000000, 0x3f7fffff, 0x3f800000, 0xbf800000, 0x3f800001,
  0x3fc00000, 0x40000000, 0x40200000, 0x4b000000, 0x4b800000, 0xcb000001, 0x4effffff, 0x4f000000, 0xcf000000,
  0xcf000001, 0x7e7fffff, 0x7effffff, 0x7f000000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
  0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0xff812345,
];

/** Every tuple of the special words: about 1,700 pairs and 69,000 triples. */
export function specialTuples(arity: 1 | 2 | 3): number[][] {
  let tuples: number[][] = [[]];
  for (let i = 0; i < arity; i++) tuples = tuples.flatMap((tuple) => SPECIAL_WORDS.map((word) => [...tuple, word]));
  return tuples;
}

function special(random: Random): number {
  return SPECIAL_WORDS[below(random, SPECIAL_WORDS.length)];
}

/** Factors whose product is 2^exponent times 1 +- i * 2^-46 (i small): just beside a power of two. */
function nearPowerOfTwo(random: Random, exponent: number): [number, number] {
  const split = Math.max(exponent - 120, Math.min(120, below(random, 200) - 100, exponent + 120));
  const offset = below(random, 6);
  // (1 + k u)(1 - k u) = 1 - (k u)^2; with an odd difference the product is further off, and with 0 it is exact.
  const up = (1 + offset * 2 ** -23) * 2 ** split;
  const down = (1 - offset * 2 ** -23 + below(random, 3) * 2 ** -23) * 2 ** (exponent - split);
  return [toBits(random() & 1 ? up : -up), toBits(down)];
}

/** The classes, by name. Each aims a fused multiply-add; parts of its triple aim the other instructions. */
export const DIRECTED_CLASSES: Readonly<Record<string, (random: Random) => OperandTriple>> = {
  uniformBits: (random) => [random(), random(), random()],

  ordinary: (random) => [ordinary(random), ordinary(random), ordinary(random)],

  subnormal: (random) => [
    (random() & 0x80ffffff) >>> 0,
    wordOf(random(), 120 + below(random, 10), random()),
    (random() & 0x80ffffff) >>> 0,
  ],

  halfway: (random) => {
    const exponent = below(random, 200) - 100;
    const [a, b] = nearPowerOfTwo(random, exponent - 24);
    return [a, b, wordOf(random(), exponent + 127, random())];
  },

  subnormalHalfway: (random) => {
    const [a, b] = nearPowerOfTwo(random, -150 + below(random, 2));
    return [a, b, (random() & 0x807fffff) >>> 0];
  },

  cancellation: (random) => {
    const a = ordinary(random);
    const b = ordinary(random);
    const product = toBits(-Math.fround(fromBits(a) * fromBits(b)));
    return [a, b, (product + below(random, 5) - 2) >>> 0];
  },

  huge: (random) => {
    const exponent = 128 + below(random, 127);
    const fraction = (): number => 0x7fffff ^ below(random, 3);
    return [
      wordOf(random(), exponent, fraction()),
      wordOf(random(), 379 - exponent + below(random, 4), fraction()),
      wordOf(random(), 228 + below(random, 28), random()),
    ];
  },

  tiny: (random) => {
    const sum = 90 + below(random, 60);
    const exponent = below(random, sum);
    return [
      wordOf(random(), exponent, random()),
      wordOf(random(), sum - exponent, random()),
      wordOf(random(), below(random, 3), random()),
    ];
  },

  special: (random) => [special(random), special(random), special(random)],

  nanPayloads: (random) => {
    const triple: OperandTriple = [ordinary(random), special(random), ordinary(random)];
    triple[below(random, 3)] = wordOf(random(), 255, random() | 1);
    return triple;
  },

  fewBits: (random) => {
    const word = (): number => wordOf(random(), 100 + below(random, 55), random() & 0x600003);
    return [word(), word(), word()];
  },

  signedZeros: (random) => {
    const word = (): number =>
      below(random, 3) === 0 ? special(random) : wordOf(random(), 0, below(random, 4) === 0 ? 1 : 0);
    return [word(), word(), word()];
  },

  integers: (random) => {
    const word = (): number => wordOf(random(), 124 + below(random, 37), random() & -(1 << below(random, 23)));
    return [word(), word(), word()];
  },
};

/**
 * Operands for an instruction of one, two or three operands, drawn from a class. The two-operand case also pairs the
 * addend with the rounded product, which is what aims an addition.
 */
export function drawOperands(random: Random, className: string, arity: 1 | 2 | 3): number[] {
  const triple = DIRECTED_CLASSES[className](random);
  if (arity === 3) return triple;
  const pool = [...triple, toBits(fromBits(triple[0]) * fromBits(triple[1]))];
  const first = below(random, 4);
  const second = (first + 1 + below(random, 3)) % 4;
  return arity === 1 ? [pool[first]] : [pool[first], pool[second]];
}
