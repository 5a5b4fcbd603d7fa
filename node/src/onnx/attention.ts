/**
 * Attention and rotary embeddings (numerics, "Lowering"): scores with scale and masks in their epilogue, row maximum,
 * exponentials, one over the row sum, and a context that multiplies by it in its epilogue. Queries and keys are read where they
 * were projected, whichever axis stands first; only values are transposed. Refuses masks and caches of shapes that do not fit.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { contract } from "./contraction.ts";
import { broadcastStrides } from "./fold.ts";
import { concatenated } from "./indexing.ts";
import { padded } from "./padding.ts";
import * as math from "./math.ts";
import { floatAttribute, input, intAttribute, mismatch, requireType, wants } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general, transposed, view } from "./primitives.ts";
import type { Read } from "./primitives.ts";
import { softmaxParts, softmaxRows } from "./reduction.ts";
import { floatValue, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** Rows of `size` neighbouring elements, one per batch, head and position, wherever they stand. */
export interface Heads {
  readonly value: Value;
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly size: number;
  /** Words between neighbours in batch, heads and positions. */
  readonly strides: readonly [batch: number, head: number, position: number];
}

/** The heads of [batch, heads, positions, size], or of [batch, positions, heads * size] with `count` heads. */
export function headsOf(scope: Scope, value: Value, count: number): Heads {
  requireType(scope, value, "float32");
  const [batch = 0, second = 0, third = 0, size = 0] = value.shape;
  if (value.shape.length === 4) {
    const strides = [second * third * size, third * size, size] as const;
    return { value, batch, heads: second, length: third, size, strides };
  }
  if (value.shape.length !== 3 || count < 1 || third % count !== 0) {
    throw mismatch(scope, "the heads do not divide the last of three axes", { shape: [...value.shape], heads: count });
  }
  const strides = [second * third, third / count, third] as const;
  return { value, batch, heads: count, length: second, size: third / count, strides };
}

/** The heads as a tensor [batch, heads, positions, size]. */
function byHead(scope: Scope, { value, batch, heads, length, size, strides }: Heads): Value {
  return view(scope, value, [batch, heads, length, size], [...strides, 1], 0);
}

/** What follows a score: words read per element of [batch, sources, group, length, total], and the element made of them. */
export interface ScoreEnd {
  readonly reads: readonly Read[];
  /** The builder's digits are those of that shape. */
  readonly apply: (b: ScalarBuilder, score: Register, words: readonly Register[]) => Register;
}

/** Products of queries and keys, [batch, sources, group, length, total]: `group` heads of queries share one of the keys. */
export function scoresOf(scope: Scope, q: Heads, k: Heads, end: ScoreEnd, total = k.length): Value {
  const group = q.heads / k.heads;
  return contract(scope, {
    elementType: "float32",
    shape: [q.batch, k.heads, group, q.length, total],
    usesDigits: true,
    count: q.size,
    left: { value: q.value, strides: [q.strides[0], group * q.strides[1], q.strides[1], q.strides[2], 0], offset: 0 },
    right: { value: k.value, strides: [k.strides[0], k.strides[1], 0, 0, k.strides[2]], offset: 0 },
    reads: end.reads,
    finish: end.apply,
  });
}

/** Rows of [batch, sources, group, length, total]. */
export function scoreRows(scores: Value): { value: Value; shape: readonly number[]; count: number } {
  return { value: scores, shape: scores.shape.slice(0, 4), count: scores.shape[4] };
}

/** One word per row of the scores, for elements [batch, length, sources, group, size] of the context. */
export function perContext(value: Value, scores: Value): Read {
  const [, sources, group, length] = scores.shape;
  return { value, strides: [sources * group * length, 1, group * length, length, 0], offset: 0 };
}

/** Weights [batch, sources, group, length, total] times values, times `factor` per row: [batch, length, heads, size]. */
function contextOf(scope: Scope, weights: Value, v: Heads, factor: Value | undefined): Value {
  const [batch, sources, group, length, total] = weights.shape;
  const { size, strides } = v;
  const turned = view(scope, v.value, [batch, sources, size, total], [strides[0], strides[1], 1, strides[2]], 0);
  const context = contract(scope, {
    elementType: "float32",
    shape: [batch, length, sources, group, size],
    count: total,
    left: {
      value: weights,
      strides: [sources * group * length * total, total, group * length * total, length * total, 0],
      offset: 0,
    },
    right: { value: turned, strides: [sources * size * total, 0, size * total, 0, total], offset: 0 },
    ...(factor === undefined ? {} : { reads: [perContext(factor, weights)], finish: (b, dot, [by]) => b.mul(dot, by) }),
  });
  return reshaped(context, [batch, length, sources * group, size]);
}

/** The whole of an attention without a cache: [batch, length, heads, size]. */
export function attended(scope: Scope, q: Heads, k: Heads, v: Heads, end: ScoreEnd): Value {
  const scores = scoresOf(scope, q, k, end);
  const { exponentials, reciprocal } = softmaxParts(scope, scoreRows(scores));
  return contextOf(scope, exponentials, v, reciprocal);
}

function attention(scope: Scope): Value[] {
  const [queries, newKeys, newValues] = [0, 1, 2].map((index) => input(scope, index));
  const sources = intAttribute(scope, "kv_num_heads", 0);
  const q = headsOf(scope, queries, intAttribute(scope, "q_num_heads", 0));
  const [k, past] = withPast(scope, headsOf(scope, newKeys, sources), scope.inputs[4]);
  const [v] = withPast(scope, headsOf(scope, newValues, sources), scope.inputs[5]);
  const isBatch = k.batch === q.batch && v.batch === q.batch;
  const isSource = v.heads === k.heads && v.length === k.length;
  if (!Number.isInteger(q.heads / k.heads) || !isBatch || !isSource || k.size !== q.size) {
    const values = { q: queries.shape, keys: newKeys.shape, values: newValues.shape };
    throw mismatch(scope, "queries, keys and values do not fit", values);
  }
  const shape = [q.batch, k.heads, q.heads / k.heads, q.length, k.length];
  const stages = [
    scaleStage(scope, q.size),
    maskStage(scope, shape, past),
    capStage(floatAttribute(scope, "softcap", 0)),
  ];
  const mode = intAttribute(scope, "qk_matmul_output_mode", 0);
  const shown = wants(scope, 3) ? mode : undefined;
  // A stage whose result is an output ends a primitive; the others share one.
  const cut = shown === undefined || shown > 2 ? 3 : shown + 1;
  const early = scoresOf(scope, q, k, joinStages(stages.slice(0, cut)));
  const scores = cut === 3 ? early : applyStages(scope, early, stages.slice(cut));
  const rows = scoreRows(scores);
  let context: Value;
  let weights: Value | undefined;
  if (shown === 3) {
    weights = softmaxRows(scope, rows);
    context = contextOf(scope, weights, v, undefined);
  } else {
    const { exponentials, reciprocal } = softmaxParts(scope, rows);
    context = contextOf(scope, exponentials, v, reciprocal);
  }
  const y =
    queries.shape.length === 4
      ? transposed(scope, context, [0, 2, 1, 3])
      : reshaped(context, [q.batch, q.length, q.heads * v.size]);
  const seen = reshaped(weights ?? early, [q.batch, q.heads, q.length, k.length]);
  return [y, byHead(scope, k), byHead(scope, v), seen];
}

/** The heads with those of a cache [batch, heads, positions, size] in front, and how many positions the cache has. */
function withPast(scope: Scope, now: Heads, past: Value | undefined): [Heads, number] {
  if (past === undefined || past.shape[2] === 0) return [now, 0];
  return [headsOf(scope, concatenated(scope, [past, byHead(scope, now)], 2), 0), past.shape[2]];
}

export function joinStages(stages: readonly ScoreEnd[]): ScoreEnd {
  return {
    reads: stages.flatMap(({ reads }) => reads),
    apply: (b, score, words) => {
      let next = 0;
      return stages.reduce((value, { reads, apply }) => {
        next += reads.length;
        return apply(b, value, words.slice(next - reads.length, next));
      }, score);
    },
  };
}

function applyStages(scope: Scope, scores: Value, stages: readonly ScoreEnd[]): Value {
  const { reads, apply } = joinStages(stages);
  if (stages.length === 0) return scores;
  return general(scope, {
    elementType: "float32",
    shape: scores.shape,
    operands: [scores, ...reads.map(({ value }) => value)],
    define: (b, [from, ...others]) => {
      const words = reads.map(({ strides, offset }, index) => {
        const place = b.digits.reduce((sum, digit, axis) => b.addI(b.mulI(digit, strides[axis]), sum), b.i32(offset));
        return b.load(others[index], place);
      });
      return apply(b, b.load(from, b.index), words);
    },
  });
}

/** Scores times the operator's scale, one over the root of the size unless given. */
export function scaleStage(scope: Scope, size: number): ScoreEnd {
  const scale = floatAttribute(scope, "scale", 0) || 1 / Math.sqrt(size);
  return { reads: [], apply: (b, score) => b.mul(score, scale) };
}

/** The score where `keeps` holds, else minus infinity. */
export function hidden(b: ScalarBuilder, score: Register, keeps: Register): Register {
  return b.select(keeps, score, b.f32(-Infinity));
}

/** The attention mask, the causal mask and the number of valid keys. `shape` is [batch, sources, group, length, total]. */
function maskStage(scope: Scope, shape: readonly number[], past: number): ScoreEnd {
  const mask = scope.inputs[3];
  const valid = scope.inputs[6];
  const isCausal = intAttribute(scope, "is_causal", 0) !== 0;
  const reads: Read[] = [];
  const parts: ((b: ScalarBuilder, score: Register, word: Register) => Register)[] = [];
  if (mask !== undefined) {
    requireType(scope, mask, "float32", "bool");
    reads.push(maskRead(scope, mask, shape));
    parts.push(mask.elementType === "bool" ? hidden : (b, score, word) => b.add(score, word));
  }
  if (valid !== undefined) {
    requireType(scope, valid, "int64");
    reads.push({ value: valid, strides: [1, 0, 0, 0, 0], offset: 0 });
    parts.push((b, score, count) => hidden(b, score, b.ltI(b.digits[4], count)));
  }
  return {
    reads,
    apply: (b, score, words) => {
      const masked = parts.reduce((value, part, index) => part(b, value, words[index]), score);
      return isCausal ? hidden(b, masked, b.leI(b.digits[4], b.addI(b.digits[3], past))) : masked;
    },
  };
}

/** A mask that broadcasts to [batch, heads, length, total]; keys beyond its end are hidden. */
function maskRead(scope: Scope, mask: Value, shape: readonly number[]): Read {
  const [batch, sources, group, length, total] = shape;
  const missing = total - (mask.shape.at(-1) ?? 1);
  const before = mask.shape.map(() => 0);
  const after = mask.shape.map((_, axis) => (axis === mask.shape.length - 1 ? missing : 0));
  const fill = mask.elementType === "bool" ? undefined : floatValue(-Infinity);
  const isShort = missing > 0 && mask.shape.at(-1) !== 1;
  const full = isShort ? padded(scope, mask, before, after, "constant", fill) : mask;
  const fits = full.shape.every((extent, axis) => {
    const whole = [batch, sources * group, length, total].at(axis - full.shape.length);
    return extent === 1 || extent === whole;
  });
  if (!fits || full.shape.length > 4)
    throw mismatch(scope, "the mask does not fit the scores", { mask: [...mask.shape] });
  const strides = broadcastStrides(full.shape, [batch, sources * group, length, total]);
  return { value: full, strides: [strides[0], strides[1] * group, strides[1], strides[2], strides[3]], offset: 0 };
}

/** Scores limited by a hyperbolic tangent; none where `cap` is 0. */
export function capStage(cap: number): ScoreEnd {
  if (cap === 0) return { reads: [], apply: (_, score) => score };
  return { reads: [], apply: (b, score) => b.mul(math.tanh(b, b.div(score, cap)), cap) };
}

/** Turns pairs of elements of each head by angles whose cosines and sines are given per position. */
function rotaryEmbedding(scope: Scope): Value[] {
  const [x, cosines, sines, positions] = [input(scope, 0), input(scope, 1), input(scope, 2), scope.inputs[3]];
  [x, cosines, sines].forEach((value) => requireType(scope, value, "float32"));
  const isFlat = x.shape.length === 3;
  const heads = isFlat ? intAttribute(scope, "num_heads", 0) : x.shape[1];
  const [batch, length] = [x.shape[0], isFlat ? x.shape[1] : x.shape[2]];
  const size = sizeOf(x.shape) / (batch * length * heads);
  const turned = intAttribute(scope, "rotary_embedding_dim", 0) || size;
  const half = turned / 2;
  const places = sizeOf((positions ?? reshaped(cosines, cosines.shape.slice(0, -1))).shape);
  const fits = places === batch * length && cosines.shape.join() === sines.shape.join();
  if (!Number.isInteger(size) || !Number.isInteger(half) || cosines.shape.at(-1) !== half || !fits) {
    throw mismatch(scope, "the tables do not fit the heads", { x: [...x.shape], cosines: [...cosines.shape], turned });
  }
  const isInterleaved = intAttribute(scope, "interleaved", 0) !== 0;
  const shape = isFlat ? [batch, length, heads, size] : [batch, heads, length, size];
  const tables = { cosines, sines, positions, half, isInterleaved };
  const turnedPart = rotatedPairs(scope, x, shape, isFlat, tables);
  if (turned === size) return [reshaped(turnedPart, x.shape)];
  const whole = reshaped(x, shape);
  const rest = view(scope, whole, [...shape.slice(0, 3), size - turned], stridesOf(shape), turned);
  return [reshaped(concatenated(scope, [turnedPart, rest], 3), x.shape)];
}

interface RotaryTables {
  readonly cosines: Value;
  readonly sines: Value;
  readonly positions: Value | undefined;
  /** Pairs of a head. */
  readonly half: number;
  /** Whether the elements of a pair are neighbours, or `half` apart. */
  readonly isInterleaved: boolean;
}

/** The first 2 * half elements of each head [..., size], turned. */
function rotatedPairs(
  scope: Scope,
  x: Value,
  shape: readonly number[],
  isFlat: boolean,
  { cosines, sines, positions, half, isInterleaved }: RotaryTables,
): Value {
  const [batch, second, third, size] = shape;
  const length = isFlat ? second : third;
  const operands = positions === undefined ? [x, cosines, sines] : [x, cosines, sines, positions];
  return general(scope, {
    elementType: "float32",
    shape: [batch, second, third, 2 * half],
    // Both elements of a pair are read at places that move evenly with the digits.
    extents: isInterleaved ? [batch, second, third, half, 2] : [batch, second, third, 2, half],
    operands,
    define: (b, [from, cosine, sine, at]) => {
      const [row, outer, inner, fourth, fifth] = b.digits;
      const [pair, which] = isInterleaved ? [fourth, fifth] : [fifth, fourth];
      const position = b.addI(b.mulI(row, length), isFlat ? outer : inner);
      const table = at === undefined ? position : b.load(at, position);
      const entry = b.addI(b.mulI(table, half), pair);
      const [c, s] = [b.load(cosine, entry), b.load(sine, entry)];
      const head = b.mulI(b.addI(b.mulI(b.addI(b.mulI(row, second), outer), third), inner), size);
      const place = b.addI(head, isInterleaved ? b.mulI(pair, 2) : pair);
      const first = b.load(from, place);
      const other = b.load(from, b.addI(place, isInterleaved ? 1 : half));
      const isFirst = b.eqI(which, 0);
      const product = b.mul(b.select(isFirst, other, first), s);
      return b.fma(b.select(isFirst, first, other), c, b.select(isFirst, b.neg(product), product));
    },
  });
}

export const ATTENTION: OperatorTable = { Attention: attention, RotaryEmbedding: rotaryEmbedding };
