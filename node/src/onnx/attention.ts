/**
 * Attention and rotary embeddings (numerics, "Lowering"): scores with scale and mask in their epilogue, row maximum,
 * exponentials, row sum, and a context that divides by the sum in its epilogue. Keys are read as they are; values are
 * transposed. Refuses masks and caches of shapes that do not fit.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { productOfRows } from "./contraction.ts";
import { broadcastStrides } from "./fold.ts";
import { concatenated, padded } from "./indexing.ts";
import * as math from "./math.ts";
import { floatAttribute, input, intAttribute, mismatch, requireSize, requireType, wants } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, map, readAll, transposed } from "./primitives.ts";
import type { Read } from "./primitives.ts";
import { softmaxParts, softmaxRows } from "./reduction.ts";
import { floatValue, knownIntegers, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** [batch, heads, positions, size]; three axes are [batch, positions, heads * size]. */
function byHeads(scope: Scope, value: Value, headsName: string): Value {
  requireType(scope, value, "float32");
  if (value.shape.length === 4) return value;
  const heads = intAttribute(scope, headsName, 0);
  const [batch = 0, positions = 0, width = 0] = value.shape;
  if (value.shape.length !== 3 || heads < 1 || width % heads !== 0) {
    throw mismatch(scope, `${headsName} does not divide the last of three axes`, { shape: [...value.shape], heads });
  }
  return transposed(scope, reshaped(value, [batch, positions, heads, width / heads]), [0, 2, 1, 3]);
}

/** One stage between the dot products and the softmax. */
interface Stage {
  readonly reads: readonly Read[];
  readonly apply: (b: ScalarBuilder, score: Register, words: readonly Register[]) => Register;
}

function attention(scope: Scope): Value[] {
  const q = byHeads(scope, input(scope, 0), "q_num_heads");
  const newKeys = byHeads(scope, input(scope, 1), "kv_num_heads");
  const newValues = byHeads(scope, input(scope, 2), "kv_num_heads");
  const [pastKeys, pastValues] = [scope.inputs[4], scope.inputs[5]];
  const keys = pastKeys === undefined ? newKeys : concatenated(scope, [pastKeys, newKeys], 2);
  const values = pastValues === undefined ? newValues : concatenated(scope, [pastValues, newValues], 2);
  const [batch, heads, length, size] = q.shape;
  const [, sources, total] = keys.shape;
  const group = heads / sources;
  if (!Number.isInteger(group) || values.shape[1] !== sources || values.shape[2] !== total) {
    throw mismatch(scope, "queries, keys and values do not fit", {
      q: q.shape,
      keys: keys.shape,
      values: values.shape,
    });
  }
  const scale = floatAttribute(scope, "scale", 1 / Math.sqrt(size));
  const shape = [batch, sources, group, length, total];
  const past = total - newKeys.shape[2];
  const stages = [
    { reads: [], apply: (b, score) => b.mul(score, scale) } satisfies Stage,
    maskStage(scope, shape, past),
    capStage(floatAttribute(scope, "softcap", 0)),
  ];
  const mode = intAttribute(scope, "qk_matmul_output_mode", 0);
  const shown = wants(scope, 3) ? mode : undefined;
  const queries = reshaped(q, [batch, sources, group, length, size]);
  const sharedKeys = reshaped(keys, [batch, sources, 1, total, size]);
  // A stage whose result is an output ends a primitive; the others share one.
  const cut = shown === undefined || shown > 2 ? 3 : shown + 1;
  const early = productOfRows(scope, queries, sharedKeys, joinStages(stages.slice(0, cut)));
  const scores = cut === 3 ? early : applyStages(scope, early, stages.slice(cut));
  const rows = { value: scores, shape: shape.slice(0, 4), count: total };
  const turned = reshaped(transposed(scope, values, [0, 1, 3, 2]), [batch, sources, 1, values.shape[3], total]);
  let context: Value;
  let weights: Value | undefined;
  if (shown === 3) {
    weights = softmaxRows(scope, rows);
    context = productOfRows(scope, weights, turned);
  } else {
    const { exponentials, sum } = softmaxParts(scope, rows);
    const strides = [...stridesOf(rows.shape), 0];
    context = productOfRows(scope, exponentials, turned, {
      reads: [{ value: sum, strides, offset: 0 }],
      finish: (b, dot, [by]) => b.div(dot, by),
    });
  }
  const byHead = reshaped(context, [batch, heads, length, values.shape[3]]);
  const flat = (): Value => reshaped(transposed(scope, byHead, [0, 2, 1, 3]), [batch, length, heads * values.shape[3]]);
  const y = input(scope, 0).shape.length === 4 ? byHead : flat();
  return [y, keys, values, reshaped(weights ?? early, [batch, heads, length, total])];
}

function joinStages(stages: readonly Stage[]): { reads: readonly Read[]; finish: Stage["apply"] } {
  return {
    reads: stages.flatMap(({ reads }) => reads),
    finish: (b, score, words) => {
      let next = 0;
      return stages.reduce((value, { reads, apply }) => {
        next += reads.length;
        return apply(b, value, words.slice(next - reads.length, next));
      }, score);
    },
  };
}

function applyStages(scope: Scope, scores: Value, stages: readonly Stage[]): Value {
  const { reads, finish } = joinStages(stages);
  if (stages.length === 0) return scores;
  return map(scope, {
    elementType: "float32",
    shape: scores.shape,
    reads: [readAll(scores), ...reads],
    define: (b, [score, ...words]) => finish(b, score, words),
  });
}

/** The attention mask, the causal mask and the number of valid keys. `shape` is [batch, sources, group, length, total]. */
function maskStage(scope: Scope, shape: readonly number[], past: number): Stage {
  const [batch, sources, group, length, total] = shape;
  const mask = scope.inputs[3];
  const valid = scope.inputs[6];
  const reads: Read[] = [];
  const parts: ((b: ScalarBuilder, score: Register, word: Register) => Register)[] = [];
  const hidden = (b: ScalarBuilder, score: Register, keeps: Register): Register =>
    b.select(keeps, score, b.f32(-Infinity));
  if (mask !== undefined) {
    requireType(scope, mask, "float32", "bool");
    reads.push(maskRead(scope, mask, [batch, sources, group, length, total]));
    parts.push(mask.elementType === "bool" ? hidden : (b, score, word) => b.add(score, word));
  }
  if (intAttribute(scope, "is_causal", 0) !== 0) {
    requireSize(scope, length * total);
    const seen = BigInt64Array.from({ length: length * total }, (_, index) =>
      index % total <= Math.floor(index / total) + past ? 1n : 0n,
    );
    reads.push({ value: knownIntegers("bool", [length, total], seen), strides: [0, 0, 0, total, 1], offset: 0 });
    parts.push(hidden);
  }
  if (valid !== undefined) {
    requireType(scope, valid, "int64");
    const keeps = indexed(scope, "bool", [batch, total], [valid], (b, [counts]) =>
      b.ltI(b.digits[1], b.load(counts, b.digits[0])),
    );
    reads.push({ value: keeps, strides: [total, 0, 0, 0, 1], offset: 0 });
    parts.push(hidden);
  }
  return {
    reads,
    apply: (b, score, words) => parts.reduce((value, part, index) => part(b, value, words[index]), score),
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

function capStage(cap: number): Stage {
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
  if (!Number.isInteger(size) || !Number.isInteger(half) || cosines.shape.at(-1) !== half) {
    throw mismatch(scope, "the tables do not fit the heads", { x: [...x.shape], cosines: [...cosines.shape], turned });
  }
  const isInterleaved = intAttribute(scope, "interleaved", 0) !== 0;
  const shape = isFlat ? [batch, length, heads, size] : [batch, heads, length, size];
  const operands = positions === undefined ? [x, cosines, sines] : [x, cosines, sines, positions];
  const result = indexed(scope, "float32", shape, operands, (b, [from, cosine, sine, at]) => {
    const [row, second, third, place] = b.digits;
    const position = b.addI(b.mulI(row, length), isFlat ? second : third);
    const table = at === undefined ? position : b.load(at, position);
    const isFirst = isInterleaved ? b.eqI(b.and(place, 1), 0) : b.ltI(place, half);
    const pair = isInterleaved ? b.shrU(place, 1) : b.select(isFirst, place, b.subI(place, half));
    const distance = isInterleaved ? 1 : half;
    const entry = b.addI(b.mulI(table, half), pair);
    const [c, s] = [b.load(cosine, entry), b.load(sine, entry)];
    const own = b.load(from, b.index);
    const other = b.load(from, b.select(isFirst, b.addI(b.index, distance), b.subI(b.index, distance)));
    const product = b.mul(other, s);
    const rotated = b.fma(own, c, b.select(isFirst, b.neg(product), product));
    return turned === size ? rotated : b.select(b.ltI(place, turned), rotated, own);
  });
  return [reshaped(result, x.shape)];
}

export const ATTENTION: OperatorTable = { Attention: attention, RotaryEmbedding: rotaryEmbedding };
