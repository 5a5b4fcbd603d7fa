/**
 * Scalar programs written anew through the builder (spec, "Scalar program"), with digits, loads and operands replaced on the
 * way: what merging primitives is made of. The instructions on values stay as they are and in their order, so bits do.
 */

import { fromBits } from "../float/words.ts";
import type { PatternDigits, ScalarBuilder, Value as Register } from "../ir/build.ts";
import { OPCODES } from "../ir/opcodes.ts";
import type { PureOpcode } from "../ir/opcodes.ts";
import { registerLayout } from "../ir/scalar.ts";
import type { Constant, Instruction, LoadPattern, ScalarProgram } from "../ir/scalar.ts";
import { buildScalar } from "../ir/build.ts";
import { formsOf } from "./fusion-address.ts";
import type { Form } from "./fusion-address.ts";

/** The word that a load gives, or null for the same load of the operand's new place. `registers` are the old program's. */
export type ReadReplacement = (instruction: Instruction, registers: readonly Register[]) => Register | null;

export interface Replay {
  readonly program: ScalarProgram;
  /** The digits of the element index, one per extent of the program. */
  readonly digits: readonly Register[];
  /** The operand's index in the new program, by its index in the old one. */
  readonly operands: readonly number[];
  readonly read?: ReadReplacement;
}

/** The program's result, computed in the program under construction. */
export function replay(b: ScalarBuilder, { program, digits, operands, read }: Replay): Register {
  const layout = registerLayout(program);
  const registers: Register[] = [];
  program.constants.forEach(({ type, word }, register) => {
    registers[register] = b.word(type, word);
  });
  registers[layout.step] = b.step;
  digits.forEach((digit, index) => {
    registers[layout.digits + index] = digit;
  });
  const run = (section: readonly Instruction[], first: number): void =>
    section.forEach((instruction, index) => {
      registers[first + index] = written(instruction);
    });
  const written = (instruction: Instruction): Register => {
    const { op, imm, a, b: second, c } = instruction;
    if (op === "load" || op === "gather") {
      const replaced = read?.(instruction, registers) ?? null;
      if (replaced !== null) return replaced;
      if (op === "gather") return b.gather(operands[imm], registers[a]);
      const pattern = second === 0 ? undefined : patternOf(program.patterns[second - 1]);
      return b.load(operands[imm], registers[a], pattern);
    }
    return applied(
      b,
      op,
      imm,
      [a, second, c].slice(0, OPCODES[op].arguments.length).map((register) => registers[register]),
    );
  };
  const place = (first: number, values: readonly Register[]): void =>
    values.forEach((value, index) => {
      registers[first + index] = value;
    });

  run(program.prologue, layout.prologue);
  const { loop } = program;
  if (loop !== null) {
    const finals = b.loop({
      count: loop.count,
      start: loop.start,
      lanes: loop.lanes,
      single: loop.single,
      carried: loop.carried.map(({ init, totalInit }) => {
        const { type } = program.constants[init];
        const from = loop.continued ? { from: registers[totalInit] } : {};
        return { type, init: literal(program.constants[init]), ...from };
      }),
      body: ({ k, carried }) => {
        registers[layout.counter] = k;
        place(layout.carried, carried);
        run(loop.body, layout.body);
        return loop.carried.map(({ bodyOut }) => registers[bodyOut]);
      },
      combine: (totals, blocks) => {
        place(layout.totals, totals);
        place(layout.blocks, blocks);
        run(loop.combine, layout.combine);
        return loop.carried.map(({ combineOut }) => registers[combineOut]);
      },
    });
    place(layout.finals, finals);
  }
  run(program.epilogue, layout.epilogue);
  return registers[program.result];
}

/** The digits of a pattern, slowest first. */
export function patternOf(pattern: LoadPattern): PatternDigits {
  return pattern.map(({ extent, stride }) => [extent, stride] as const);
}

function literal({ type, word }: Constant): number | boolean {
  return type === "f32" ? fromBits(word) : type === "bool" ? word !== 0 : word | 0;
}

function applied(b: ScalarBuilder, op: PureOpcode, imm: number, values: readonly Register[]): Register {
  if (op === "shl" || op === "shrS" || op === "shrU") return b[op](values[0], imm);
  const method = b[op] as (...terms: readonly Register[]) => Register;
  return method(...values);
}

/** constant + sum of multiple * digit. */
export function affine(b: ScalarBuilder, constant: number, terms: readonly (readonly [Register, number])[]): Register {
  return terms.reduce((address, [digit, multiple]) => b.addI(b.mulI(digit, multiple), address), b.i32(constant));
}

/** Whether an element depends on its digits or the step by other ways than the addresses of loads that have a form. */
export function usesDigits(program: ScalarProgram): boolean {
  const { layout, of } = formsOf(program);
  const { loop } = program;
  const instructions: Instruction[] = [];
  program.prologue.forEach((instruction, index) => (instructions[layout.prologue + index] = instruction));
  loop?.body.forEach((instruction, index) => (instructions[layout.body + index] = instruction));
  loop?.combine.forEach((instruction, index) => (instructions[layout.combine + index] = instruction));
  program.epilogue.forEach((instruction, index) => (instructions[layout.epilogue + index] = instruction));
  const seen = new Set<number>();
  const reaches = (register: number): boolean => {
    if (seen.has(register)) return false;
    seen.add(register);
    if (register >= layout.step && register < layout.prologue) return true;
    const instruction = instructions[register];
    if (instruction === undefined) return false;
    const { op, a, b, c } = instruction;
    if (op === "load") return (of[a] ?? null) === null && reaches(a);
    return [a, b, c].slice(0, OPCODES[op].arguments.length).some(reaches);
  };
  const ends = (loop?.carried ?? []).flatMap(({ bodyOut, combineOut, totalInit }) => [
    bodyOut,
    combineOut,
    ...(loop?.continued === true ? [totalInit] : []),
  ]);
  return [...ends, program.result].some(reaches);
}

/** All instructions that read an operand. */
export function readsOf({ prologue, loop, epilogue }: ScalarProgram, operand?: number): Instruction[] {
  return [...prologue, ...(loop?.body ?? []), ...(loop?.combine ?? []), ...epilogue].filter(
    ({ op, imm }) => (op === "load" || op === "gather") && (operand === undefined || imm === operand),
  );
}

/** The same program over the fewest digits: neighbours that every address walks as one are joined. */
export function joinedDigits(program: ScalarProgram): ScalarProgram {
  if (usesDigits(program)) return program;
  const { of } = formsOf(program);
  const forms = readsOf(program).map(({ op, a }) => (op === "gather" ? null : (of[a] ?? null)));
  if (forms.some((form) => form === null)) return program;
  const { extents, kept } = joinedExtents(program.extents, forms as readonly Form[]);
  if (extents.length === program.extents.length) return program;
  const signature = { operands: program.operandTypes, output: program.outputType, extents };
  return buildScalar(signature, (b) =>
    replay(b, {
      program,
      digits: program.extents.map(() => b.i32(0)),
      operands: program.operandTypes.map((_, operand) => operand),
      read: ({ op, imm, a, b: second }) => {
        const form = op === "gather" ? null : of[a];
        if (form === null) return null;
        const base = affine(
          b,
          form.constant,
          b.digits.map((digit, index) => [digit, kept[index] < 0 ? 0 : form.coefficients[kept[index]]] as const),
        );
        return b.load(imm, base, second === 0 ? undefined : patternOf(program.patterns[second - 1]));
      },
    }),
  );
}

/** Extents with neighbours joined, and the old digit whose coefficients each new one has (-1: none). */
function joinedExtents(
  extents: readonly number[],
  forms: readonly Form[],
): { extents: readonly number[]; kept: readonly number[] } {
  const joined: number[] = [];
  const kept: number[] = [];
  extents.forEach((extent, digit) => {
    if (extent === 1) return;
    const outer = kept.at(-1);
    const isOne =
      outer !== undefined && forms.every(({ coefficients }) => coefficients[outer] === coefficients[digit] * extent);
    if (isOne) {
      joined[joined.length - 1] *= extent;
      kept[kept.length - 1] = digit;
    } else {
      joined.push(extent);
      kept.push(digit);
    }
  });
  return joined.length === 0 ? { extents: [1], kept: [-1] } : { extents: joined, kept };
}
