/**
 * Attention of the domain com.microsoft (numerics, "Lowering"): the parts of each operator by heads, and their masks, given to
 * the attention that the standard's operator lowers to, with the cap in front of the masks. Refuses caches of another length than
 * the model's past, sinks, and masks in forms beyond those listed.
 */

import { ATTENTION, attended, capStage, headsOf, hidden, joinStages, scaleStage } from "./attention.ts";
import type { ScoreEnd } from "./attention.ts";
import { elementwise } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { matMul } from "./contraction.ts";
import { broadcastStrides } from "./fold.ts";
import { concatenated } from "./indexing.ts";
import { floatAttribute, input, intAttribute, intsAttribute, knownNumbers, mismatch, requireType } from "./node.ts";
import { requiredInt, requireSize, standingFor, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, transposed, view } from "./primitives.ts";
import type { Read } from "./primitives.ts";
import { splitAlong } from "./shape.ts";
import type { Attribute } from "./types.ts";
import { isKnown, knownIntegers, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

const int = (value: number): Attribute => ({ type: "int", value: BigInt(value) });

/** [batch, positions, heads * size] as [batch, heads, positions, size]. */
function byHeads(scope: Scope, value: Value, heads: number): Value {
  const [batch = 0, positions = 0, width = 0] = value.shape;
  if (value.shape.length !== 3 || width % heads !== 0) {
    throw mismatch(scope, "the heads do not divide the last of three axes", { shape: [...value.shape], heads });
  }
  return transposed(scope, reshaped(value, [batch, positions, heads, width / heads]), [0, 2, 1, 3]);
}

/** [batch, heads, positions, size] as [batch, positions, heads * size]. */
function flat(scope: Scope, value: Value): Value {
  const [batch, heads, positions, size] = value.shape;
  return reshaped(transposed(scope, value, [0, 2, 1, 3]), [batch, positions, heads * size]);
}

interface Parts {
  /** [batch, heads, positions, size] each; keys and values with the past in front. */
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  /** Added to the scores [batch, heads, length, total], or bools; broadcasts. */
  readonly mask: Value | undefined;
  readonly isCausal: boolean;
  /** Positions before the first query. */
  readonly past: number;
  readonly softcap: number;
}

/** The attention of the parts: [batch, positions, heads * size]. A cap comes before the masks, which hide for good. */
function attend(scope: Scope, { q, k, v, mask, isCausal, past, softcap }: Parts): Value {
  const [queries, keys, values] = [q, k, v].map((part) => headsOf(scope, part, 0));
  const { batch, heads, length, size } = queries;
  const { heads: sources, length: total } = keys;
  const group = heads / sources;
  if (!Number.isInteger(group) || values.heads !== sources || values.length !== total || keys.size !== size) {
    throw mismatch(scope, "queries, keys and values do not fit", { q: q.shape, k: k.shape, v: v.shape });
  }
  const causal = isCausal ? windowMask(scope, length, past, total, total) : undefined;
  const masks = [mask, causal].filter((one) => one !== undefined);
  const stages = masks.map((one): ScoreEnd => {
    const apply: ScoreEnd["apply"] = (b, score, [word]) =>
      one.elementType === "bool" ? hidden(b, score, word) : b.add(score, word);
    return { reads: [maskRead(scope, one, [batch, heads, length, total], group)], apply };
  });
  const end = joinStages([scaleStage(scope, size), capStage(softcap), ...stages]);
  return reshaped(attended(scope, queries, keys, values, end), [batch, length, heads * values.size]);
}

/** A mask that broadcasts to [batch, heads, length, total], read over [batch, sources, group, length, total]. */
function maskRead(scope: Scope, mask: Value, whole: readonly number[], group: number): Read {
  const fits = mask.shape.every((extent, axis) => {
    return extent === 1 || extent === whole.at(axis - mask.shape.length);
  });
  if (!fits || mask.shape.length > 4)
    throw mismatch(scope, "the mask does not fit the scores", { mask: mask.shape, whole });
  const [batch, head, length, total] = broadcastStrides(mask.shape, whole);
  return { value: mask, strides: [batch, head * group, head, length, total], offset: 0 };
}

function rotated(scope: Scope, x: Value, cosines: Value, sines: Value, positions: Value, dimensions: number): Value {
  const isInterleaved =
    intAttribute(scope, "interleaved", 0) !== 0 || intAttribute(scope, "rotary_interleaved", 0) !== 0;
  const attributes = { interleaved: int(isInterleaved ? 1 : 0), rotary_embedding_dim: int(dimensions) };
  return ATTENTION["RotaryEmbedding"](standingFor(scope, [x, cosines, sines, positions], attributes))[0];
}

/** Consecutive positions of each row, from a known number or from one offset. */
function positionsFrom(scope: Scope, batch: number, length: number, start: number | Value): Value {
  if (typeof start === "number") {
    requireSize(scope, batch * length);
    const places = BigInt64Array.from({ length: batch * length }, (_, index) => BigInt(start + (index % length)));
    return knownIntegers("int64", [batch, length], places);
  }
  return indexed(scope, "int64", [batch, length], [start], (b, [from]) => b.addI(b.digits[1], b.load(from, 0)));
}

function rotaryEmbedding(scope: Scope): Value[] {
  const [x, positions, cosines, sines] = [0, 1, 2, 3].map((index) => input(scope, index));
  requireType(scope, positions, "int64");
  if (intAttribute(scope, "is_packed_batching", 0) !== 0) throw unsupported(scope, "packed batches");
  const turned = intAttribute(scope, "rotary_embedding_dim", 0);
  const size = turned === 0 ? cosines.shape[1] * 2 : 0;
  const isFlat = x.shape.length === 3;
  const heads = isFlat && size > 0 ? x.shape[2] / size : intAttribute(scope, "num_heads", 0);
  if (isFlat && (!Number.isInteger(heads) || heads < 1)) {
    throw mismatch(scope, "the heads do not divide the last axis", { x: [...x.shape], heads });
  }
  const byHead = isFlat ? byHeads(scope, x, heads) : x;
  const [batch, , length] = byHead.shape;
  const isOffset = sizeOf(positions.shape) === 1;
  if (!isOffset && sizeOf(positions.shape) !== batch * length)
    throw mismatch(scope, "there is not one position per row and place", { positions: positions.shape, batch, length });
  const places = isOffset ? positionsFrom(scope, batch, length, positions) : positions;
  const result = rotated(scope, byHead, cosines, sines, reshaped(places, [batch, length]), turned);
  return [isFlat ? flat(scope, result) : result];
}

/** Keys (or values) with the past in front. */
function withPast(scope: Scope, past: Value | undefined, now: Value): Value {
  return past === undefined || past.shape[2] === 0 ? now : concatenated(scope, [past, now], 2);
}

/** Bools [length, total]: the keys a query sees, itself and those before it that are less than `window` away. */
function windowMask(scope: Scope, length: number, past: number, total: number, window: number): Value {
  requireSize(scope, length * total);
  const seen = BigInt64Array.from({ length: length * total }, (_, index) => {
    const distance = Math.floor(index / total) + past - (index % total);
    return distance >= 0 && distance < window ? 1n : 0n;
  });
  return knownIntegers("bool", [length, total], seen);
}

function groupQueryAttention(scope: Scope): Value[] {
  const [heads, groups] = [requiredInt(scope, "num_heads"), requiredInt(scope, "kv_num_heads")];
  const given = input(scope, 0);
  requireType(scope, given, "float32");
  const isPacked = scope.inputs[1] === undefined;
  const size = given.shape[2] / (isPacked ? heads + 2 * groups : heads);
  const [query, key, value] = isPacked
    ? splitAlong(scope, given, 2, [heads * size, groups * size, groups * size])
    : [given, input(scope, 1), input(scope, 2)];
  const [pastKey, pastValue] = [scope.inputs[3], scope.inputs[4]];
  const past = pastKey?.shape[2] ?? 0;
  const [batch, length] = query.shape;
  checkCache(scope, past, past + length);
  for (const [index, what] of [[11, "sinks"] as const, [12, "a scale of the cache"] as const]) {
    if (scope.inputs[index] !== undefined) throw unsupported(scope, what);
  }
  if (intAttribute(scope, "smooth_softmax", 0) !== 0) throw unsupported(scope, "a smoothed softmax");
  let [q, k] = [byHeads(scope, query, heads), byHeads(scope, key, groups)];
  if (intAttribute(scope, "do_rotary", 0) !== 0) {
    const [cosines, sines] = [input(scope, 7), input(scope, 8)];
    const positions = scope.inputs[9] ?? positionsFrom(scope, batch, length, past);
    const dimensions = cosines.shape[1] * 2 === size ? 0 : cosines.shape[1] * 2;
    [q, k] = [q, k].map((x) => rotated(scope, x, cosines, sines, positions, dimensions));
  }
  const keys = withPast(scope, pastKey, k);
  const values = withPast(scope, pastValue, byHeads(scope, value, groups));
  const window = intAttribute(scope, "local_window_size", -1);
  const total = past + length;
  const bias = scope.inputs[10];
  if (bias !== undefined && window > 0) throw unsupported(scope, "a window together with a bias of the scores");
  const y = attend(scope, {
    q,
    k: keys,
    v: values,
    mask: window > 0 ? windowMask(scope, length, past, total, window) : bias,
    isCausal: window <= 0,
    past,
    softcap: floatAttribute(scope, "softcap", 0),
  });
  return [y, keys, values];
}

/** Only a past that is full in every row is the concatenation this lowers to. */
function checkCache(scope: Scope, past: number, total: number): void {
  if (past === 0) return;
  const lengths = input(scope, 5);
  const isFull =
    isKnown(lengths) && knownNumbers(scope, lengths, "the lengths").every((length) => length + 1 === total);
  if (!isFull) throw unsupported(scope, "a cache whose filled length is not known at import");
}

/** A mask of ones and zeros as what is added to scores: 0 or `hidden`; [batch, 1, 1 or length, total]. */
function maskBias(scope: Scope, mask: Value, batch: number, length: number, total: number, hidden: number): Value {
  requireType(scope, mask, "int32", "int64", "bool");
  const integers = cast(scope, mask, "int32");
  const size = sizeOf(mask.shape);
  if (mask.shape.length === 1 && (size === batch || size === 2 * batch)) {
    // Ends of the rows, then where they start.
    return indexed(scope, "float32", [batch, 1, 1, total], [integers], (b, [bounds]) => {
      const isSeen = b.ltI(b.digits[3], b.load(bounds, b.digits[0]));
      const isAfter = b.leI(b.load(bounds, b.addI(b.digits[0], batch)), b.digits[3]);
      return b.select(size === batch ? isSeen : b.and(isSeen, isAfter), b.f32(0), b.f32(hidden));
    });
  }
  const shapes: Readonly<Record<number, readonly number[]>> = {
    2: [batch, 1, 1, total],
    3: [batch, 1, length, total],
  };
  const shape = shapes[mask.shape.length];
  if (shape === undefined || size !== sizeOf(shape))
    throw unsupported(scope, `a mask of shape [${mask.shape.join(", ")}]`);
  return elementwise(scope, [reshaped(integers, shape)], "float32", (b, x) =>
    b.select(b.eqI(x, 0), b.f32(hidden), b.f32(0)),
  );
}

function added(scope: Scope, parts: readonly (Value | undefined)[]): Value | undefined {
  const given = parts.filter((part) => part !== undefined);
  if (given.length <= 1) return given[0];
  return elementwise(scope, given, "float32", (b, x, y) => b.add(x, y));
}

/** The attention of MultiHeadAttention and Attention: hides what `padding` leaves out and adds input 5 to the scores. */
function attendPadded(
  scope: Scope,
  [q, k, v]: readonly [Value, Value, Value],
  past: number,
  padding: Value | undefined,
): Value {
  const [batch, , length] = q.shape;
  const hidden = floatAttribute(scope, "mask_filter_value", -10000);
  const bias = padding === undefined ? undefined : maskBias(scope, padding, batch, length, k.shape[2], hidden);
  return attend(scope, {
    q,
    k,
    v,
    mask: added(scope, [bias, scope.inputs[5]]),
    isCausal: intAttribute(scope, "unidirectional", 0) !== 0,
    past,
    softcap: 0,
  });
}

/** Adds a bias along the last axis. */
function biased(scope: Scope, value: Value, bias: Value | undefined): Value {
  return bias === undefined ? value : elementwise(scope, [value, bias], "float32", (b, x, y) => b.add(x, y));
}

/** Queries, keys and values of MultiHeadAttention's input forms, by heads; biases added. */
function multiHeadParts(scope: Scope, heads: number): [Value, Value, Value] {
  const [query, key, value, bias] = [input(scope, 0), scope.inputs[1], scope.inputs[2], scope.inputs[3]];
  requireType(scope, query, "float32");
  if (key !== undefined && value !== undefined) {
    const sizes = [query, key, value].map((part) =>
      part.shape.length === 3 ? part.shape[2] : part.shape[1] * part.shape[3],
    );
    const biases = bias === undefined ? [] : splitAlong(scope, bias, 0, sizes);
    const [q, k, v] = [query, key, value].map((part, index) => {
      if (part.shape.length === 3) return byHeads(scope, biased(scope, part, biases[index]), heads);
      const own = biases[index];
      return biased(scope, part, own === undefined ? undefined : reshaped(own, [heads, 1, part.shape[3]]));
    });
    return [q, k, v];
  }
  if (bias !== undefined) throw unsupported(scope, "a bias of packed projections");
  // [batch, positions, heads, parts, size]
  const unpack = (packed: Value, index: number): Value => {
    const [batch, positions, , , size] = packed.shape;
    const own = stridesOf(packed.shape);
    return view(scope, packed, [batch, heads, positions, size], [own[0], own[2], own[1], own[4]], index * own[3]);
  };
  if (key === undefined && query.shape.length === 5) return [unpack(query, 0), unpack(query, 1), unpack(query, 2)];
  if (key?.shape.length === 5) return [byHeads(scope, query, heads), unpack(key, 0), unpack(key, 1)];
  throw mismatch(scope, "queries, keys and values are in no known form", { query: [...query.shape] });
}

function multiHeadAttention(scope: Scope): Value[] {
  const heads = requiredInt(scope, "num_heads");
  for (const index of [8, 9]) {
    if (scope.inputs[index] !== undefined) throw unsupported(scope, "a cache in a shared buffer");
  }
  const [q, newK, newV] = multiHeadParts(scope, heads);
  const [pastKey, pastValue] = [scope.inputs[6], scope.inputs[7]];
  const [k, v] = [withPast(scope, pastKey, newK), withPast(scope, pastValue, newV)];
  return [attendPadded(scope, [q, k, v], k.shape[2] - newK.shape[2], scope.inputs[4]), k, v];
}

/** The projection, attention and cache of one tensor. */
function attention(scope: Scope): Value[] {
  const heads = requiredInt(scope, "num_heads");
  const [x, weights, bias] = [input(scope, 0), input(scope, 1), scope.inputs[2]];
  requireType(scope, x, "float32");
  if (intAttribute(scope, "do_rotary", 0) !== 0) throw unsupported(scope, "rotary embeddings");
  if (scope.inputs[6] !== undefined) throw unsupported(scope, "a cache in a shared buffer");
  const projected = biased(scope, matMul(scope, x, weights), bias);
  const third = weights.shape[1] / 3;
  const sizes = intsAttribute(scope, "qkv_hidden_sizes") ?? [third, third, third];
  const [q, newK, newV] = splitAlong(scope, projected, 2, sizes).map((part) => byHeads(scope, part, heads));
  const past = scope.inputs[4];
  const pastOf = (index: number): Value | undefined => {
    if (past === undefined) return undefined;
    const [, ...shape] = past.shape;
    return view(scope, past, shape, stridesOf(past.shape).slice(1), index * sizeOf(shape));
  };
  const [k, v] = [withPast(scope, pastOf(0), newK), withPast(scope, pastOf(1), newV)];
  const y = attendPadded(scope, [q, k, v], k.shape[2] - newK.shape[2], scope.inputs[3]);
  if (k.shape.join() !== v.shape.join()) return [y];
  const both = [k, v].map((part) => reshaped(part, [1, ...part.shape]));
  return [y, concatenated(scope, both, 0)];
}

export const MICROSOFT_ATTENTION: OperatorTable = {
  "com.microsoft.RotaryEmbedding": rotaryEmbedding,
  "com.microsoft.GroupQueryAttention": groupQueryAttention,
  "com.microsoft.MultiHeadAttention": multiHeadAttention,
  "com.microsoft.Attention": attention,
};
