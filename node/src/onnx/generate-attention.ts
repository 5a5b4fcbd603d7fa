/**
 * The attentions of a decoder with caches, as what ./cache.ts computes: which nodes they are, and what each makes of its
 * inputs. Attention of operator sets 23 and 24, GroupQueryAttention and MultiHeadAttention of com.microsoft. Refuses masks that
 * are more than causality and padding, and options that a cache of slots does not have.
 */

import { ATTENTION, capStage, headsOf, joinStages, scaleStage } from "./attention.ts";
import type { Heads } from "./attention.ts";
import { elementwise } from "./broadcast.ts";
import type { CachedAttention, Phase } from "./cache.ts";
import { NEGATIVE_INFINITY, toBits } from "../float/words.ts";
import { floatAttribute, input, intAttribute, known, knownNumbers, mismatch } from "./node.ts";
import { requiredInt, standingFor, unsupported } from "./node.ts";
import type { Scope } from "./node.ts";
import { splitAlong } from "./shape.ts";
import type { OnnxGraph, OnnxNode } from "./types.ts";
import { reshaped, sizeOf } from "./values.ts";
import type { Value } from "./values.ts";
import { transposed } from "./primitives.ts";

/** A node whose caches are inputs of the graph. */
export interface AttentionSite {
  readonly node: OnnxNode;
  readonly pastKey: string;
  readonly pastValue: string;
  readonly form: AttentionForm;
}

/** One operator's way to say what is attended. */
export interface AttentionForm {
  /** Where the caches stand among the inputs. */
  readonly past: readonly [key: number, value: number];
  parts(scope: Scope, phase: Phase, positions: Value): Omit<CachedAttention, "cache">;
  /** The operator's first output from the context [batch, length, heads, size]. */
  output(scope: Scope, context: Value): Value;
}

const STANDARD: AttentionForm = {
  past: [4, 5],
  parts(scope) {
    const sources = intAttribute(scope, "kv_num_heads", 0);
    const q = headsOf(scope, input(scope, 0), intAttribute(scope, "q_num_heads", 0));
    const [k, v] = [headsOf(scope, input(scope, 1), sources), headsOf(scope, input(scope, 2), sources)];
    if (scope.inputs[6] !== undefined) throw unsupported(scope, "a number of valid keys beside a cache of slots");
    if (intAttribute(scope, "qk_matmul_output_mode", 0) !== 0) throw unsupported(scope, "an output of the scores");
    const mask = scope.inputs[3];
    checkCausal(scope, mask === undefined ? [] : [mask], q.length, intAttribute(scope, "is_causal", 0) !== 0);
    // Hidden scores would be capped to a number, and what stands behind the query would count.
    if (floatAttribute(scope, "softcap", 0) !== 0)
      throw unsupported(scope, "a cap of the scores that comes after the masks, beside a cache of slots");
    return checked(scope, { q, k, v, end: scaleStage(scope, q.size), reach: null });
  },
  output(scope, context) {
    if (input(scope, 0).shape.length === 4) return transposed(scope, context, [0, 2, 1, 3]);
    return flat(context);
  },
};

const GROUPED: AttentionForm = {
  past: [3, 4],
  parts(scope, _, positions) {
    const [heads, sources] = [requiredInt(scope, "num_heads"), requiredInt(scope, "kv_num_heads")];
    const given = input(scope, 0);
    const isPacked = scope.inputs[1] === undefined;
    const size = (given.shape.at(-1) ?? 0) / (isPacked ? heads + 2 * sources : heads);
    const [query, key, value] = isPacked
      ? splitAlong(scope, given, 2, [heads * size, sources * size, sources * size])
      : [given, input(scope, 1), input(scope, 2)];
    for (const [index, what] of [
      [10, "a bias of the scores"],
      [11, "sinks"],
      [12, "a scale of the cache"],
    ] as const) {
      if (scope.inputs[index] !== undefined) throw unsupported(scope, `${what} beside a cache of slots`);
    }
    if (intAttribute(scope, "smooth_softmax", 0) !== 0) throw unsupported(scope, "a smoothed softmax");
    const turned = (x: Value, count: number): Value =>
      intAttribute(scope, "do_rotary", 0) === 0 ? x : rotated(scope, x, count, scope.inputs[9] ?? positions);
    const q = headsOf(scope, turned(query, heads), heads);
    const [k, v] = [headsOf(scope, turned(key, sources), sources), headsOf(scope, value, sources)];
    const end = joinStages([scaleStage(scope, q.size), capStage(floatAttribute(scope, "softcap", 0))]);
    const window = intAttribute(scope, "local_window_size", -1);
    // The window counts the query's own position.
    return checked(scope, { q, k, v, end, reach: window > 0 ? window - 1 : null });
  },
  output: (_, context) => flat(context),
};

const MULTI_HEAD: AttentionForm = {
  past: [6, 7],
  parts(scope) {
    const heads = requiredInt(scope, "num_heads");
    const given = [0, 1, 2].map((index) => input(scope, index));
    if (given.some(({ shape }) => shape.length !== 3))
      throw unsupported(scope, "packed projections beside a cache of slots");
    const bias = scope.inputs[3];
    const widths = given.map(({ shape }) => shape[2]);
    const biases = bias === undefined ? [] : splitAlong(scope, bias, 0, widths);
    const [q, k, v] = given.map((part, index) => {
      const own = biases[index];
      const projected = own === undefined ? part : elementwise(scope, [part, own], "float32", (b, x, y) => b.add(x, y));
      return headsOf(scope, projected, heads);
    });
    const padding = scope.inputs[4];
    if (padding !== undefined && !knownNumbers(scope, padding, "the mask of the keys").every((item) => item !== 0))
      throw unsupported(scope, "a mask that hides keys in front of the query");
    const mask = scope.inputs[5];
    const isCausal = intAttribute(scope, "unidirectional", 0) !== 0;
    checkCausal(scope, mask === undefined ? [] : [mask], q.length, isCausal);
    return checked(scope, { q, k, v, end: scaleStage(scope, q.size), reach: null });
  },
  output: (_, context) => flat(context),
};

const FORMS: Readonly<Record<string, AttentionForm>> = {
  Attention: STANDARD,
  "com.microsoft.MultiHeadAttention": MULTI_HEAD,
  "com.microsoft.GroupQueryAttention": GROUPED,
};

/** The attentions of a graph whose caches are its inputs, in order. */
export function attentionSites(graph: OnnxGraph): AttentionSite[] {
  const given = new Set(graph.inputs.map(({ name }) => name));
  return graph.nodes.flatMap((node) => {
    const key = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
    const form = Object.hasOwn(FORMS, key) ? FORMS[key] : undefined;
    if (form === undefined) return [];
    const [pastKey = "", pastValue = ""] = form.past.map((index) => node.inputs[index]);
    return given.has(pastKey) && given.has(pastValue) ? [{ node, pastKey, pastValue, form }] : [];
  });
}

/** The parts of an attention, if their shapes fit each other. */
export function checked(scope: Scope, parts: Omit<CachedAttention, "cache">): Omit<CachedAttention, "cache"> {
  const { q, k, v } = parts;
  const fits = Number.isInteger(q.heads / k.heads) && v.heads === k.heads && k.size === q.size;
  if (fits && k.length === q.length && v.length === q.length) return parts;
  const shapeOf = ({ heads, length, size }: Heads): number[] => [heads, length, size];
  throw mismatch(scope, "queries, keys and values do not fit", { q: shapeOf(q), k: shapeOf(k), v: shapeOf(v) });
}

function rotated(scope: Scope, x: Value, heads: number, positions: Value): Value {
  const [cosines, sines] = [input(scope, 7), input(scope, 8)];
  const attributes = {
    num_heads: { type: "int", value: BigInt(heads) },
    interleaved: { type: "int", value: BigInt(intAttribute(scope, "rotary_interleaved", 0)) },
    rotary_embedding_dim: { type: "int", value: BigInt(2 * (cosines.shape[1] ?? 0)) },
  } as const;
  return ATTENTION["RotaryEmbedding"](standingFor(scope, [x, cosines, sines, positions], attributes))[0];
}

function flat(context: Value): Value {
  const [batch, length, heads, size] = context.shape;
  return reshaped(context, [batch, length, heads * size]);
}

/**
 * Refuses masks that, together, hide other keys than those behind the query. Padding is the program's own business: none is
 * given. `isCausal` says that keys behind the query are hidden anyway.
 */
export function checkCausal(scope: Scope, masks: readonly Value[], length: number, isCausal: boolean): void {
  const seen = masks.map((mask) => seenBy(scope, mask));
  const total = Math.max(length, ...masks.map(({ shape }) => shape.at(-1) ?? 1));
  for (let row = 0; row < length; row++) {
    for (let place = 0; place < total; place++) {
      const isSeen = seen.every((sees) => sees(row, place));
      const isBehind = place > row + total - length;
      if (!isSeen && !isBehind) throw unsupported(scope, "a mask that hides keys in front of the query");
      if (isSeen && isBehind && !isCausal) throw unsupported(scope, "a decoder whose attention is not causal");
    }
  }
}

/** Whether a query sees a key in every batch and head of a known mask. */
function seenBy(scope: Scope, mask: Value): (row: number, place: number) => boolean {
  const { at, elementType, shape } = known(scope, mask, "the mask");
  const [rows, keys] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const copies = sizeOf(shape) / (rows * keys);
  // Once: words may be lazy.
  const data = at.kind === "integers" ? at.integers : at.words;
  const isHidden = (index: number): boolean => {
    const word = data[index];
    if (typeof word === "bigint") return word === 0n;
    if (word === 0 || word === 0x80000000) return false;
    // What is added to hidden scores is -10,000 or less.
    if (word >= HIDDEN && word <= NEGATIVE_INFINITY) return true;
    throw unsupported(scope, "a mask that is more than what is seen and what is not");
  };
  if (at.kind === "integers" && elementType !== "bool") throw unsupported(scope, `a mask of ${elementType}`);
  const seen = new Uint8Array(rows * keys).fill(1);
  for (let index = 0; index < copies * seen.length; index++) if (isHidden(index)) seen[index % seen.length] = 0;
  return (row, place) => seen[(rows === 1 ? 0 : row) * keys + (keys === 1 ? 0 : place)] === 1;
}

const HIDDEN = toBits(-10000);
