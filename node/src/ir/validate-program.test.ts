import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleProgram } from "./example.ts";
import { segmentOfStep, ZERO_HASH } from "./program.ts";
import type { OperandRef, PrimitiveRecord, Program, Segment } from "./program.ts";
import { InvalidScalarProgramError } from "./validate.ts";
import { InvalidProgramError, PROGRAM_RULES, validateProgram } from "./validate-program.ts";
import type { ProgramRule } from "./validate-program.ts";

const VALID = exampleProgram();

function segment(changes: Partial<Segment>, index = 0): Program {
  return { ...VALID, segments: VALID.segments.map((one, at) => (at === index ? { ...one, ...changes } : one)) };
}

function record(changes: Partial<PrimitiveRecord>, index = 1): Program {
  const { records } = VALID.segments[0];
  return segment({ records: records.map((one, at) => (at === index ? { ...one, ...changes } : one)) });
}

function operand(changes: object, index = 1): Program {
  const { operands } = VALID.segments[0].records[1];
  return record({ operands: operands.map((one, at) => (at === index ? ({ ...one, ...changes } as OperandRef) : one)) });
}

const [first] = VALID.segments[0].records;
const [, accumulate, scale] = [...VALID.scalars.keys()];
const other = VALID.scalars.get(scale)!;
const float = { type: "f32", length: 2 } as const;
const long = { type: "f32", length: 3 } as const;

const BREAKS: readonly (readonly [ProgramRule, string, Program])[] = [
  ["segment-count", "none", { ...VALID, segments: [] }],
  ["segment-count", "five", { ...VALID, segments: Array(5).fill(VALID.segments[1]) }],
  ["segment-steps", "none before the last", segment({ steps: 0 })],
  ["segment-steps", "some in the last", segment({ steps: 1 }, 1)],
  ["record-count", "none", segment({ records: [] })],
  ["record-count", "65537", segment({ records: Array(65537).fill(first) })],
  ["input-count", "257", { ...VALID, inputs: Array.from({ length: 257 }, () => float) }],
  ["output-count", "none", { ...VALID, outputs: [] }],
  ["state-count", "513", { ...VALID, outputs: Array.from({ length: 511 }, () => float) }],
  ["tensor-type", "length 0", { ...VALID, inputs: [VALID.inputs[0], { type: "i32", length: 0 }] }],
  ["tensor-type", "length 2^31", record({ length: 2 ** 31 })],
  ["tensor-type", "no type", { ...VALID, outputs: [{ ...float, type: "f64" as "f32" }] }],
  ["constant-root", "of an operand", operand({ kind: "constant", root: ZERO_HASH })],
  [
    "constant-root",
    "of a slot",
    { ...VALID, slots: [{ ...float, initial: { kind: "constant", root: ZERO_HASH } }, VALID.slots[1]] },
  ],
  [
    "slot-initial",
    "from an absent input",
    { ...VALID, slots: [{ ...float, initial: { kind: "input", index: 2 } }, VALID.slots[1]] },
  ],
  [
    "slot-initial",
    "from another type",
    { ...VALID, slots: [{ ...float, initial: { kind: "input", index: 1 } }, VALID.slots[1]] },
  ],
  ["scalar-missing", "absent", { ...VALID, scalars: new Map() }],
  ["scalar-hash", "under another name", { ...VALID, scalars: new Map([...VALID.scalars, [accumulate, other]]) }],
  ["operand-count", "one", record({ operands: [first.operands[0]] })],
  ["operand-scalar-type", "i32", operand({ type: "i32" })],
  ["operand-index", "its own", operand({ index: 1 })],
  ["operand-index", "an absent slot", operand({ kind: "slot", index: 2 })],
  ["operand-index", "an absent input", operand({ kind: "input", index: 2 })],
  ["operand-tensor", "another length", operand({ length: 3 })],
  ["operand-tensor", "an input of another type", operand({ kind: "input", index: 1, length: 1 })],
  ["output-tensor", "another length", record({ length: 3 })],
  ["output-tensor", "another type", record({ type: "bool" })],
  ["binding-count", "too few", segment({ slotBindings: [1] })],
  ["binding-index", "absent", segment({ outputBindings: [3] })],
  ["binding-tensor", "a slot of another type", segment({ slotBindings: [1, 1] })],
  ["binding-tensor", "an output of another length", { ...VALID, outputs: [long] }],
];

test("the example passes", () => validateProgram(VALID));

for (const [rule, reason, program] of BREAKS) {
  test(`${rule}: ${reason}`, () => {
    assert.throws(
      () => validateProgram(program),
      (error) => error instanceof InvalidProgramError && error.rule === rule,
    );
  });
}

test("every rule has an example", () => {
  assert.deepEqual(new Set(BREAKS.map(([rule]) => rule)), new Set(PROGRAM_RULES));
});

test("an invalid scalar program is named by its own error", () => {
  const scalars = new Map([...VALID.scalars].map(([hash, scalar]) => [hash, { ...scalar, extents: [] }]));
  assert.throws(() => validateProgram({ ...VALID, scalars }), InvalidScalarProgramError);
});

test("the last segment takes the steps that remain", () => {
  assert.deepEqual(
    [0, 1, 2, 1000].map((step) => segmentOfStep(VALID, step)),
    [0, 0, 1, 1],
  );
});
