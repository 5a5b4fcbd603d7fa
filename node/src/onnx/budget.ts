/**
 * What one import may do (numerics, "Lowering": control flow is unrolled and shape arithmetic folded at import). A few hundred
 * bytes of a stranger's model can ask for hours of it: loops multiply, and one element can be made many. Nodes count each time
 * they are lowered, elements each time they are computed or written out. Refuses what goes beyond, before it is done.
 */

import { ImportBudgetError } from "./errors.ts";
import { sizeOf } from "./values.ts";
import { ROWS } from "./element-types.ts";
import type { DType, OnnxTensor } from "./element-types.ts";
import type { OnnxModel } from "./types.ts";

/** The most that one import does. */
export interface ImportLimits {
  /** Nodes lowered, those of loops in every turn. */
  readonly nodes: number;
  /** Elements of data that are made, of up to 8 bytes each, beyond {@link HELD_FACTOR} for every 8 bytes the model holds. */
  readonly elements: number;
  /** The most elements that what the model holds adds to those; {@link HELD_ELEMENTS} unless given. */
  readonly held?: number;
  /** Words of the program's constants. */
  readonly constants: number;
}

/** For the models of strangers: a few seconds. */
export const IMPORT_LIMITS: ImportLimits = { nodes: 2 ** 18, elements: 2 ** 25, constants: 2 ** 29 };

/** For models that a user imports: minutes, and gigabytes. */
export const OWN_MODEL_LIMITS: ImportLimits = {
  nodes: 1_000_000,
  elements: 2 ** 31,
  held: 2 ** 36,
  constants: 2 ** 36,
};

/**
 * Elements that may be made for every 8 bytes that the model holds: weights are turned, cut and packed a few times. Bytes
 * count, not elements: an element of 4 bits in the file is an integer of 64 once it is known.
 */
const HELD_FACTOR = 16;
const WIDEST_BYTES = 8;
/** A gibibyte, however much a model of a stranger holds: such bytes are outside of the limits of a heap. */
const HELD_ELEMENTS = 2 ** 27;

/** What a model's file holds. */
export interface HeldData {
  /** Bytes of its tensors, as the file packs them. */
  readonly bytes: number;
  /** Elements that become integers of 8 bytes as soon as they are known. */
  readonly widened: number;
}

/** What is left of an import's limits. */
export interface ImportBudget {
  /** Takes nodes at a node, or throws ImportBudgetError. */
  spendNodes(count: number, where: string): void;
  /** Takes elements at a node, or throws ImportBudgetError. */
  spendElements(count: number, where: string): void;
  /** Takes the words of a constant, or throws ImportBudgetError. */
  spendConstant(words: number, where: string): void;
}

/** A budget for a model that holds `held`: of which only what it widens is spent. Throws ImportBudgetError beyond it. */
export function createBudget(
  limits: ImportLimits = IMPORT_LIMITS,
  held: HeldData = { bytes: 0, widened: 0 },
): ImportBudget {
  const allowed = Math.min((HELD_FACTOR * held.bytes) / WIDEST_BYTES, limits.held ?? HELD_ELEMENTS);
  const most = { ...limits, elements: limits.elements + allowed };
  const spent = { nodes: 0, elements: 0, constants: 0 };
  const spend = (what: keyof typeof spent, count: number, where: string): void => {
    spent[what] += count;
    if (!(spent[what] <= most[what])) throw new ImportBudgetError(what, spent[what], most[what], where);
  };
  if (held.widened > 0) spend("elements", held.widened, "the initializers");
  return {
    spendNodes: (count, where) => spend("nodes", count, where),
    spendElements: (count, where) => spend("elements", count, where),
    spendConstant: (words, where) => spend("constants", words, where),
  };
}

/** What a model's file holds: its initializers, and the tensors of its Constant nodes. */
export function heldData({ graph }: OnnxModel): HeldData {
  let bytes = 0;
  let widened = 0;
  const hold = ({ dtype, shape }: OnnxTensor): void => {
    const size = sizeOf(shape);
    bytes += size * bytesOf(dtype);
    if (WIDENED.has(dtype)) widened += size;
  };
  for (const tensor of graph.initializers.values()) hold(tensor);
  for (const { opType, attributes } of graph.nodes) {
    const value = opType === "Constant" ? attributes.get("value") : undefined;
    if (value?.type === "tensor") hold(value.value);
  }
  return { bytes, widened };
}

const WIDENED: ReadonlySet<DType> = new Set<DType>(["int32", "uint32", "int16", "uint16", "bool"]);

function bytesOf(dtype: DType): number {
  if (dtype === "string") return 1;
  const { bits, lanes } = ROWS[dtype];
  return (bits * lanes) / 8;
}
