// Dot products over distributions that drive DotProduct through every one of its paths and between them, what they must give,
// and how Float32Harness reads them.
import type { Hex } from "viem";

import { below, ordinary, wordOf } from "@lockstep/node/float/directed";
import type { Random } from "@lockstep/node/float/directed";
import { fma } from "@lockstep/node/float/ops";
import { canonical, toBits } from "@lockstep/node/float/words";

export interface Problem {
  a: number[];
  b: number[];
  accumulator: number;
}

/** Draws the pair of step i. */
export type Distribution = (random: Random, i: number, previous: [number, number]) => [number, number];

/** Roughly normal, mean 0, variance 1. */
function gaussian(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random() / 2 ** 32;
  return sum;
}

/** A fraction whose low bits are zero, so that ties are common. */
const shortFraction = (random: Random): number => random() & -(1 << below(random, 23));
export const oneIn = (random: Random, n: number): boolean => below(random, n) === 0;
const zero = (random: Random): number => wordOf(random(), 0, 0);
const SPECIAL = [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 1, 0x80000001, 0x3f800000];

export const DISTRIBUTIONS: Record<string, Distribution> = {
  activationsTimesWeights: (random) => [toBits(gaussian(random)), toBits(gaussian(random) * 0.05)],

  halfZeros: (random) => [
    oneIn(random, 2) ? 0 : toBits(Math.abs(gaussian(random))),
    oneIn(random, 8) ? zero(random) : toBits(gaussian(random)),
  ],

  softmax: (random) => [wordOf(0, 127 - below(random, 126), random()), toBits(gaussian(random))],

  wholeWindow: (random) => [
    wordOf(random(), 33 + below(random, 128), random()),
    wordOf(random(), 33 + below(random, 128), random()),
  ],

  finiteBits: (random) => [
    wordOf(random(), below(random, 255), random()),
    wordOf(random(), below(random, 255), random()),
  ],

  besideWindow: (random) => {
    const sum = 130 + below(random, 40);
    const exponent = below(random, Math.min(sum, 120));
    return [wordOf(random(), exponent, random()), wordOf(random(), sum - exponent, shortFraction(random))];
  },

  subnormals: (random) => {
    const kind = below(random, 6);
    if (kind < 2) {
      return [
        wordOf(random(), 0, kind === 0 ? random() : 1 << below(random, 23)),
        wordOf(random(), below(random, 128), shortFraction(random)),
      ];
    }
    if (kind === 2) return [wordOf(random(), 127, 0), wordOf(random(), 0, below(random, 4))];
    const sum = 90 + below(random, 40);
    const exponent = below(random, 90);
    return [wordOf(1, exponent, 0), wordOf(0, sum - exponent, 0)];
  },

  subnormalTimesHuge: (random) => [wordOf(random(), 0, random()), wordOf(random(), 250, random())],

  underflow: (random) => [
    wordOf(1, 1 + below(random, 3), random()),
    wordOf(oneIn(random, 9) ? 1 : 0, 60 + below(random, 40), random()),
  ],

  overflow: (random) => {
    const exponent = 127 + below(random, 128);
    const fraction = (): number => 0x7fffff ^ below(random, 3);
    return [
      wordOf(oneIn(random, 8) ? 1 : 0, exponent, fraction()),
      wordOf(0, 381 - exponent + below(random, 4) - 2, fraction()),
    ];
  },

  edgeOfOverflow: (random) =>
    oneIn(random, 8)
      ? [0x7f7fffff, wordOf(random(), 127, 0)]
      : [wordOf(0, 127, 0), wordOf(random(), 229 + below(random, 3), shortFraction(random))],

  cancellation: (random, i, [a, b]) => {
    if (i % 2 === 1) return [(a ^ 0x80000000) >>> 0, oneIn(random, 3) ? (b + 1) >>> 0 : b];
    const exponent = 40 + below(random, 170);
    const partner = Math.max(1, Math.min(254, 300 - exponent + below(random, 160) - 80));
    return [wordOf(random(), exponent, random()), wordOf(random(), partner, shortFraction(random))];
  },

  /** p, then -p: what is left is the rounding error of p, often a subnormal from within the window. */
  cancellationAtTheBottom: (random, i, [a, b]) => {
    if (i % 2 === 1) return [(a ^ 0x80000000) >>> 0, b];
    const exponent = 40 + below(random, 60);
    return [wordOf(random(), exponent, random()), wordOf(random(), 155 - exponent + below(random, 4), random())];
  },

  /** 1 + 2u, then -(1 + u)^2: the accumulator is left with one bit, far above the 48 bits of the third product. */
  oneBitLeft: (random, i) => {
    const unitInLastPlace = 1 << below(random, 2);
    if (i % 3 === 0) return [wordOf(0, 190, 2 * unitInLastPlace), wordOf(0, 127, 0)];
    if (i % 3 === 1) return [wordOf(1, 190, unitInLastPlace), wordOf(0, 127, unitInLastPlace)];
    return [wordOf(random(), 120 - below(random, 80), random()), wordOf(random(), 100 + below(random, 40), random())];
  },

  ties: (random) => {
    const exponent = 100 + below(random, 50);
    const bit = (): number => 1 << below(random, 23);
    return [
      wordOf(random(), exponent, bit()),
      wordOf(random(), 224 - exponent + below(random, 60), oneIn(random, 4) ? bit() : 0),
    ];
  },

  specials: (random) => {
    const word = (): number => (oneIn(random, 16) ? SPECIAL[below(random, SPECIAL.length)] : toBits(gaussian(random)));
    return [word(), word()];
  },

  nanPayloads: (random) => [
    oneIn(random, 40) ? wordOf(random(), 255, random() | 1) : ordinary(random),
    ordinary(random),
  ],

  infinities: (random) => [
    oneIn(random, 6) ? 0x7f800000 : toBits(Math.abs(gaussian(random)) + 1e-3),
    oneIn(random, 60) ? (oneIn(random, 2) ? 0xbf800000 : zero(random)) : 0x3f800000,
  ],

  negativeZeros: (random) => {
    const kind = below(random, 5);
    if (kind < 2) return [wordOf(1, 1 + below(random, 3), random()), wordOf(0, 100 - below(random, 20), 0)];
    if (kind < 4) return [0x80000000, oneIn(random, 12) ? 0xbf800000 : 0x3f800000];
    return [wordOf(1, 0, 1), wordOf(0, below(random, 128), 0)];
  },

  /** Minus zero must survive zeros of its sign, leave at the first other term, and come back only by underflow. */
  zerosAndReturns: (random, i, [a, b]) => {
    const kind = below(random, 8);
    if (kind < 4) return [0x80000000, wordOf(oneIn(random, 10) ? 1 : 0, 127, 0)];
    if (kind < 5) return [wordOf(1, 0, 1), wordOf(0, 80, 0)];
    if (kind < 7 && i > 0) return [(a ^ 0x80000000) >>> 0, b];
    return [wordOf(random(), 100, random()), wordOf(random(), 60 + below(random, 90), 0)];
  },
};

/** Accumulators to start from. */
export const STARTS = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x00000001, 0x80000001, 0x807fffff, 0x00800000, 0x7f7fffff,
  0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x0d800000, 0x71000000,
];

/** A problem of `count` steps. */
export function draw(random: Random, distribution: Distribution, count: number): Problem {
  const a: number[] = [];
  const b: number[] = [];
  let previous: [number, number] = [0, 0];
  for (let i = 0; i < count; i++) {
    previous = distribution(random, i, previous);
    a.push(previous[0]);
    b.push(previous[1]);
  }
  const kind = below(random, 6);
  const accumulator = kind < 3 ? 0 : kind < 5 ? STARTS[below(random, STARTS.length)] : canonical(random());
  return { a, b, accumulator };
}

/** The word that a problem gives. */
export const chain = ({ a, b, accumulator }: Problem): number =>
  a.reduce((sum, word, i) => fma(word, b[i], sum), accumulator);

/** What the harness reads; the gaps are filled with a NaN pattern that must not be read. */
export function pack(problems: Problem[], gap: number): Hex {
  const hole = Buffer.alloc(gap, 0xff);
  const words = (values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((word, i) => bytes.writeUInt32BE(word, 4 * i));
    return bytes;
  };
  const parts = problems.flatMap(({ a, b, accumulator }) => [words([accumulator]), hole, words(a), hole, words(b)]);
  return `0x${Buffer.concat(parts).toString("hex")}`;
}
