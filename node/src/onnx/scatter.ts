/**
 * Operators that write updates into a tensor (numerics, "Lowering"). Every output element looks for the updates that hit it:
 * known indices become a table of places, others a loop over all updates of which the last wins, or several loops where the
 * updates are many. Refuses more than 64 loops.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { maxOf, minOf } from "./broadcast.ts";
import { wrappedIndex } from "./indexing.ts";
import { orderKey, wrapped } from "./integers.ts";
import {
  axisOf,
  input,
  intAttribute,
  invalid,
  mismatch,
  requireSize,
  requireType,
  stringAttribute,
  unsupported,
  wordAttribute,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general, indexed } from "./primitives.ts";
import { splitAlong } from "./shape.ts";
import { hasIntegers, isFloatType, knownIntegers, reshaped, sizeOf, stridesOf, WORD_TYPE } from "./values.ts";
import type { ElementType, KnownIntegers, Value } from "./values.ts";

/** Updates that one element looks at: the gas of the loop's body bounds them. */
const MOST_UPDATES = 512;

/** Loops over updates, one after the other. */
const MOST_PARTS = 64;

/** How many that are, given what joins them. */
function mostUpdates(scope: Scope): number {
  return ["max", "min"].includes(stringAttribute(scope, "reduction", "none")) ? MOST_UPDATES / 2 : MOST_UPDATES;
}

type Join = (b: ScalarBuilder, old: Register, update: Register) => Register;

function joinOf(scope: Scope, elementType: ElementType): Join | undefined {
  const isFloat = isFloatType(elementType);
  const key = (b: ScalarBuilder, word: Register): Register => orderKey(b, elementType, word);
  const reduction = stringAttribute(scope, "reduction", "none");
  switch (reduction) {
    case "none":
      return undefined;
    case "add":
      return (b, old, update) => (isFloat ? b.add(old, update) : wrapped(b, elementType, b.addI(old, update)));
    case "mul":
      return (b, old, update) => (isFloat ? b.mul(old, update) : wrapped(b, elementType, b.mulI(old, update)));
    case "max":
      return (b, old, update) => (isFloat ? maxOf(b, old, update) : key(b, b.maxI(key(b, old), key(b, update))));
    case "min":
      return (b, old, update) => (isFloat ? minOf(b, old, update) : key(b, b.minI(key(b, old), key(b, update))));
    default:
      throw invalid(scope, `reduction ${reduction} is unknown`, { reduction });
  }
}

/** Places of the updates in the data, where the indices are known. */
type PlaceOf = (indices: KnownIntegers, update: number) => number;

/** Data with each update at its place. The last update of an element wins; no element is hit twice under a reduction. */
function scatteredKnown(
  scope: Scope,
  data: Value,
  indices: KnownIntegers,
  updates: Value,
  placeOf: PlaceOf,
): Value | undefined {
  const join = joinOf(scope, data.elementType);
  const size = sizeOf(data.shape);
  requireSize(scope, size);
  const from = new BigInt64Array(size).fill(-1n);
  for (let update = 0; update < sizeOf(updates.shape); update++) {
    const place = placeOf(indices, update);
    if (place < 0 || place >= size) throw invalid(scope, "an index is outside its axis", { update });
    if (join !== undefined && from[place] >= 0n) return undefined;
    from[place] = BigInt(update);
  }
  const table = knownIntegers("int32", data.shape, from);
  return general(scope, {
    elementType: data.elementType,
    shape: data.shape,
    extents: [size],
    operands: [data, updates, table],
    define: (b, [old, changed, at]) => {
      const source = b.load(at, b.digits[0]);
      const before = b.load(old, b.digits[0]);
      const update = b.load(changed, source);
      return b.select(b.ltI(source, 0), before, join === undefined ? update : join(b, before, update));
    },
  });
}

function scatterElements(scope: Scope): Value[] {
  const [data, indices, updates] = [input(scope, 0), input(scope, 1), input(scope, 2)];
  requireType(scope, indices, "int32", "int64");
  requireType(scope, updates, data.elementType);
  const rank = data.shape.length;
  const axis = axisOf(scope, intAttribute(scope, "axis", 0), rank);
  const fits = indices.shape.every((extent, other) => other === axis || extent <= data.shape[other]);
  if (indices.shape.length !== rank || updates.shape.join() !== indices.shape.join() || !fits) {
    throw mismatch(scope, "indices and updates do not fit the data", {
      data: [...data.shape],
      indices: [...indices.shape],
    });
  }
  const strides = stridesOf(data.shape);
  const own = stridesOf(indices.shape);
  if (hasIntegers(indices)) {
    const placed = scatteredKnown(scope, data, indices, updates, ({ at }, update) => {
      const index = Number(at.integers[update]);
      const counted = index < 0 ? index + data.shape[axis] : index;
      if (counted < 0 || counted >= data.shape[axis]) return -1;
      return own.reduce((sum, stride, other) => {
        const digit = Math.floor(update / stride) % indices.shape[other];
        return sum + (other === axis ? counted : digit) * strides[other];
      }, 0);
    });
    if (placed !== undefined) return [placed];
  }
  const count = indices.shape[axis];
  const most = mostUpdates(scope);
  if (count > most) return [inParts(scope, count, scope.inputs, [1, 2], axis, scatterElements, most)];
  return [
    indexed(scope, data.elementType, data.shape, [data, indices, updates], (b, [old, places, changed]) => {
      let isInside: Register = b.bool(true);
      let base: Register = b.i32(0);
      b.digits.forEach((digit, other) => {
        if (other === axis) return;
        if (indices.shape[other] < data.shape[other]) isInside = b.and(isInside, b.ltI(digit, indices.shape[other]));
        base = b.addI(b.mulI(digit, own[other]), base);
      });
      const walk = [[count, own[axis]]] as const;
      const isHit = (b2: ScalarBuilder): Register => {
        const index = wrappedIndex(b2, b2.load(places, base, walk), data.shape[axis]);
        return b2.and(isInside, b2.eqI(index, b2.digits[axis]));
      };
      return scatterLoop(scope, b, data, count, b.load(old, b.index), isHit, () => b.load(changed, base, walk));
    }),
  ];
}

/**
 * A scatter of many updates as one after the other of parts that a loop may look at. `along` are the inputs cut along `axis`,
 * of `count` entries; input 0 is what the part before made.
 */
function inParts(
  scope: Scope,
  count: number,
  inputs: readonly (Value | undefined)[],
  along: readonly number[],
  axis: number,
  lower: (scope: Scope) => Value[],
  most: number,
): Value {
  const parts = Math.ceil(count / most);
  if (parts > MOST_PARTS) throw unsupported(scope, `${count} updates; at most ${MOST_PARTS * most}`);
  const lengths = Array.from({ length: parts }, (_, part) => Math.min(most, count - part * most));
  const cut = along.map((index) => splitAlong(scope, input(scope, index), axis, lengths));
  return lengths.reduce<Value>(
    (data, _, part) => {
      const own = inputs.map((value, index) => (index === 0 ? data : (cut[along.indexOf(index)]?.[part] ?? value)));
      return lower({ ...scope, inputs: own })[0];
    },
    input(scope, 0),
  );
}

/** Looks at every update in order: the last hit wins, or all are joined. */
function scatterLoop(
  scope: Scope,
  b: ScalarBuilder,
  data: Value,
  count: number,
  before: Register,
  isHit: (b: ScalarBuilder) => Register,
  updateOf: () => Register,
): Register {
  const type = WORD_TYPE[data.elementType];
  const join = joinOf(scope, data.elementType);
  const zero = type === "bool" ? false : 0;
  const [found, value] = b.loop({
    count,
    single: true,
    carried: [
      { type: "bool", init: false },
      { type, init: zero },
    ],
    body: ({ carried: [seen, total] }) => {
      const hit = isHit(b);
      const update = updateOf();
      const joined = join === undefined ? update : b.select(seen, join(b, total, update), update);
      return [b.or(seen, hit), b.select(hit, joined, total)];
    },
    combine: ([seen, total], [blockSeen, block]) => [b.or(seen, blockSeen), b.select(blockSeen, block, total)],
  });
  return b.select(found, join === undefined ? value : join(b, before, value), before);
}

function scatterND(scope: Scope): Value[] {
  const [data, indices, updates] = [input(scope, 0), input(scope, 1), input(scope, 2)];
  requireType(scope, indices, "int64");
  requireType(scope, updates, data.elementType);
  const depth = indices.shape.at(-1)!;
  const inner = sizeOf(data.shape.slice(depth));
  const count = sizeOf(indices.shape.slice(0, -1));
  if (depth > data.shape.length || sizeOf(updates.shape) !== count * inner) {
    throw mismatch(scope, "updates do not fit indices and data", {
      indices: [...indices.shape],
      updates: [...updates.shape],
    });
  }
  const strides = stridesOf(data.shape).slice(0, depth);
  if (hasIntegers(indices)) {
    const placed = scatteredKnown(scope, data, indices, updates, ({ at }, update) => {
      const tuple = Math.floor(update / inner) * depth;
      let place = update % inner;
      for (let axis = 0; axis < depth; axis++) {
        const index = Number(at.integers[tuple + axis]);
        const counted = index < 0 ? index + data.shape[axis] : index;
        if (counted < 0 || counted >= data.shape[axis]) return -1;
        place += counted * strides[axis];
      }
      return place;
    });
    if (placed !== undefined) return [placed];
  }
  const most = Math.floor(mostUpdates(scope) / depth);
  if (count > most) {
    const flat = [data, reshaped(indices, [count, depth]), reshaped(updates, [count, ...data.shape.slice(depth)])];
    return [inParts({ ...scope, inputs: flat }, count, flat, [1, 2], 0, scatterND, most)];
  }
  return [
    general(scope, {
      elementType: data.elementType,
      shape: data.shape,
      extents: [sizeOf(data.shape.slice(0, depth)), inner],
      operands: [data, indices, updates],
      define: (b, [old, tuples, changed]) => {
        const [row, place] = b.digits;
        const isHit = (): Register => {
          let address: Register = b.i32(0);
          let isInside: Register = b.bool(true);
          for (let axis = 0; axis < depth; axis++) {
            const index = wrappedIndex(b, b.load(tuples, b.i32(axis), [[count, depth]]), data.shape[axis]);
            isInside = b.and(isInside, b.leI(0, index));
            address = b.addI(b.mulI(address, data.shape[axis]), index);
          }
          return b.and(isInside, b.eqI(address, row));
        };
        const update = (): Register => b.load(changed, place, [[count, inner]]);
        return scatterLoop(scope, b, data, count, b.load(old, b.index), isHit, update);
      },
    }),
  ];
}

/** A cache with rows written from each batch's own position on. */
function tensorScatter(scope: Scope): Value[] {
  const [past, update, starts] = [input(scope, 0), input(scope, 1), scope.inputs[2]];
  requireType(scope, update, past.elementType);
  const rank = past.shape.length;
  const axis = axisOf(scope, intAttribute(scope, "axis", -2), rank);
  const isCircular = wordAttribute(scope, "mode", ["linear", "circular"]) === "circular";
  const [extent, length] = [past.shape[axis], update.shape[axis]];
  const [batch, inner] = [past.shape[0], sizeOf(past.shape.slice(axis + 1))];
  const middle = sizeOf(past.shape.slice(1, axis));
  if (axis === 0) throw invalid(scope, "the axis must not be the batch");
  const operands = starts === undefined ? [past, update] : [past, update, starts];
  return [
    general(scope, {
      elementType: past.elementType,
      shape: past.shape,
      extents: [batch, middle, extent, inner],
      operands,
      define: (b, [old, changed, at]) => {
        const [row, other, position, column] = b.digits;
        const start = at === undefined ? b.i32(0) : b.load(at, row);
        const distance = b.subI(position, start);
        const turned = isCircular ? b.select(b.ltI(distance, 0), b.addI(distance, extent), distance) : distance;
        const isNew = b.and(b.leI(0, turned), b.ltI(turned, length));
        const line = b.addI(b.mulI(b.addI(b.mulI(row, middle), other), length), turned);
        return b.select(isNew, b.load(changed, b.addI(b.mulI(line, inner), column)), b.load(old, b.index));
      },
    }),
  ];
}

export const SCATTERS: OperatorTable = {
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterND,
  TensorScatter: tensorScatter,
};
