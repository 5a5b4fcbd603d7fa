/**
 * The primitives of a program while a model is lowered (spec, "Program"). Equal primitives are made once; a primitive of
 * known operands is evaluated on the spot, by the interpreter, so that folding never changes a bit; what no output needs is
 * dropped at the end, and the rest is merged (./fusion.ts). Refuses tensors and numbers of them beyond the program's limits.
 */

import { scalarHash } from "../ir/encode.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { PROGRAM_LIMITS, UNCHANGED } from "../ir/program.ts";
import type {
  Hash,
  OperandRef,
  PrimitiveNote,
  PrimitiveRecord,
  Program,
  Segment,
  Slot,
  TensorNote,
  TensorType,
} from "../ir/program.ts";
import type { ScalarProgram } from "../ir/scalar.ts";

import { tensorRoot } from "../merkle/tensor.ts";
import { sharedHasher } from "../merkle/wasm-hasher.ts";
import { createBudget } from "./budget.ts";
import type { ImportBudget } from "./budget.ts";
import { constantsOf } from "./constants.ts";
import type { Constants } from "./constants.ts";
import { ProgramLimitError } from "./errors.ts";
import { fused } from "./fusion.ts";
import type { FusionNode } from "./fusion.ts";
import { isKnown, knownFromWords, sizeOf, wordsOf, WORD_TYPE } from "./values.ts";
import type { ElementType, KnownValue, Payload, RuntimeTensor, Value } from "./values.ts";

/** Elements times iterations up to which a primitive of known operands is evaluated at import. */
export const FOLD_LIMIT = 2 ** 18;

/** A primitive to add: the values it reads, in the order of the scalar program's operands, and what it makes. */
export interface PrimitiveDraft {
  readonly operands: readonly Value[];
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly scalar: ScalarProgram;
}

/** A tensor of the claim's inputs. */
export interface InputDraft extends TensorType {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A slot and what it holds before step 0: input `initial`, or known data. */
export interface SlotDraft extends InputDraft {
  readonly initial: number | KnownValue;
}

/** A result of the program, or the next value of a slot. */
export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/** The inputs and slots that the segments of a program share. */
export interface GraphInterface {
  readonly inputs: InputDraft[];
  readonly slots: SlotDraft[];
}

export interface Graph {
  /** Adds an input of the program. */
  addInput(input: InputDraft, elementType: ElementType): Value;
  /** Adds an input and a slot that starts from it; the value is the slot's. */
  addSlot(input: InputDraft, elementType: ElementType): Value;
  /** Adds a slot that starts from known data. */
  addState(slot: InputDraft, initial: KnownValue): Value;
  /** Adds a primitive, or finds the equal one, or evaluates it where all operands are known and `fold` is set. */
  add(note: PrimitiveNote, draft: PrimitiveDraft, fold: boolean): Value;
  /**
   * The program of what was added. Every output and next value must be a primitive's. Constants are by root; their words are
   * read when asked for.
   * `states` holds the next value of each slot, in the order they were added.
   */
  finish(outputs: readonly NamedValue[], states: readonly Value[]): FinishedProgram;
  readonly interface: GraphInterface;
  /** What is left to the import that the graph belongs to. */
  readonly budget: ImportBudget;
  /** What was added, in order; a value's index counts these. */
  readonly primitives: readonly Drafted[];
}

export interface FinishedProgram {
  readonly program: Program;
  readonly constants: Constants;
}

/** A graph that runs for a number of steps: 0 in the last segment, which takes the rest. */
export interface SegmentDraft {
  readonly graph: Graph;
  readonly steps: number;
  readonly outputs: readonly NamedValue[];
  /** The next value of each slot, or null where the segment leaves it unchanged. */
  readonly states: readonly (Value | null)[];
}

export interface Drafted {
  readonly draft: PrimitiveDraft;
  readonly note: PrimitiveNote;
}

/** A graph without primitives, over the inputs and slots of another where those are given. */
export function createGraph(
  shared: GraphInterface = { inputs: [], slots: [] },
  budget: ImportBudget = createBudget(),
): Graph {
  const { inputs, slots } = shared;
  const primitives: Drafted[] = [];
  const byKey = new Map<string, Value>();
  const payloadIds = new Map<Payload, number>();

  const operandKey = (value: Value): string => {
    const { at } = value;
    if ("index" in at) return `${at.kind} ${at.index}`;
    const id = payloadIds.get(at) ?? payloadIds.size;
    payloadIds.set(at, id);
    return `known ${id}`;
  };

  const graph: Graph = {
    interface: shared,
    budget,
    primitives,
    addInput(input, elementType) {
      inputs.push(input);
      return runtime(elementType, input.shape, "input", inputs.length - 1, new Set([input.name]));
    },
    addSlot(input, elementType) {
      inputs.push(input);
      slots.push({ ...input, initial: inputs.length - 1 });
      return runtime(elementType, input.shape, "slot", slots.length - 1, new Set([input.name]));
    },
    addState(slot, initial) {
      slots.push({ ...slot, initial });
      return runtime(initial.elementType, slot.shape, "slot", slots.length - 1, new Set([slot.name]));
    },
    add(note, draft, folds) {
      const length = sizeOf(draft.shape);
      checkLength(length, note.name);
      const folded = folds ? fold(draft, length, note.name, budget) : null;
      if (folded !== null) return folded;
      const key = [draft.elementType, scalarHash(draft.scalar), ...draft.operands.map(operandKey)].join(" ");
      const found = byKey.get(key);
      if (found !== undefined) return { ...found, shape: draft.shape };
      primitives.push({ draft, note });
      const value = runtime(draft.elementType, draft.shape, "primitive", primitives.length - 1, joined(draft.operands));
      byKey.set(key, value);
      return value;
    },
    finish: (outputs, states) => finishProgram(shared, [{ graph, steps: 0, outputs, states }]),
  };
  return graph;
}

/** The program of segments that share inputs, slots and constants, each merged and without what it does not need. */
export function finishProgram(shared: GraphInterface, drafts: readonly SegmentDraft[]): FinishedProgram {
  const { inputs, slots } = shared;
  const [{ outputs, graph }] = drafts;
  const roots = createConstantRoots(graph.budget);
  const scalars = new Map<Hash, ScalarProgram>();
  const segments = drafts.map((draft) => finishSegment(draft, roots, scalars));
  for (const { length, name } of [...inputs, ...slots]) checkLength(length, name);
  checkCount("inputs", inputs.length);
  checkCount("stateTensors", slots.length + outputs.length);
  const tensorNote = ({ name, shape }: TensorNote): TensorNote => ({ name, shape: [...shape] });
  const program: Program = {
    inputs: inputs.map(({ type, length }) => ({ type, length })),
    slots: slots.map(({ name, type, length, initial }): Slot => {
      if (typeof initial === "number") return { type, length, initial: { kind: "input", index: initial } };
      return { type, length, initial: { kind: "constant", root: roots.rootOf(initial, name) } };
    }),
    outputs: outputs.map(({ value }) => ({ type: WORD_TYPE[value.elementType], length: sizeOf(value.shape) })),
    segments: segments.map(({ segment }) => segment),
    scalars,
    notes: {
      inputs: inputs.map(tensorNote),
      slots: slots.map(tensorNote),
      outputs: outputs.map(({ name, value }) => tensorNote({ name, shape: value.shape })),
      primitives: segments.map(({ notes }) => notes),
    },
  };
  return { program, constants: constantsOf(roots.values) };
}

function checkLength(length: number, name: string): void {
  if (length < 1 || length > PROGRAM_LIMITS.tensorLength) throw new ProgramLimitError("tensorLength", length, name);
}

function checkCount(limit: "inputs" | "stateTensors" | "records", count: number): void {
  if (count > PROGRAM_LIMITS[limit]) throw new ProgramLimitError(limit, count, "");
}

interface ConstantRoots {
  readonly values: Map<Hash, KnownValue>;
  rootOf(value: KnownValue, where: string): Hash;
}

function createConstantRoots(budget: ImportBudget): ConstantRoots {
  const values = new Map<Hash, KnownValue>();
  const byPayload = new Map<Payload, Hash>();
  return {
    values,
    rootOf(value, where) {
      const known = byPayload.get(value.at);
      if (known !== undefined) return known;
      budget.spendConstant(sizeOf(value.shape), where);
      const root = tensorRoot(wordsOf(value, where), sharedHasher());
      byPayload.set(value.at, root);
      // Tensors that differ by zeros at their end alone have one root; the longest holds the words of all.
      const held = values.get(root);
      if (held === undefined || sizeOf(held.shape) < sizeOf(value.shape)) values.set(root, value);
      return root;
    },
  };
}

function finishSegment(
  { graph, steps, outputs, states }: SegmentDraft,
  roots: ConstantRoots,
  scalars: Map<Hash, ScalarProgram>,
): { segment: Segment; notes: readonly PrimitiveNote[] } {
  const ends = [...outputs.map(({ value }) => value), ...states.filter((value) => value !== null)];
  const bound = ends.map(({ at }) => {
    if (at.kind !== "primitive") throw new TypeError(`a ${at.kind} is bound where a primitive is expected`);
    return at.index;
  });
  const { nodes, holder } = fused(neededNodes(graph.primitives, bound), bound);
  const order = nodes.flatMap((node, index) => (node === null ? [] : [index]));
  checkCount("records", order.length);
  const position = new Map(order.map((index, place) => [index, place]));
  const operandRef = (value: Value, where: string): OperandRef => {
    const type = WORD_TYPE[value.elementType];
    const length = sizeOf(value.shape);
    if (isKnown(value)) return { kind: "constant", type, length, root: roots.rootOf(value, where) };
    const at = value.at as RuntimeTensor;
    const index = at.kind === "primitive" ? position.get(at.index)! : at.index;
    return { kind: at.kind, type, length, index };
  };
  const records = order.map((index): PrimitiveRecord => {
    const { scalar, operands, note, elementType, shape } = nodes[index]!;
    const hash = scalarHash(scalar);
    if (!scalars.has(hash)) scalars.set(hash, scalar);
    const references = operands.map((operand) => operandRef(operand, note.name));
    return { scalar: hash, type: WORD_TYPE[elementType], length: sizeOf(shape), operands: references };
  });
  const bind = (value: Value | null): number => {
    if (value === null) return UNCHANGED;
    return position.get(holder((value.at as RuntimeTensor).index))!;
  };
  return {
    segment: {
      records,
      steps,
      slotBindings: states.map(bind),
      outputBindings: outputs.map(({ value }) => bind(value)),
    },
    notes: order.map((index) => nodes[index]!.note),
  };
}

function runtime(
  elementType: ElementType,
  shape: readonly number[],
  kind: "primitive" | "slot" | "input",
  index: number,
  sources: ReadonlySet<string>,
): Value {
  return { elementType, shape, at: { kind, index }, sources };
}

function fold(draft: PrimitiveDraft, length: number, where: string, budget: ImportBudget): KnownValue | null {
  const { operands, scalar, elementType, shape } = draft;
  const work = length * (scalar.loop?.count ?? 1);
  if (work > FOLD_LIMIT || !operands.every(isKnown)) return null;
  budget.spendElements(work, where);
  const held = operands.map((operand) => wordsOperand(WORD_TYPE[operand.elementType], wordsOf(operand, where)));
  const words = evaluatePrimitive(scalar, 0, held, length);
  return knownFromWords(elementType, shape, words);
}

function joined(values: readonly Value[]): ReadonlySet<string> {
  const [first = new Set<string>(), ...rest] = values.map(({ sources }) => sources).filter(({ size }) => size > 0);
  // Most values of a model depend on the same inputs; sharing the set keeps this cheap.
  const more = rest.filter((set) => set !== first && !set.isSubsetOf(first));
  return more.length === 0 ? first : more.reduce<ReadonlySet<string>>((all, set) => all.union(set), first);
}

/** The primitives that `ends` need, at their indices. */
function neededNodes(primitives: readonly Drafted[], ends: readonly number[]): (FusionNode | null)[] {
  const nodes = new Array<FusionNode | null>(primitives.length).fill(null);
  const needed = new Set(ends);
  for (let index = primitives.length - 1; index >= 0; index--) {
    if (!needed.has(index)) continue;
    const { draft, note } = primitives[index];
    nodes[index] = { ...draft, note };
    for (const { at } of draft.operands) if (at.kind === "primitive") needed.add(at.index);
  }
  return nodes;
}
