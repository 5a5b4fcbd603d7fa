/**
 * The shapes that lowered primitives come in (numerics, "Lowering"): a map over elements with affine reads, a view written
 * out, and a reduction split in a chain of loops that continue each other. Refuses more than eight operands or digits, and
 * what does not fit the static bounds even in the smallest split.
 */

import { gasBound, isDotProduct } from "../ir/bounds.ts";
import { buildScalar } from "../ir/build.ts";
import type { PatternDigits, ScalarBuilder, Value as Register } from "../ir/build.ts";
import type { WordType } from "../ir/opcodes.ts";
import { SCALAR_LIMITS } from "../ir/scalar.ts";
import { InvalidScalarProgramError } from "../ir/validate.ts";
import { takeView } from "./fold.ts";
import { checkSize, mismatch, requireSize, unsupported } from "./node.ts";
import type { Scope } from "./node.ts";
import { emptyValue, isKnown, LAZY_WORDS, sizeOf, stridesOf, WORD_TYPE } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** Iterations of a loop that is not split, and of one loop of a chain. Where a loop is split never changes a bit. */
const WHOLE_SIZE = 1024;
/**
 * Iterations of one loop of a chain, tried in turn until the bounds hold: a part also reads the total so far, and a proof about
 * its element has to stay as short as one about a whole loop.
 */
const PART_SIZES = [768, 512, 256] as const;

/**
 * The static estimate up to which a loop is not split further. Dot products are cheap enough at any size; the other loops that
 * lowering makes cost the referee about a third of the estimate, so that a whole proof stays below 600,000 gas. Programs made for it
 * cost up to about twice the estimate, which the limit of valid programs leaves room for (numerics, "Static bounds").
 */
export const PART_GAS = 1_100_000;

/** Where even the smallest part is dearer, up to here; and at last whatever is valid. */
const DEAR_PART_GAS = 3_200_000;

/** One word per output element: at `offset` plus digits times `strides` (one per axis of the output). */
export interface Read {
  readonly value: Value;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** One word per iteration: a read that moves with the loop counter. */
export interface Stream extends Read {
  readonly pattern: PatternDigits;
}

/** A read of each element of a tensor of the output's own shape. */
export function readAll(value: Value): Read {
  return { value, strides: stridesOf(value.shape), offset: 0 };
}

export interface MapDraft {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly reads: readonly Read[];
  /** The element's word from the words read, in their order. */
  readonly define: (b: ScalarBuilder, words: readonly Register[]) => Register;
}

/** A primitive that fills its tensor with what `define` makes of the digits of its shape. */
export function indexed(
  scope: Scope,
  elementType: ElementType,
  shape: readonly number[],
  operands: readonly Value[],
  define: GeneralDraft["define"],
): Value {
  return general(scope, { elementType, shape, operands, define });
}

/** A primitive whose elements depend on words at affine places and on nothing else. */
export function map(scope: Scope, draft: MapDraft): Value {
  const { extents, place } = collapse(draft.shape, draft.reads);
  return general(scope, {
    elementType: draft.elementType,
    shape: draft.shape,
    extents,
    operands: draft.reads.map(({ value }) => value),
    define: (b, operand) =>
      draft.define(
        b,
        draft.reads.map((read, index) => b.load(operand[index], place(b, index, read))),
      ),
  });
}

export interface GeneralDraft {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** Digits of the element index; those of the shape unless given. */
  readonly extents?: readonly number[];
  readonly operands: readonly Value[];
  /** Whether known operands are evaluated at import; they are unless this is false. */
  readonly fold?: boolean;
  /** Static gas above which it is refused like a program beyond the bounds, unless it is a dot product. */
  readonly mostGas?: number;
  /** `operand` holds the operand index of each entry of `operands`: a tensor named twice is one operand. */
  readonly define: (b: ScalarBuilder, operand: readonly number[]) => Register;
}

/** Refuses extents that are no counts. */
function checkShape(scope: Scope, shape: readonly number[]): void {
  if (shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) return;
  throw mismatch(scope, "the output has no such shape", { shape: [...shape] });
}

/** Any primitive. */
export function general(scope: Scope, draft: GeneralDraft): Value {
  checkShape(scope, draft.shape);
  if (sizeOf(draft.shape) === 0) return emptyValue(draft.elementType, draft.shape);
  const distinct: Value[] = [];
  const operand = draft.operands.map((value) => {
    const found = distinct.findIndex((other) => sameTensor(other, value));
    return found >= 0 ? found : distinct.push(value) - 1;
  });
  const extents = draft.extents ?? (draft.shape.length === 0 ? [1] : draft.shape);
  if (distinct.length > SCALAR_LIMITS.operands)
    throw unsupported(scope, `${distinct.length} operands in one primitive`);
  if (extents.length > SCALAR_LIMITS.digits) throw unsupported(scope, `rank ${extents.length} in one primitive`);
  const signature = {
    operands: distinct.map(({ elementType }): WordType => WORD_TYPE[elementType]),
    output: WORD_TYPE[draft.elementType],
    extents,
  };
  const scalar = buildScalar(signature, (b) => draft.define(b, operand));
  const { elementType, shape, mostGas = SCALAR_LIMITS.gas } = draft;
  const gas = gasBound(scalar);
  if (gas > mostGas && !isDotProduct(scalar)) {
    throw new InvalidScalarProgramError("gas-bound", `one element may cost ${gas} gas`, { gas, mostGas });
  }
  const { identity } = scope;
  const note = { operator: identity.operator, opset: identity.opset, name: identity.node, shape };
  return scope.graph.add(note, { operands: distinct, elementType, shape, scalar }, draft.fold ?? true);
}

/** The elements of `value` at affine places, written out: free where that is the tensor itself or the data is known. */
export function view(
  scope: Scope,
  value: Value,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Value {
  checkShape(scope, shape);
  const { extents, columns } = collapseColumns(shape, [strides]);
  const isWhole = offset === 0 && sizeOf(shape) === sizeOf(value.shape);
  if (isWhole && extents.length === 1 && (columns[0][0] === 1 || extents[0] === 1)) return { ...value, shape };
  if (isKnown(value)) {
    const taken = sizeOf(shape);
    // Views of large weights cost nothing until they are read.
    const isFree = value.at.kind === "words" && taken >= LAZY_WORDS && taken <= sizeOf(value.shape);
    (isFree ? checkSize : requireSize)(scope, taken);
    return takeView(value, shape, strides, offset);
  }
  return map(scope, {
    elementType: value.elementType,
    shape,
    reads: [{ value, strides, offset }],
    define: (_, [word]) => word,
  });
}

/** The axes in another order; `permutation[i]` is the axis that becomes axis i. */
export function transposed(scope: Scope, value: Value, permutation: readonly number[]): Value {
  const strides = stridesOf(value.shape);
  const shape = permutation.map((axis) => value.shape[axis]);
  return view(
    scope,
    value,
    shape,
    permutation.map((axis) => strides[axis]),
    0,
  );
}

/** A primitive that holds the same words: for an output that would else name an input, a slot or known data. */
export function copied(scope: Scope, value: Value): Value {
  return general(scope, {
    elementType: value.elementType,
    shape: value.shape,
    extents: [sizeOf(value.shape)],
    operands: [value],
    fold: false,
    define: (b, [operand]) => b.load(operand, b.digits[0]),
  });
}

/** What an iteration knows beside its items. */
export interface IterationWords {
  /** The loop counter. */
  readonly k: Register;
  /** The words of `outer`. */
  readonly outer: readonly Register[];
  /** The digits of the output's own shape. */
  readonly digits: readonly Register[];
}

export interface ReductionDraft {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** Iterations. */
  readonly count: number;
  /** 1 unless given. */
  readonly lanes?: 1 | 32;
  /** One block however long the loop; then it cannot be split. */
  readonly single?: boolean;
  /** Whether `body` needs the digits of the shape as it is; then axes are not joined. */
  readonly usesDigits?: boolean;
  /** The element type of the total, and its value before the first iteration of a block. */
  readonly total: ElementType;
  readonly init: number | boolean;
  readonly streams: readonly Stream[];
  readonly body: (b: ScalarBuilder, total: Register, items: readonly Register[], at: IterationWords) => Register;
  readonly combine: (b: ScalarBuilder, total: Register, block: Register) => Register;
  /** Words read once, for `body`. */
  readonly outer?: readonly Read[];
  /** Words read once, for `finish`. */
  readonly reads?: readonly Read[];
  /** The element from the final total and the words of `reads`; the total itself unless given. */
  readonly finish?: (b: ScalarBuilder, total: Register, words: readonly Register[]) => Register;
}

/** A counted loop per element: one primitive up to 1,024 iterations, else a chain of primitives of at most 768 each. */
export function reduction(scope: Scope, draft: ReductionDraft): Value {
  if (draft.count === 0) return emptyReduction(scope, draft);
  let previous: Value | undefined;
  for (let start = 0; ;) {
    const { value, count } = largestPart(scope, draft, start, previous);
    start += count;
    if (start === draft.count) return finishesApart(draft, previous) ? finished(scope, draft, value) : value;
    previous = value;
  }
}

// The last loop of a chain reads the total so far; with more words beside it a proof about its element would be too long.
function finishesApart({ reads = [] }: ReductionDraft, previous: Value | undefined): boolean {
  return previous !== undefined && reads.length > 0;
}

function finished(scope: Scope, { elementType, shape, reads = [], finish }: ReductionDraft, total: Value): Value {
  if (finish === undefined) return total;
  return map(scope, {
    elementType,
    shape,
    reads: [readAll(total), ...reads],
    define: (b, [sum, ...words]) => finish(b, sum, words),
  });
}

function emptyReduction(scope: Scope, draft: ReductionDraft): Value {
  const { elementType, shape, reads = [], finish } = draft;
  const type = WORD_TYPE[draft.total];
  const define: MapDraft["define"] = (b, words) => {
    const total =
      type === "f32"
        ? b.f32(Number(draft.init))
        : type === "i32"
          ? b.i32(Number(draft.init))
          : b.bool(draft.init === true);
    return finish === undefined ? total : finish(b, total, words);
  };
  return map(scope, { elementType, shape, reads, define });
}

function largestPart(
  scope: Scope,
  draft: ReductionDraft,
  start: number,
  previous: Value | undefined,
): { value: Value; count: number } {
  const rest = draft.count - start;
  const isWhole = draft.count <= WHOLE_SIZE && start === 0;
  const split = isWhole ? [WHOLE_SIZE, ...PART_SIZES] : PART_SIZES;
  const sizes = draft.single === true ? [SCALAR_LIMITS.iterations] : split;
  let refusal: unknown;
  // Where even the smallest part is dear, the largest that is less so, and at last the largest that is valid.
  for (const mostGas of [PART_GAS, DEAR_PART_GAS, SCALAR_LIMITS.gas]) {
    for (const size of sizes) {
      const count = Math.min(size, rest);
      if (draft.single === true && count < rest) break;
      try {
        return { value: part(scope, draft, { start, count, previous, mostGas }), count };
      } catch (error) {
        if (!isBound(error)) throw error;
        refusal = error;
      }
    }
  }
  throw unsupported(scope, `a loop of ${draft.count} iterations does not fit the static bounds`, refusal);
}

interface Part {
  readonly start: number;
  readonly count: number;
  readonly previous: Value | undefined;
  readonly mostGas: number;
}

function part(scope: Scope, draft: ReductionDraft, { start, count, previous, mostGas }: Part): Value {
  const isLast = start + count === draft.count && !finishesApart(draft, previous);
  const { streams, shape } = draft;
  const reads = isLast ? (draft.reads ?? []) : [];
  const outer = draft.outer ?? [];
  const continued = previous === undefined ? [] : [readAll(previous)];
  const all: readonly Read[] = [...streams, ...outer, ...reads, ...continued];
  const { extents, place } = draft.usesDigits === true ? uncollapsed(shape) : collapse(shape, all);
  return general(scope, {
    elementType: isLast ? draft.elementType : draft.total,
    shape,
    extents,
    mostGas,
    operands: all.map(({ value }) => value),
    define: (b, operand) => {
      const base = (index: number): Register => place(b, index, all[index]);
      const wordsFrom = (first: number, length: number): Register[] =>
        Array.from({ length }, (_, index) => b.load(operand[first + index], base(first + index)));
      const fixed = wordsFrom(streams.length, outer.length);
      const from = previous === undefined ? {} : { from: wordsFrom(all.length - 1, 1)[0] };
      const [total] = b.loop({
        count,
        start,
        lanes: draft.lanes ?? 1,
        single: draft.single ?? false,
        carried: [{ type: WORD_TYPE[draft.total], init: draft.init, ...from }],
        body: ({ k, carried }) => {
          const items = streams.map(({ pattern }, index) => b.load(operand[index], base(index), pattern));
          return [draft.body(b, carried[0], items, { k, outer: fixed, digits: b.digits })];
        },
        combine: ([sum], [block]) => [draft.combine(b, sum, block)],
      });
      if (!isLast || draft.finish === undefined) return total;
      return draft.finish(b, total, wordsFrom(streams.length + outer.length, reads.length));
    },
  });
}

function isBound(error: unknown): boolean {
  return error instanceof InvalidScalarProgramError && (error.rule === "chunk-bound" || error.rule === "gas-bound");
}

/** Drops axes of extent 1 and joins neighbours that every read walks as one. */
function collapseColumns(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): { extents: number[]; columns: number[][] } {
  const extents: number[] = [];
  const columns: number[][] = [];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const column = strides.map((list) => list[axis]);
    const outer = columns.at(-1);
    if (outer?.every((stride, index) => stride === column[index] * extent) === true) {
      extents[extents.length - 1] *= extent;
      columns[columns.length - 1] = column;
      return;
    }
    extents.push(extent);
    columns.push(column);
  });
  if (extents.length === 0) return { extents: [1], columns: [strides.map(() => 1)] };
  return { extents, columns };
}

function collapse(
  shape: readonly number[],
  reads: readonly Read[],
): { extents: readonly number[]; place: (b: ScalarBuilder, index: number, read: Read) => Register } {
  const { extents, columns } = collapseColumns(
    shape,
    reads.map(({ strides }) => strides),
  );
  const place = (b: ScalarBuilder, index: number, { offset }: Read): Register =>
    b.digits.reduce((address, digit, axis) => b.addI(b.mulI(digit, columns[axis][index]), address), b.i32(offset));
  return { extents, place };
}

function uncollapsed(shape: readonly number[]): ReturnType<typeof collapse> {
  const place = (b: ScalarBuilder, _: number, { strides, offset }: Read): Register =>
    b.digits.reduce((address, digit, axis) => b.addI(b.mulI(digit, strides[axis] ?? 0), address), b.i32(offset));
  return { extents: shape.length === 0 ? [1] : shape, place };
}

/** Whether two values are views of one tensor. */
export function sameTensor(a: Value, b: Value): boolean {
  if (a.elementType !== b.elementType) return false;
  if ("index" in a.at && "index" in b.at) return a.at.kind === b.at.kind && a.at.index === b.at.index;
  return a.at === b.at;
}
