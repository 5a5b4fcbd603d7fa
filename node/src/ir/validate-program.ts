/**
 * Refuses programs that are not well formed (spec, "Program"): counts and lengths out of range, records that disagree with
 * their scalar programs or with the tensors they read, bindings that do not fit. Each rule has a name, which the error
 * carries. A node bonds only for programs that pass.
 */

import { LockstepError } from "../float/errors.ts";
import { scalarHash } from "./encode.ts";
import { WORD_TYPES } from "./opcodes.ts";
import { PROGRAM_LIMITS, UNCHANGED, ZERO_HASH } from "./program.ts";
import type { Hash, OperandRef, PrimitiveRecord, Program, Segment, TensorType } from "./program.ts";
import { outputLength } from "./scalar.ts";
import { validateScalar } from "./validate.ts";

/** Every rule, by name. */
export const PROGRAM_RULES = [
  "segment-count",
  "segment-steps",
  "record-count",
  "input-count",
  "state-count",
  "output-count",
  "tensor-type",
  "constant-root",
  "slot-initial",
  "scalar-missing",
  "scalar-hash",
  "operand-count",
  "operand-scalar-type",
  "operand-index",
  "operand-tensor",
  "output-tensor",
  "binding-count",
  "binding-index",
  "binding-tensor",
] as const;

export type ProgramRule = (typeof PROGRAM_RULES)[number];

/** A program breaks `rule`. */
export class InvalidProgramError extends LockstepError {
  readonly rule: ProgramRule;

  constructor(rule: ProgramRule, message: string, values: Record<string, unknown> = {}) {
    super("InvalidProgramError", `${rule}: ${message}`, { rule, ...values });
    this.rule = rule;
  }
}

/** Checks every rule. @throws InvalidProgramError, or InvalidScalarProgramError for a scalar program that a record names */
export function validateProgram(program: Program): void {
  const { inputs, slots, outputs, segments } = program;
  limit("segment-count", segments.length, 1, PROGRAM_LIMITS.segments);
  limit("input-count", inputs.length, 0, PROGRAM_LIMITS.inputs);
  limit("output-count", outputs.length, 1, PROGRAM_LIMITS.stateTensors);
  limit("state-count", slots.length + outputs.length, 1, PROGRAM_LIMITS.stateTensors);
  for (const [list, tensors] of Object.entries({ inputs, slots, outputs })) {
    tensors.forEach((tensor, index) => checkTensor(tensor, { list, index }));
  }
  slots.forEach(({ initial, ...slot }, index) => {
    if (initial.kind === "constant") return checkRoot(initial.root, { slot: index });
    const source = inputs[initial.index];
    if (source === undefined || !sameTensor(source, slot)) {
      fail("slot-initial", `slot ${index} cannot start from input ${initial.index}`, {
        slot: index,
        input: initial.index,
      });
    }
  });

  const checked = new Set<Hash>();
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    limit("segment-steps", segment.steps, last ? 0 : 1, last ? 0 : PROGRAM_LIMITS.stepsField, { segment: index });
    limit("record-count", segment.records.length, 1, PROGRAM_LIMITS.records, { segment: index });
    segment.records.forEach((record, primitive) => {
      const where = { segment: index, primitive };
      checkTensor(record, where);
      checkScalar(program, record, checked, where);
      record.operands.forEach((operand, position) => {
        checkOperand(program, segment, operand, primitive, { ...where, operand: position });
      });
    });
    checkBindings(program, segment, index);
  });
}

function checkScalar(program: Program, record: PrimitiveRecord, checked: Set<Hash>, where: Where): void {
  const scalar = program.scalars.get(record.scalar);
  if (scalar === undefined) return fail("scalar-missing", `scalar program ${record.scalar}`, where);
  if (!checked.has(record.scalar)) {
    validateScalar(scalar);
    const actual = scalarHash(scalar);
    if (actual !== record.scalar) fail("scalar-hash", `the scalar program's hash is ${actual}`, { ...where, actual });
    checked.add(record.scalar);
  }
  const { operandTypes, outputType } = scalar;
  if (record.operands.length !== operandTypes.length) {
    fail("operand-count", `the scalar program takes ${operandTypes.length} operands`, where);
  }
  record.operands.forEach(({ type }, operand) => {
    if (type !== operandTypes[operand]) {
      fail("operand-scalar-type", `the scalar program takes ${operandTypes[operand]}, not ${type}`, {
        ...where,
        operand,
      });
    }
  });
  const length = outputLength(scalar);
  if (record.length !== length || record.type !== outputType) {
    fail("output-tensor", `the scalar program gives ${length} words of ${outputType}`, {
      ...where,
      length: record.length,
    });
  }
}

function checkOperand(
  { inputs, slots }: Program,
  { records }: Segment,
  operand: OperandRef,
  primitive: number,
  where: Where,
): void {
  checkTensor(operand, where);
  if (operand.kind === "constant") return checkRoot(operand.root, where);
  const { kind, index } = operand;
  const table: readonly TensorType[] = kind === "primitive" ? records : kind === "slot" ? slots : inputs;
  const named = table[index];
  if (named === undefined || (kind === "primitive" && index >= primitive))
    return fail("operand-index", `there is no ${kind} ${index} to read`, { ...where, kind, index });
  if (!sameTensor(named, operand)) {
    fail("operand-tensor", `${kind} ${index} has ${named.length} words of ${named.type}`, { ...where, kind, index });
  }
}

function checkBindings({ slots, outputs }: Program, segment: Segment, index: number): void {
  const { records, slotBindings, outputBindings } = segment;
  if (slotBindings.length !== slots.length || outputBindings.length !== outputs.length) {
    fail("binding-count", "one binding per slot and one per output", { segment: index });
  }
  const check = (binding: number, target: TensorType, where: Where): void => {
    const source = records[binding];
    if (source === undefined) return fail("binding-index", `there is no primitive ${binding}`, where);
    if (!sameTensor(source, target)) fail("binding-tensor", `primitive ${binding} does not fit`, where);
  };
  slots.forEach((slot, item) => {
    if (slotBindings[item] !== UNCHANGED) check(slotBindings[item], slot, { segment: index, slot: item });
  });
  outputs.forEach((output, item) => check(outputBindings[item], output, { segment: index, output: item }));
}

type Where = Record<string, unknown>;

function checkTensor({ type, length }: TensorType, where: Where): void {
  if (!WORD_TYPES.includes(type)) fail("tensor-type", `${String(type)} is no word type`, where);
  limit("tensor-type", length, 1, PROGRAM_LIMITS.tensorLength, where);
}

function checkRoot(root: Hash, where: Where): void {
  // No tensor has this root: a tree's first leaf is a hash, and the node above it too.
  if (root === ZERO_HASH) fail("constant-root", "the root is zero", where);
}

function sameTensor(left: TensorType, right: TensorType): boolean {
  return left.type === right.type && left.length === right.length;
}

function limit(rule: ProgramRule, value: number, least: number, most: number, values: Where = {}): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  fail(rule, `${value} is not in ${least}..${most}`, { ...values, value, least, most });
}

function fail(rule: ProgramRule, message: string, values: Where): never {
  throw new InvalidProgramError(rule, message, values);
}
