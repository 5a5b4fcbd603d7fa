/** What the tests of multiplications share: programs that are products, words, and the comparison with the interpreter. */
import { below } from "../../float/directed.ts";
import type { Random } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { PatternDigits, ScalarBuilder, Value } from "../../ir/build.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { interpreterRunner } from "../machine/runner.ts";
import { recogniseContraction } from "./contraction.ts";
import type { Contraction } from "./contraction.ts";
import { isNarrowable, isPackable } from "./multiply.ts";
import type { BoundMultiplier } from "./multiply.ts";
import { multiplyOnce } from "./once.ts";

export interface Draft {
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
export function product(draft: Draft): ScalarProgram {
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

/** Rows times columns, both of words side by side. */
export const matrix = (rows: number, columns: number, count: number): Draft => ({
  extents: [rows, columns],
  count,
  left: [count, 0],
  right: [0, count],
});

/** Multipliers over one memory, by name. */
export interface Candidates {
  readonly memory: WebAssembly.Memory;
  readonly multipliers: Readonly<Record<string, BoundMultiplier>>;
}

/** Runs a product on every multiplier, packed before and not, whole and in units backwards, and compares with the interpreter. */
export function checkProduct(
  { memory, multipliers }: Candidates,
  draft: Draft,
  words: readonly Uint32Array[],
  label: string,
  step = 0,
): Uint32Array {
  const scalar = product(draft);
  const expected = new Uint32Array(outputLength(scalar));
  interpreterRunner.run(scalar, step, words, expected);
  const contraction = recognised(scalar, words);
  const totals = draft.isContinued === true ? words[2] : expected.map(() => 0xdeadbeef);
  const forms = isPackable(contraction) ? (["none", "wide", "narrow"] as const) : (["none"] as const);
  const backwards = (units: number): number[] => Array.from({ length: units }, (_, unit) => units - 1 - unit);
  for (const [name, multiplier] of Object.entries(multipliers)) {
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
        const place = `${label}, ${name}, ${panels} panels`;
        if (found !== null) requireSame(found, expected, place);
        else if (isNarrowable(words[contraction.columns.operand])) throw new Error(`${place}: are refused`);
      }
    }
  }
  return expected;
}

/** The contraction that a program over such words is. */
export function recognised(scalar: ScalarProgram, words: readonly Uint32Array[]): Contraction {
  const contraction = recogniseContraction(
    scalar,
    words.map(({ length }) => length),
  );
  if (contraction === null) throw new Error("the program is no contraction");
  return contraction;
}

function requireSame(found: Uint32Array, expected: Uint32Array, place: string): void {
  const element = expected.findIndex((word, index) => word !== found[index]);
  if (element < 0) return;
  throw new Error(
    `${place}: element ${element} is ${found[element].toString(16)}, not ${expected[element].toString(16)}`,
  );
}

/** Words whose lower halves are zero, NaN with payloads among them. */
export const narrowed = (words: Uint32Array): Uint32Array => words.map((word) => word & 0xffff0000);

/** Words that make sums cancel, overflow and meet infinities, mostly without drowning in NaN. */
export function hostileWords(random: Random, length: number): Uint32Array {
  const specials = [0, 0x80000000, 0x7f7fffff, 0xff7fffff, 1, 0x80000001, 0x00800000, 0x3f800000, 0x7f800000];
  if (below(random, 2) === 0) return Uint32Array.from({ length }, () => specials[below(random, specials.length)]);
  return Uint32Array.from({ length }, () =>
    below(random, 211) === 0 ? random() : 0x3f800000 ^ (random() & 0x80ffffff),
  );
}
