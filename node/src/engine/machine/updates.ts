/**
 * How the slots of a program get their next values in the memory that holds them: where a primitive reads a slot only at the
 * element that it writes, it writes the slot in place; where it keeps the old word unless a condition holds that is the same
 * for whole rows, only those rows are computed. What is not recognised is computed beside the slot and copied.
 */
import { UNCHANGED } from "../../ir/program.ts";
import type { Program, Segment } from "../../ir/program.ts";
import { registerLayout } from "../../ir/scalar.ts";
import type { Instruction, RegisterLayout, ScalarProgram } from "../../ir/scalar.ts";
import { analyse } from "../wasm/analysis.ts";
import type { AffineForm } from "../wasm/analysis.ts";
import { scalarOf } from "./runner-engine.ts";

/** A primitive that keeps the old word of a slot unless a condition holds. */
export interface KeptRows {
  /** The register of the condition, a mask. */
  readonly condition: number;
  /** Whether a row is written where the condition holds; else where it does not. */
  readonly writesWhere: boolean;
  /** The digits of more than one value that the condition depends on, ascending. */
  readonly digits: readonly number[];
}

/** How a slot gets its next value. */
export type SlotUpdate =
  | { readonly kind: "unchanged" }
  /** `primitive` writes the slot itself. */
  | { readonly kind: "inPlace"; readonly primitive: number; readonly access: OwnAccess }
  /** The output of `primitive` is copied after the step. */
  | { readonly kind: "copied"; readonly primitive: number };

/**
 * What a primitive does with the old words of what it overwrites: nothing; reads them, so that no element may be computed
 * twice; or keeps them, so that computing an element twice gives the same.
 */
export type OwnAccess =
  | { readonly kind: "blind" }
  | { readonly kind: "reading" }
  | { readonly kind: "keeping"; readonly rows: KeptRows | null };

/** How each slot of the program gets its next value in a segment. */
export function slotUpdates(program: Program, segment: Segment): SlotUpdate[] {
  const owners = new Set<number>();
  return segment.slotBindings.map((primitive, slot): SlotUpdate => {
    if (primitive === UNCHANGED) return { kind: "unchanged" };
    const copied: SlotUpdate = { kind: "copied", primitive };
    if (owners.has(primitive)) return copied;
    const isReadLater = segment.records.slice(primitive + 1).some(({ operands }) => operands.some(isSlot(slot)));
    if (isReadLater) return copied;
    const record = segment.records[primitive];
    const own = new Set([...record.operands.keys()].filter((index) => isSlot(slot)(record.operands[index])));
    const access = ownAccess(scalarOf(program, record.scalar), own);
    if (access === null) return copied;
    owners.add(primitive);
    return { kind: "inPlace", primitive, access };
  });
}

const isSlot =
  (slot: number) =>
  (operand: Segment["records"][number]["operands"][number]): boolean =>
    operand.kind === "slot" && operand.index === slot;

/** How a program uses operands that are what it writes; null where it reads them at other elements than its own. */
export function ownAccess(program: ScalarProgram, own: ReadonlySet<number>): OwnAccess | null {
  if (own.size === 0) return { kind: "blind" };
  const { forms } = analyse(program);
  const layout = registerLayout(program);
  const isOwn = ({ op, imm }: Instruction): boolean => (op === "load" || op === "gather") && own.has(imm);
  const all = [
    ...program.prologue,
    ...(program.loop?.body ?? []),
    ...(program.loop?.combine ?? []),
    ...program.epilogue,
  ];
  const readsElsewhere = all.some((instruction) => {
    if (!isOwn(instruction)) return false;
    return instruction.op !== "load" || instruction.b !== 0 || !isOwnIndex(program, layout, forms[instruction.a]);
  });
  if (readsElsewhere) return null;
  const kept = keptRows(program, layout, isOwn);
  return kept === null ? { kind: "reading" } : kept;
}

/** Whether an address is the index of the element itself. */
function isOwnIndex({ extents }: ScalarProgram, { digits }: RegisterLayout, form: AffineForm | null): boolean {
  if (form === null || form.constant !== 0) return false;
  const terms = new Map(form.terms);
  let stride = 1;
  for (let digit = extents.length - 1; digit >= 0; digit--) {
    if (extents[digit] > 1 && (terms.get(digits + digit) ?? 0) !== stride) return false;
    terms.delete(digits + digit);
    stride *= extents[digit];
  }
  return terms.size === 0;
}

/** What a register depends on. */
interface Dependence {
  readonly digits: ReadonlySet<number>;
  readonly ownWord: boolean;
  readonly loop: boolean;
}

function keptRows(
  program: ScalarProgram,
  layout: RegisterLayout,
  isOwn: (instruction: Instruction) => boolean,
): OwnAccess | null {
  const instruction = instructionOf(program, layout, program.result);
  if (instruction?.op !== "select") return null;
  const dependences = dependencesOf(program, layout, isOwn);
  const { a: condition, b: whereTrue, c: whereFalse } = instruction;
  const isOld = (register: number): boolean => {
    const found = instructionOf(program, layout, register);
    return found !== null && isOwn(found);
  };
  const writesWhere = isOld(whereFalse);
  const value = writesWhere ? whereTrue : whereFalse;
  if (!(writesWhere || isOld(whereTrue)) || dependences[value].ownWord || dependences[condition].ownWord) return null;
  if (dependences[condition].loop) return { kind: "keeping", rows: null };
  const digits = [...dependences[condition].digits].toSorted((x, y) => x - y);
  return { kind: "keeping", rows: { condition, writesWhere, digits } };
}

function instructionOf(program: ScalarProgram, layout: RegisterLayout, register: number): Instruction | null {
  if (register >= layout.epilogue) return program.epilogue[register - layout.epilogue] ?? null;
  if (register >= layout.prologue && register < layout.counter) return program.prologue[register - layout.prologue];
  return null;
}

// By register; of those of a loop no more than that they are of it.
function dependencesOf(
  program: ScalarProgram,
  layout: RegisterLayout,
  isOwn: (instruction: Instruction) => boolean,
): Dependence[] {
  const none: Dependence = { digits: new Set(), ownWord: false, loop: false };
  const usesOwn = [...(program.loop?.body ?? []), ...(program.loop?.combine ?? [])].some(isOwn);
  const looped: Dependence = { digits: new Set(program.extents.keys()), ownWord: usesOwn, loop: true };
  const found = Array.from({ length: layout.end }, (_, register): Dependence => {
    return register >= layout.counter && register < layout.epilogue ? looped : none;
  });
  program.extents.forEach((extent, digit) => {
    if (extent > 1) found[layout.digits + digit] = { ...none, digits: new Set([digit]) };
  });
  const section = (instructions: readonly Instruction[], first: number): void => {
    instructions.forEach((instruction, index) => {
      const { op, a, b, c } = instruction;
      // Unused arguments are 0, a constant or the step, on which nothing depends.
      const parts = (op === "load" ? [a] : [a, b, c]).map((register) => found[register]);
      found[first + index] = {
        digits: new Set(parts.flatMap(({ digits }) => [...digits])),
        ownWord: isOwn(instruction) || parts.some(({ ownWord }) => ownWord),
        loop: parts.some(({ loop }) => loop),
      };
    });
  };
  section(program.prologue, layout.prologue);
  if (program.loop?.carried.some(({ totalInit }) => found[totalInit].ownWord) === true) {
    for (let register = layout.counter; register < layout.epilogue; register++) {
      found[register] = { ...looped, ownWord: true };
    }
  }
  section(program.epilogue, layout.epilogue);
  return found;
}
