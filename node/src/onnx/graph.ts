/**
 * The primitives of a program while a model is lowered (spec, "Program"). Equal primitives are made once; a primitive of
 * known operands is evaluated on the spot, by the interpreter, so that folding never changes a bit; what no output needs is
 * dropped at the end. Refuses tensors beyond the program's limits.
 */

import { scalarHash } from "../ir/encode.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { PROGRAM_LIMITS } from "../ir/program.ts";
import type {
  Hash,
  OperandRef,
  PrimitiveNote,
  PrimitiveRecord,
  Program,
  Slot,
  TensorNote,
  TensorType,
} from "../ir/program.ts";
import type { ScalarProgram } from "../ir/scalar.ts";

import { tensorRoot } from "../merkle/tensor.ts";
import { sharedHasher } from "../merkle/wasm-hasher.ts";
import { constantsOf } from "./constants.ts";
import type { Constants } from "./constants.ts";
import { ProgramLimitError } from "./errors.ts";
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

/** A slot whose first value is input `input`. */
export interface SlotDraft extends InputDraft {
  readonly input: number;
}

/** A result of the program, or the next value of a slot. */
export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

export interface Graph {
  /** Adds an input of the program. */
  addInput(input: InputDraft, elementType: ElementType): Value;
  /** Adds an input and a slot that starts from it; the value is the slot's. */
  addSlot(input: InputDraft, elementType: ElementType): Value;
  /** Adds a primitive, or finds the equal one, or evaluates it where all operands are known and `fold` is set. */
  add(note: PrimitiveNote, draft: PrimitiveDraft, fold: boolean): Value;
  /**
   * The program of what was added. Every output and next value must be a primitive's. Constants are by root; their words are
   * read when asked for.
   * `states` holds the next value of each slot, in the order they were added.
   */
  finish(outputs: readonly NamedValue[], states: readonly Value[]): { program: Program; constants: Constants };
}

interface Drafted {
  readonly draft: PrimitiveDraft;
  readonly hash: Hash;
  readonly note: PrimitiveNote;
}

export function createGraph(): Graph {
  const inputs: InputDraft[] = [];
  const slots: SlotDraft[] = [];
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

  return {
    addInput(input, elementType) {
      inputs.push(input);
      return runtime(elementType, input.shape, "input", inputs.length - 1, new Set([input.name]));
    },
    addSlot(input, elementType) {
      inputs.push(input);
      slots.push({ ...input, input: inputs.length - 1 });
      return runtime(elementType, input.shape, "slot", slots.length - 1, new Set([input.name]));
    },
    add(note, draft, folds) {
      const length = sizeOf(draft.shape);
      if (length < 1 || length > PROGRAM_LIMITS.tensorLength)
        throw new ProgramLimitError("tensorLength", length, note.name);
      const folded = folds ? fold(draft, length, note.name) : null;
      if (folded !== null) return folded;
      const hash = scalarHash(draft.scalar);
      const key = [draft.elementType, hash, ...draft.operands.map(operandKey)].join(" ");
      const found = byKey.get(key);
      if (found !== undefined) return { ...found, shape: draft.shape };
      primitives.push({ draft, hash, note });
      const value = runtime(draft.elementType, draft.shape, "primitive", primitives.length - 1, joined(draft.operands));
      byKey.set(key, value);
      return value;
    },
    finish(outputs, states) {
      const roots = [...outputs.map(({ value }) => value), ...states];
      const { order, position } = reachable(primitives, roots);
      if (order.length > PROGRAM_LIMITS.records) throw new ProgramLimitError("records", order.length, "");
      const constants = new Map<Hash, KnownValue>();
      const constantRoots = new Map<Payload, Hash>();
      const rootOf = (value: KnownValue, where: string): Hash => {
        const known = constantRoots.get(value.at);
        if (known !== undefined) return known;
        const root = tensorRoot(wordsOf(value, where), sharedHasher());
        constantRoots.set(value.at, root);
        if (!constants.has(root)) constants.set(root, value);
        return root;
      };
      const operandRef = (value: Value, where: string): OperandRef => {
        const type = WORD_TYPE[value.elementType];
        const length = sizeOf(value.shape);
        if (isKnown(value)) return { kind: "constant", type, length, root: rootOf(value, where) };
        const at = value.at as RuntimeTensor;
        const index = at.kind === "primitive" ? position.get(at.index)! : at.index;
        return { kind: at.kind, type, length, index };
      };
      const scalars = new Map<Hash, ScalarProgram>();
      const records = order.map((index): PrimitiveRecord => {
        const { draft, hash, note } = primitives[index];
        if (!scalars.has(hash)) scalars.set(hash, draft.scalar);
        const operands = draft.operands.map((operand) => operandRef(operand, note.name));
        return { scalar: hash, type: WORD_TYPE[draft.elementType], length: sizeOf(draft.shape), operands };
      });
      const bind = ({ at }: Value): number => {
        if (at.kind !== "primitive") throw new TypeError(`a ${at.kind} is bound where a primitive is expected`);
        return position.get(at.index)!;
      };
      const tensorNote = ({ name, shape }: TensorNote): TensorNote => ({ name, shape: [...shape] });
      const program: Program = {
        inputs: inputs.map(({ type, length }) => ({ type, length })),
        slots: slots.map(({ type, length, input }): Slot => ({
          type,
          length,
          initial: { kind: "input", index: input },
        })),
        outputs: outputs.map(({ value }) => ({ type: WORD_TYPE[value.elementType], length: sizeOf(value.shape) })),
        segments: [
          {
            records,
            steps: 0,
            slotBindings: states.map(bind),
            outputBindings: outputs.map(({ value }) => bind(value)),
          },
        ],
        scalars,
        notes: {
          inputs: inputs.map(tensorNote),
          slots: slots.map(tensorNote),
          outputs: outputs.map(({ name, value }) => tensorNote({ name, shape: value.shape })),
          primitives: [order.map((index) => primitives[index].note)],
        },
      };
      return { program, constants: constantsOf(constants) };
    },
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

function fold(draft: PrimitiveDraft, length: number, where: string): KnownValue | null {
  const { operands, scalar, elementType, shape } = draft;
  if (length * (scalar.loop?.count ?? 1) > FOLD_LIMIT || !operands.every(isKnown)) return null;
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

/** The primitives that `roots` need, in order, and the place of each there. */
function reachable(
  primitives: readonly Drafted[],
  roots: readonly Value[],
): { order: number[]; position: Map<number, number> } {
  const needed = new Uint8Array(primitives.length);
  const mark = ({ at }: Value): void => {
    if (at.kind === "primitive") needed[at.index] = 1;
  };
  roots.forEach(mark);
  for (let index = primitives.length - 1; index >= 0; index--) {
    if (needed[index] === 1) primitives[index].draft.operands.forEach(mark);
  }
  const order = primitives.map((_, index) => index).filter((index) => needed[index] === 1);
  return { order, position: new Map(order.map((index, place) => [index, place])) };
}
