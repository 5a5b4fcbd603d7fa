/**
 * Pooling: a loop over the window of each output element, in a copy that holds the border where windows leave the tensor
 * (numerics, "Lowering"). Global pools reduce rows. Refuses windows over more than three dimensions.
 */

import { toBits } from "../float/words.ts";
import type { PatternDigits, ScalarBuilder, Value as Register } from "../ir/build.ts";
import { padded } from "./padding.ts";
import * as math from "./math.ts";
import {
  input,
  intAttribute,
  intsAttribute,
  invalid,
  mismatch,
  requireSize,
  requireType,
  unsupported,
  wants,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general, reduction } from "./primitives.ts";
import type { ReductionDraft } from "./primitives.ts";
import { maxOf } from "./broadcast.ts";
import { meanOf, reduceRows, SUM } from "./reduction.ts";
import type { RowFold } from "./reduction.ts";
import { kernelSpan, windowOf } from "./shapes.ts";
import type { Window } from "./shapes.ts";
import { floatValue, isIntegerType, knownIntegers, knownWords, sizeOf, stridesOf } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** Window elements that are counted at import where windows leave the tensor. */
const MOST_DIVISIONS = 2 ** 26;

interface Pool {
  readonly window: Window;
  /** [n, c, ...spatial], with a border wide enough for every window. */
  readonly held: Value;
  /** Words from the start of a plane to the first element of each window, per output axis. */
  readonly steps: readonly number[];
  readonly walk: PatternDigits;
}

function poolOf(scope: Scope, fill: number): Pool {
  const x = input(scope, 0);
  const spatial = x.shape.slice(2);
  const kernel = intsAttribute(scope, "kernel_shape");
  if (kernel === undefined) throw invalid(scope, "kernel_shape is missing");
  if (x.shape.length < 3) throw mismatch(scope, "pooling takes [n, c, ...spatial]", { shape: [...x.shape] });
  const window = windowOf(scope, spatial, kernel, intAttribute(scope, "ceil_mode", 0) !== 0);
  const { strides, dilations, output, before } = window;
  const needed = output.map((count, axis) => (count - 1) * strides[axis] + kernelSpan(kernel[axis], dilations[axis]));
  const after = needed.map((extent, axis) => Math.max(0, extent - before[axis] - spatial[axis]));
  const held = padded(
    scope,
    x,
    [0, 0, ...before],
    [0, 0, ...after],
    "constant",
    fill === 0 ? undefined : x.elementType === "float32" ? floatValue(fill) : integerValue(x.elementType, fill),
  );
  const places = stridesOf(held.shape.slice(2));
  if (kernel.length > 3) throw unsupported(scope, "windows of more than three dimensions");
  return {
    window,
    held,
    steps: places.map((place, axis) => place * strides[axis]),
    walk: kernel.map((size, axis) => [size, dilations[axis] * places[axis]] as const),
  };
}

function integerValue(elementType: ElementType, item: number): Value {
  if (!isIntegerType(elementType)) throw new TypeError(`${elementType} is no integer type`);
  return knownIntegers(elementType, [], BigInt64Array.of(BigInt(item)));
}

type PoolFold = Pick<ReductionDraft, "init" | "body" | "combine" | "finish" | "reads">;

function pooled(scope: Scope, { window, held, steps, walk }: Pool, fold: PoolFold): Value {
  const [n, c] = held.shape;
  const plane = sizeOf(held.shape.slice(2));
  return reduction(scope, {
    elementType: held.elementType,
    shape: [n, c, ...window.output],
    count: sizeOf(window.kernel),
    total: held.elementType,
    streams: [{ value: held, strides: [c * plane, plane, ...steps], offset: 0, pattern: walk }],
    ...fold,
  });
}

const join = (b: ScalarBuilder, total: Register, block: Register): Register => b.add(total, block);

function averagePool(scope: Scope): Value[] {
  requireType(scope, input(scope, 0), "float32");
  const pool = poolOf(scope, 0);
  const { window } = pool;
  const spatial = input(scope, 0).shape.slice(2);
  const countsBorder = intAttribute(scope, "count_include_pad", 0) !== 0;
  requireSize(scope, sizeOf(window.output) * sizeOf(window.kernel), MOST_DIVISIONS);
  const counts = window.output.map((count, axis) => {
    const first = countsBorder ? -window.before[axis] : 0;
    const end = spatial[axis] + (countsBorder ? window.after[axis] : 0);
    return Array.from({ length: count }, (_, place) => elementsInside(window, axis, place, first, end));
  });
  const whole = sizeOf(window.kernel);
  const isUniform = counts.every((list, axis) => list.every((count) => count === window.kernel[axis]));
  const divisors = outerProduct(counts);
  return [
    pooled(scope, pool, {
      init: 0,
      body: (b, total, [item]) => b.add(total, item),
      combine: join,
      reads: isUniform ? [] : [{ value: divisors, strides: [0, 0, ...stridesOf(window.output)], offset: 0 }],
      finish: (b, total, [count]) => b.div(total, isUniform ? whole : count),
    }),
  ];
}

/** How many elements of a window, along one axis, lie in [first, end). */
function elementsInside(
  { kernel, strides, dilations, before }: Window,
  axis: number,
  place: number,
  first: number,
  end: number,
): number {
  const start = place * strides[axis] - before[axis];
  let inside = 0;
  for (let k = 0; k < kernel[axis]; k++) {
    const at = start + k * dilations[axis];
    if (at >= first && at < end) inside++;
  }
  return inside;
}

/** Products of one entry per list, as a tensor with one axis per list. */
function outerProduct(lists: readonly (readonly number[])[]): Value {
  const products = lists.reduce<number[]>((all, list) => all.flatMap((left) => list.map((right) => left * right)), [1]);
  const shape = lists.map((list) => list.length);
  return knownWords(shape, Uint32Array.from(products, toBits));
}

function maxPool(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32", "int8", "uint8");
  const isFloat = x.elementType === "float32";
  const least = isFloat ? -Infinity : x.elementType === "int8" ? -128 : 0;
  const join = isFloat ? maxOf : (b: ScalarBuilder, one: Register, other: Register) => b.maxI(one, other);
  const pool = poolOf(scope, least);
  const largest = pooled(scope, pool, {
    init: least,
    body: (b, total, [item]) => join(b, total, item),
    combine: join,
  });
  return wants(scope, 1) ? [largest, maxPlaces(scope, pool, largest)] : [largest];
}

/** Where in the unpadded tensor the first largest element of each window stands, counted over all of it. */
function maxPlaces(scope: Scope, { window, held, steps, walk }: Pool, largest: Value): Value {
  const spatial = input(scope, 0).shape.slice(2);
  const isColumnMajor = intAttribute(scope, "storage_order", 0) !== 0;
  const [n, c] = held.shape;
  const count = sizeOf(window.kernel);
  if (count > 1024) throw unsupported(scope, "indices of a window of more than 1,024 elements");
  const strides = isColumnMajor ? stridesOf(spatial.toReversed()).toReversed() : stridesOf(spatial);
  return general(scope, {
    elementType: "int64",
    shape: largest.shape,
    extents: [n * c, ...window.output],
    operands: [held, largest],
    define: (b, [from, most]) => {
      const [row, ...places] = b.digits;
      const start = places.reduce((sum, place, axis) => b.addI(b.mulI(place, steps[axis]), sum), b.i32(0));
      const base = b.addI(b.mulI(row, sizeOf(held.shape.slice(2))), start);
      const wanted = b.load(most, b.index);
      const [first] = b.loop({
        count,
        carried: [{ type: "i32", init: count }],
        body: ({ k, carried: [found] }) => {
          const item = b.load(from, base, walk);
          const isFloat = held.elementType === "float32";
          const isFound = isFloat ? b.or(b.eq(item, wanted), b.ne(item, item)) : b.eqI(item, wanted);
          return [b.select(isFound, b.minI(found, k), found)];
        },
        combine: ([total], [block]) => [b.minI(total, block)],
      });
      // The digits of `first` in the kernel, and from them the place in the unpadded plane.
      const inner = stridesOf(window.kernel);
      const place = window.kernel.reduce<Register>(
        (sum, size, axis) => {
          const digit = b.remU(b.divU(first, inner[axis]), size);
          const corner = b.subI(b.mulI(places[axis], window.strides[axis]), window.before[axis]);
          return b.addI(b.mulI(b.addI(b.mulI(digit, window.dilations[axis]), corner), strides[axis]), sum);
        },
        b.mulI(row, sizeOf(spatial)),
      );
      return place;
    },
  });
}

function lpPool(scope: Scope): Value[] {
  requireType(scope, input(scope, 0), "float32");
  const { init, body, combine, finish } = lpFold(intAttribute(scope, "p", 2));
  return [
    pooled(scope, poolOf(scope, 0), {
      init,
      body: (b, total, [item], words) => body(b, total, item, words),
      combine,
      ...(finish === undefined ? {} : { finish }),
    }),
  ];
}

/** The p-norm of a row. */
function lpFold(p: number): RowFold {
  return {
    ...SUM,
    body: (b, total, item) => {
      if (p === 1) return b.add(total, b.abs(item));
      if (p === 2) return b.fma(item, item, total);
      return b.add(total, math.pow(b, b.abs(item), b.f32(p)));
    },
    finish: (b, total) => (p === 1 ? total : p === 2 ? b.sqrt(total) : math.pow(b, total, b.f32(1 / p))),
  };
}

/** Reduces each plane [n, c, ...] to one element. */
function globalPool(scope: Scope, foldOf: (count: number) => RowFold): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  if (x.shape.length < 3) throw mismatch(scope, "pooling takes [n, c, ...spatial]", { shape: [...x.shape] });
  const [n, c, ...spatial] = x.shape;
  const count = sizeOf(spatial);
  const reduced = reduceRows(scope, { value: x, shape: [n, c], count }, foldOf(count));
  return [{ ...reduced, shape: [n, c, ...spatial.map(() => 1)] }];
}

const MAX: RowFold = { elementType: "float32", init: -Infinity, body: maxOf, combine: maxOf };

export const POOLING: OperatorTable = {
  AveragePool: averagePool,
  MaxPool: maxPool,
  LpPool: lpPool,
  GlobalAveragePool: (scope) => globalPool(scope, meanOf),
  GlobalMaxPool: (scope) => globalPool(scope, () => MAX),
  GlobalLpPool: (scope) => globalPool(scope, () => lpFold(intAttribute(scope, "p", 2))),
};
