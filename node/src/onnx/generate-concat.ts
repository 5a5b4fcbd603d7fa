/**
 * Attentions that are spelled out in small operators, as exporters of opsets below 23 write them, found in a decoder's graph:
 *
 *   keys = Concat(past, k), values = Concat(past, v), repeated for the heads that share them
 *   MatMul(Softmax(mask(scale * MatMul(q, transposed keys))), values)
 *
 * with scales by Mul or Div and masks by Add or Where. Each becomes one node with a lowering of its own, and what only the old
 * nodes needed is left out. Refuses nothing here: what is not found stays as it is.
 */

import { fromBits } from "../float/words.ts";
import type { Value as Register, ScalarBuilder } from "../ir/build.ts";
import { headsOf } from "./attention.ts";
import { checkCausal, checked } from "./generate-attention.ts";
import type { AttentionForm, AttentionSite } from "./generate-attention.ts";
import { input, known, unsupported } from "./node.ts";
import type { Scope } from "./node.ts";
import { transposed } from "./primitives.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { Attribute, OnnxGraph, OnnxNode } from "./types.ts";
import { isKnown } from "./values.ts";
import type { Value } from "./values.ts";

/** A scalar that scores are multiplied or divided by. */
interface Scale {
  readonly op: "Mul" | "Div";
  readonly name: string;
}

/** What hides scores: added to them, or a condition under which they are kept and else the other value. */
type Mask =
  | { readonly kind: "added"; readonly name: string }
  | { readonly kind: "kept" | "replaced"; readonly name: string; readonly other: string };

interface CacheUse {
  readonly past: string;
  readonly fresh: string;
  readonly scales: readonly Scale[];
  /** Whether the last two axes are exchanged. */
  readonly isTurned: boolean;
}

interface Found {
  /** The product with the values, which the new node stands for. */
  readonly end: OnnxNode;
  readonly query: string;
  readonly keys: CacheUse;
  readonly values: CacheUse;
  readonly scales: readonly Scale[];
  readonly masks: readonly Mask[];
}

/** The graph with such attentions as single nodes, without what `outputs` do not need then; and the sites of those nodes. */
export function joinedAttentions(
  graph: OnnxGraph,
  outputs: readonly string[],
  opset: number,
): { graph: OnnxGraph; sites: AttentionSite[] } {
  const nodeOf = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const given = new Set(graph.inputs.map(({ name }) => name));
  const makers: Makers = {
    get: (name) => nodeOf.get(name),
    opset,
    integers: (name) => integersOf(nodeOf.get(name)?.attributes.get("value"), graph.initializers.get(name)),
  };
  const sites: AttentionSite[] = [];
  const nodes = graph.nodes.map((node) => {
    const found = node.opType === "MatMul" ? attentionAt(node, makers, given) : null;
    if (found === null) return node;
    const site = siteOf(found);
    sites.push(site);
    return site.node;
  });
  if (sites.length === 0) return { graph, sites };
  return { graph: { ...graph, nodes: neededNodes(nodes, outputs) }, sites };
}

function neededNodes(nodes: readonly OnnxNode[], outputs: readonly string[]): OnnxNode[] {
  const needed = new Set(outputs);
  return nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((name) => needed.has(name))) return false;
      for (const name of [...node.inputs, ...captured(node)]) needed.add(name);
      return true;
    })
    .toReversed();
}

/** Names that the subgraphs of a node read from outside. */
function captured({ attributes }: OnnxNode): string[] {
  return [...attributes.values()].flatMap((attribute) => {
    const bodies = attribute.type === "graph" ? [attribute.value] : attribute.type === "graphs" ? attribute.value : [];
    return bodies.flatMap((body) => [
      ...body.outputs.map(({ name }) => name),
      ...body.nodes.flatMap((node) => [...node.inputs, ...captured(node)]),
    ]);
  });
}

/** What makes a name: its node, and the integers that it holds where those are constant. */
interface Makers {
  /** Of the standard domain. */
  readonly opset: number;
  get(name: string): OnnxNode | undefined;
  integers(name: string): readonly bigint[] | undefined;
}

/** The int64 of a Constant's attribute or of an initializer. */
function integersOf(value: Attribute | undefined, initializer: OnnxTensor | undefined): bigint[] | undefined {
  const tensor = value?.type === "tensor" ? value.value : initializer;
  return tensor?.dtype === "int64" ? [...tensor.data] : undefined;
}

function attentionAt(end: OnnxNode, makers: Makers, given: ReadonlySet<string>): Found | null {
  const values = cacheUse(end.inputs[1], makers, given);
  if (values === null || values.isTurned || values.scales.length > 0) return null;
  const softmax = softmaxOf(end.inputs[0], makers);
  if (softmax === null) return null;
  const scores = scoresOf(softmax.inputs[0], makers, given);
  return scores === null ? null : { end, values, ...scores };
}

const PASSING = new Set(["Identity", "Cast", "Dropout"]);

function softmaxOf(name: string, makers: Makers): OnnxNode | null {
  const node = makers.get(name);
  if (node === undefined) return null;
  if (PASSING.has(node.opType)) return softmaxOf(node.inputs[0], makers);
  // Where(IsNaN(p), 0, p): what a row that sees nothing gives.
  if (node.opType === "Where" && makers.get(node.inputs[0])?.opType === "IsNaN")
    return softmaxOf(node.inputs[2], makers);
  const axis = node.attributes.get("axis");
  // Before opset 13 a row without an axis was everything from axis 1 on.
  const isLast =
    axis === undefined ? makers.opset >= 13 : axis.type === "int" && (axis.value === -1n || axis.value === 3n);
  return node.opType === "Softmax" && isLast ? node : null;
}

type Scores = Pick<Found, "query" | "keys" | "scales" | "masks">;

function scoresOf(name: string, makers: Makers, given: ReadonlySet<string>): Scores | null {
  const node = makers.get(name);
  if (node === undefined) return null;
  const [first, second, third] = node.inputs;
  const masked = (from: string, mask: Mask): Scores | null => {
    const scores = scoresOf(from, makers, given);
    return scores && { ...scores, masks: [...scores.masks, mask] };
  };
  const scaled = (from: string, scale: Scale): Scores | null => {
    const scores = scoresOf(from, makers, given);
    // A mask before a scale would be scaled too; none does that.
    return scores === null || scores.masks.length > 0 ? null : { ...scores, scales: [...scores.scales, scale] };
  };
  switch (node.opType) {
    case "Add":
      return masked(first, { kind: "added", name: second }) ?? masked(second, { kind: "added", name: first });
    case "Where":
      return (
        masked(second, { kind: "kept", name: first, other: third }) ??
        masked(third, { kind: "replaced", name: first, other: second })
      );
    case "Mul":
      return scaled(first, { op: "Mul", name: second }) ?? scaled(second, { op: "Mul", name: first });
    case "Div":
      return scaled(first, { op: "Div", name: second });
    case "MatMul": {
      const keys = cacheUse(second, makers, given);
      return keys?.isTurned === true ? { query: first, keys, scales: keys.scales, masks: [] } : null;
    }
    default:
      return PASSING.has(node.opType) ? scoresOf(first, makers, given) : null;
  }
}

/** How a tensor is made from a cache with the new positions behind it, or null. */
function cacheUse(name: string, makers: Makers, given: ReadonlySet<string>): CacheUse | null {
  const node = makers.get(name);
  if (node === undefined) return null;
  const [first, second] = node.inputs;
  const from = (source: string): CacheUse | null => cacheUse(source, makers, given);
  const scaled = (source: string, scale: Scale): CacheUse | null => {
    const use = from(source);
    return use && { ...use, scales: [...use.scales, scale] };
  };
  switch (node.opType) {
    case "Concat": {
      const axis = node.attributes.get("axis");
      const isPositions = axis?.type === "int" && (axis.value === 2n || axis.value === -2n);
      if (!isPositions || node.inputs.length !== 2 || !given.has(first)) return null;
      return { past: first, fresh: second, scales: [], isTurned: false };
    }
    case "Transpose": {
      const permutation = node.attributes.get("perm");
      if (permutation?.type !== "ints" || permutation.value.join() !== "0,1,3,2") return null;
      const use = from(first);
      return use && { ...use, isTurned: !use.isTurned };
    }
    case "Mul":
      return scaled(first, { op: "Mul", name: second }) ?? scaled(second, { op: "Mul", name: first });
    case "Div":
      return scaled(first, { op: "Div", name: second });
    // Heads that share a cache: Unsqueeze, Expand, Reshape. The lowering checks that the heads of queries are a multiple.
    case "Unsqueeze": {
      // Behind the heads: the queries of one head are neighbours. On any other axis they would be in another order.
      const axes = node.attributes.get("axes");
      const [axis, more] = (axes?.type === "ints" ? axes.value : makers.integers(second)) ?? [];
      return (axis === 2n || axis === -3n) && more === undefined ? from(first) : null;
    }
    case "Expand":
    case "Reshape":
      return from(first);
    default:
      return PASSING.has(node.opType) ? from(first) : null;
  }
}

function siteOf({ end, query, keys, values, scales, masks }: Found): AttentionSite {
  const others = masks.flatMap((mask) => (mask.kind === "added" ? [] : [mask.other]));
  const inputs = [query, keys.fresh, values.fresh, keys.past, values.past];
  inputs.push(...scales.map(({ name }) => name), ...masks.map(({ name }) => name), ...others);
  const node: OnnxNode = { ...end, opType: "CachedAttention", inputs, attributes: new Map() };
  return { node, pastKey: keys.past, pastValue: values.past, form: formOf(scales, masks) };
}

function formOf(scales: readonly Scale[], masks: readonly Mask[]): AttentionForm {
  const firstMask = 5 + scales.length;
  return {
    past: [3, 4],
    parts(scope) {
      const [q, k, v] = [0, 1, 2].map((index) => headsOf(scope, input(scope, index), 0));
      const factors = scales.map((_, index) => factorOf(scope, input(scope, 5 + index)));
      const given = masks.map((mask, index) => maskOf(scope, mask, input(scope, firstMask + index)));
      masks
        .filter(({ kind }) => kind !== "added")
        .forEach((_, index) => {
          const other = factorOf(scope, input(scope, firstMask + masks.length + index));
          if (!(other <= -10000)) throw unsupported(scope, "scores that are replaced by others than hidden ones");
        });
      checkCausal(scope, given, q.length, false);
      const apply = (b: ScalarBuilder, score: Register): Register =>
        scales.reduce(
          (value, { op }, index) => (op === "Mul" ? b.mul(value, factors[index]) : b.div(value, factors[index])),
          score,
        );
      return checked(scope, { q, k, v, end: { reads: [], apply }, reach: null });
    },
    output: (scope, context) => transposed(scope, context, [0, 2, 1, 3]),
  };
}

/** The number that a known tensor of one float holds, or of equal ones. */
function factorOf(scope: Scope, value: Value): number {
  const { at } = known(scope, value, "a scale");
  const words = at.kind === "words" ? at.words : new Uint32Array(0);
  if (words.length < 1 || words.some((word) => word !== words[0]))
    throw unsupported(scope, "a scale that is no number");
  return fromBits(words[0]);
}

/** A mask as bools that are true where scores are kept, or as floats that are added. */
function maskOf(scope: Scope, mask: Mask, value: Value): Value {
  if (mask.kind !== "replaced") return value;
  if (!isKnown(value) || value.at.kind !== "integers")
    throw unsupported(scope, "a condition that is not known at import");
  const integers = value.at.integers.map((item) => (item === 0n ? 1n : 0n));
  return { ...value, at: { kind: "integers", integers } };
}
