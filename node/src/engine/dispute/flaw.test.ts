import assert from "node:assert/strict";
import { test } from "node:test";
import { MissingScalarError } from "../../ir/decode.ts";
import { encodeProgram, encodeScalar } from "../../ir/encode.ts";
import type { EncodedProgram } from "../../ir/encode.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { OperandRef, PrimitiveRecord, Program } from "../../ir/program.ts";
import { ZERO_HASH, keccak } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chain, recurrent, singleWord } from "../fixtures.ts";
import { decodeProof, encodeProof } from "./abi.ts";
import { FLAW, findFlaw } from "./flaw.ts";

const BASE = recurrent(300, 2).program;

function withSegment(change: Partial<Program["segments"][number]>): Program {
  return { ...BASE, segments: [BASE.segments[0], { ...BASE.segments[1], ...change }] };
}

function withRecord(primitive: number, change: (record: PrimitiveRecord) => Partial<PrimitiveRecord>): Program {
  const records = BASE.segments[1].records;
  return withSegment({ records: records.with(primitive, { ...records[primitive], ...change(records[primitive]) }) });
}

function withOperand(primitive: number, operand: number, change: Partial<OperandRef>): Program {
  return withRecord(primitive, ({ operands }) => ({
    operands: operands.with(operand, { ...operands[operand], ...change } as OperandRef),
  }));
}

function withScalarBytes(change: (bytes: Uint8Array) => Uint8Array): EncodedProgram {
  const [first] = BASE.segments[1].records;
  const scalar = BASE.scalars.get(first.scalar);
  assert.ok(scalar);
  const bytes = change(encodeScalar(scalar));
  const parts = encodeProgram(withRecord(0, () => ({ scalar: keccak(bytes) })));
  return { ...parts, scalars: [...parts.scalars, bytes] };
}

// Appended to the bytes of a record, which no encoder would do.
function nineOperands(): EncodedProgram {
  const parts = encodeProgram(BASE);
  const [opening, steady] = parts.records;
  const bytes = new Uint8Array(48 + 9 * 48);
  bytes.set(steady[4].subarray(0, 48));
  bytes[37] = 9;
  for (let operand = 0; operand < 9; operand++) bytes.set(steady[4].subarray(48, 96), 48 + 48 * operand);
  return { ...parts, records: [opening, steady.with(4, bytes)] };
}

const first = BASE.segments[1].records[0].scalar;
const ZERO_LENGTH = { length: 0 };
const CASES: [
  string,
  keyof typeof FLAW,
  EncodedProgram,
  Partial<{ operand: number; item: number; primitive: number }>,
][] = [
  ["recordOfNoWords", "record", encodeProgram(withRecord(2, () => ZERO_LENGTH)), { primitive: 2 }],
  ["constantWithoutRoot", "record", encodeProgram(withOperand(1, 0, { root: ZERO_HASH })), { primitive: 1 }],
  ["operandOfNoWords", "record", encodeProgram(withOperand(3, 1, ZERO_LENGTH)), { primitive: 3 }],
  ["nineOperands", "record", nineOperands(), { primitive: 4 }],
  ["scalarThatDoesNotDecode", "scalar", withScalarBytes((bytes) => bytes.slice(0, -1)), { primitive: 0 }],
  ["scalarThatIsInvalid", "scalar", withScalarBytes((bytes) => bytes.with(bytes.length - 1, 99)), { primitive: 0 }],
  ["outputLength", "signature", encodeProgram(withRecord(3, () => ({ length: 4 }))), { primitive: 3 }],
  ["operandType", "signature", encodeProgram(withOperand(4, 0, { type: "i32" })), { primitive: 4 }],
  ["operandCount", "signature", encodeProgram(withRecord(0, () => ({ operands: [] }))), { primitive: 0 }],
  ["operandOfItself", "operandIndex", encodeProgram(withOperand(4, 0, { index: 4 })), { primitive: 4, operand: 0 }],
  ["operandOfNoSlot", "operandIndex", encodeProgram(withOperand(2, 1, { index: 3 })), { primitive: 2, operand: 1 }],
  ["operandOfNoInput", "operandIndex", encodeProgram(withOperand(4, 1, { index: 2 })), { primitive: 4, operand: 1 }],
  [
    "operandOfAnotherLength",
    "operandTensor",
    encodeProgram(withOperand(1, 1, { length: 299 })),
    { primitive: 1, operand: 1 },
  ],
  [
    "slotOfAnotherLength",
    "operandTensor",
    encodeProgram(withOperand(2, 1, { length: 4 })),
    { primitive: 2, operand: 1 },
  ],
  ["inputOfAnotherType", "operandTensor", encodeProgram(withOperand(4, 1, { index: 1 })), { primitive: 4, operand: 1 }],
  ["bindingOfNoPrimitive", "binding", encodeProgram(withSegment({ slotBindings: [5, 3, UNCHANGED] })), { item: 0 }],
  ["bindingOfAnotherTensor", "binding", encodeProgram(withSegment({ slotBindings: [4, 2, UNCHANGED] })), { item: 1 }],
  ["outputUnchanged", "binding", encodeProgram(withSegment({ outputBindings: [2, UNCHANGED] })), { item: 4 }],
  ["missingBinding", "binding", encodeProgram(withSegment({ outputBindings: [2] })), { item: 0 }],
  [
    "outputOfNoWords",
    "interface",
    encodeProgram({ ...BASE, outputs: [BASE.outputs[0], { type: "f32", length: 0 }] }),
    { item: 6 },
  ],
  [
    "slotFromAnotherInput",
    "interface",
    encodeProgram({ ...BASE, slots: BASE.slots.with(2, { ...BASE.slots[2], initial: { kind: "input", index: 0 } }) }),
    { item: 4 },
  ],
  [
    "slotFromNoInput",
    "interface",
    encodeProgram({ ...BASE, slots: BASE.slots.with(0, { ...BASE.slots[0], initial: { kind: "input", index: 2 } }) }),
    { item: 2 },
  ],
  [
    "slotFromNoRoot",
    "interface",
    encodeProgram({
      ...BASE,
      slots: BASE.slots.with(1, { ...BASE.slots[1], initial: { kind: "constant", root: ZERO_HASH } }),
    }),
    { item: 3 },
  ],
];

for (const [name, flaw, parts, place] of CASES) {
  test(`findFlaw_${name}_isProven`, () => {
    const proof = findFlaw(parts);
    assert.ok(proof);
    assert.equal(proof.flaw, FLAW[flaw]);
    for (const [field, value] of Object.entries(place)) {
      const found: number = field === "primitive" ? proof.record.primitive : proof[field as "operand" | "item"];
      assert.equal(found, value, field);
    }
    assert.deepEqual(decodeProof(3, encodeProof({ kind: 3, proof })), { kind: 3, proof });
  });
}

test("findFlaw_validPrograms_findsNone", () => {
  for (const { program } of [recurrent(300), recurrent(7, 2), chain(3, 1000), singleWord()]) {
    assert.equal(findFlaw(encodeProgram(program)), null);
  }
});

test("findFlaw_scalarBytesNotGiven_throwsMissingScalar", () => {
  const parts = encodeProgram(BASE);
  const scalars = parts.scalars.filter((bytes) => (keccak(bytes) satisfies Hash) !== first);
  assert.throws(() => findFlaw({ ...parts, scalars }), MissingScalarError);
});
