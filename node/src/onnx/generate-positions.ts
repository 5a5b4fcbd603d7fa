/**
 * How many positions a decoder's tables hold: those that are looked up by the graph's input of positions, and the cosines of
 * attentions that turn positions themselves. A place beyond a table would be read as zeros, without an error. Tables that are no
 * initializers are not seen.
 */

import type { OnnxGraph, OnnxNode } from "./types.ts";

/** Where a node's positions and its table stand among its inputs, by operator; null for positions that it counts itself. */
const TABLES: Readonly<Record<string, { readonly positions: number | null; readonly table: number }>> = {
  Gather: { positions: 1, table: 0 },
  RotaryEmbedding: { positions: 3, table: 1 },
  "com.microsoft.RotaryEmbedding": { positions: 1, table: 2 },
  "com.microsoft.GroupQueryAttention": { positions: null, table: 7 },
};

/** The positions of the shortest table; infinite where there is none. */
export function mostPositions(graph: OnnxGraph, positions: string): number {
  const rows = graph.nodes.map((node) => graph.initializers.get(tableOf(node, positions))?.shape[0] ?? Infinity);
  return rows.reduce((least, count) => Math.min(least, count), Infinity);
}

function tableOf({ domain, opType, inputs }: OnnxNode, name: string): string {
  const key = domain === "" ? opType : `${domain}.${opType}`;
  if (!Object.hasOwn(TABLES, key)) return "";
  const { positions, table } = TABLES[key];
  return positions === null || inputs[positions] === name ? (inputs[table] ?? "") : "";
}
