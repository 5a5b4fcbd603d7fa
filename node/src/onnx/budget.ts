/**
 * What one import may do (numerics, "Lowering": control flow is unrolled and shape arithmetic folded at import). A few hundred
 * bytes of a stranger's model can ask for hours of it: loops multiply, and one element can be made many. Nodes count each time
 * they are lowered, elements each time they are computed or written out. Refuses what goes beyond, before it is done.
 */

import { ImportBudgetError } from "./errors.ts";
import { sizeOf } from "./values.ts";
import type { OnnxModel } from "./types.ts";

/** The most that one import does. */
export interface ImportLimits {
  /** Nodes lowered, those of loops in every turn. */
  readonly nodes: number;
  /** Elements of data that are made, beyond {@link HELD_FACTOR} for each element that the model holds. */
  readonly elements: number;
  /** Words of the program's constants. */
  readonly constants: number;
}

/** For the models of strangers: a few seconds. */
export const IMPORT_LIMITS: ImportLimits = { nodes: 2 ** 18, elements: 2 ** 25, constants: 2 ** 29 };

/** For models that a user imports: minutes, and gigabytes. */
export const OWN_MODEL_LIMITS: ImportLimits = { nodes: 1_000_000, elements: 2 ** 31, constants: 2 ** 36 };

/** Elements that may be made for each that the model holds: weights are turned, cut and packed a few times. */
const HELD_FACTOR = 16;

/** What is left of an import's limits. */
export interface ImportBudget {
  /** Takes nodes at a node, or throws ImportBudgetError. */
  spendNodes(count: number, where: string): void;
  /** Takes elements at a node, or throws ImportBudgetError. */
  spendElements(count: number, where: string): void;
  /** Takes the words of a constant, or throws ImportBudgetError. */
  spendConstant(words: number, where: string): void;
}

/** A budget of which nothing is spent, for a model that holds `held` elements. */
export function createBudget(limits: ImportLimits = IMPORT_LIMITS, held = 0): ImportBudget {
  const most = { ...limits, elements: limits.elements + HELD_FACTOR * held };
  const spent = { nodes: 0, elements: 0, constants: 0 };
  const spend = (what: keyof ImportLimits, count: number, where: string): void => {
    spent[what] += count;
    if (!(spent[what] <= most[what])) throw new ImportBudgetError(what, spent[what], most[what], where);
  };
  return {
    spendNodes: (count, where) => spend("nodes", count, where),
    spendElements: (count, where) => spend("elements", count, where),
    spendConstant: (words, where) => spend("constants", words, where),
  };
}

/** Elements that a model's file holds: its initializers, and the tensors of its Constant nodes. */
export function heldElements({ graph }: OnnxModel): number {
  let held = 0;
  for (const { shape } of graph.initializers.values()) held += sizeOf(shape);
  for (const { opType, attributes } of graph.nodes) {
    const value = opType === "Constant" ? attributes.get("value") : undefined;
    if (value?.type === "tensor") held += sizeOf(value.value.shape);
  }
  return held;
}
