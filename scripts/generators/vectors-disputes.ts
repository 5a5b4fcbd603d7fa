// The vectors of disputes: walks, fraud proofs of every kind, and a program with each of the flaws that a proof can show.
import {
  answerDemand,
  checkProof,
  claimViewOf,
  encodeProof,
  findFlaw,
  findFraud,
  FLAW,
  nextAction,
  traceRootOf,
} from "@lockstep/node/engine";
import type { Opening, Run, Tamper } from "@lockstep/node/engine";
import { recurrent, runFixture, type Fixture } from "@lockstep/node/engine/fixtures";
import { encodeProgram, encodeScalar, programRoot, type EncodedProgram } from "@lockstep/node/ir/encode";
import { UNCHANGED } from "@lockstep/node/ir/program";
import type { OperandRef, PrimitiveRecord, Program, SlotInitial } from "@lockstep/node/ir/program";
import { keccak, plainHasher } from "@lockstep/node/merkle/hash";

const DISPUTES: readonly (readonly [string, () => Fixture, number, Tamper])[] = [
  ["an element of a dot product", () => recurrent(300, 2), 4, { step: 2, primitive: 1, element: 2, xor: 0x00400000 }],
  ["an element of a gather in step 0", () => recurrent(300), 2, { step: 0, primitive: 2, element: 299, xor: 1 }],
  ["a word past the end", () => recurrent(300), 2, { step: 1, primitive: 4, element: 300, xor: 7 }],
  ["a slot that is not its primitive", () => recurrent(300), 3, { step: 1, item: 1, element: 0, xor: 0x80000000 }],
  ["a slot that must not change", () => recurrent(7, 2), 3, { step: 1, item: 2, element: 4, xor: 1 }],
];

/** Lies that were told in runs, with the whole walk to their proofs; and a program with each flaw, with the proof of it. */
export function disputes(): object[] {
  const told = DISPUTES.map(([about, make, steps, tamper]) => {
    const fixture = make();
    const honest = runFixture(fixture, steps, { hasher: plainHasher });
    const lying = runFixture(fixture, steps, { hasher: plainHasher, tamper });
    const claim = claimViewOf(lying);
    const fraud = findFraud(honest, lying);
    if (fraud === null || fraud.kind === 3) throw new RangeError(`no fault was found of ${about}`);
    return {
      about,
      lie: tamper,
      claim,
      walk: walkOf(honest, lying),
      kind: fraud.kind,
      proof: encodeProof(fraud),
      fault: checkProof(claim, fraud),
    };
  });
  const claim = claimViewOf(runFixture(recurrent(300, 2), 3, { hasher: plainHasher }));
  const flawed = FLAWS.map(([about, flaw, parts]) => {
    const proof = findFlaw(parts);
    if (proof === null || proof.flaw !== FLAW[flaw]) throw new RangeError(`the flaw was not found of ${about}`);
    return {
      about: `an invalid program: ${about}`,
      claim: { ...claim, programRoot: programRoot(parts) },
      kind: 3,
      flaw,
      proof: encodeProof({ kind: 3, proof }),
      fault: {
        step: 0,
        primitive: proof.record.primitive,
        element: flaw === "interface" || flaw === "binding" ? proof.item : proof.operand,
        claimed: proof.flaw,
      },
    };
  });
  return [...told, ...flawed];
}

type FlawName = keyof typeof FLAW;

/** The programs, in the order of the flaws' numbers: each is the valid one with one change. */
const FLAWS: readonly (readonly [string, FlawName, EncodedProgram])[] = [
  ["a primitive without words", "record", encodeProgram(withRecord(2, { length: 0 }))],
  ["a scalar program that is cut off", "scalar", withScalar((bytes) => bytes.slice(0, -1))],
  ["a scalar program whose result no register holds", "scalar", withScalar((bytes) => bytes.fill(0xff, 26, 28))],
  ["a primitive that is longer than its scalar program", "signature", encodeProgram(withRecord(3, { length: 4 }))],
  ["an operand of another type", "signature", encodeProgram(withOperand(4, 0, { type: "i32" }))],
  ["a primitive that reads itself", "operandIndex", encodeProgram(withOperand(4, 0, { index: 4 }))],
  ["a primitive that reads a slot that is not there", "operandIndex", encodeProgram(withOperand(2, 1, { index: 3 }))],
  ["an operand shorter than what it names", "operandTensor", encodeProgram(withOperand(1, 1, { length: 299 }))],
  ["an input read with another type", "operandTensor", encodeProgram(withOperand(4, 1, { index: 1 }))],
  ["a slot bound to no primitive", "binding", encodeProgram(withSegment({ slotBindings: [5, 3, UNCHANGED] }))],
  ["a slot bound to another tensor", "binding", encodeProgram(withSegment({ slotBindings: [4, 2, UNCHANGED] }))],
  ["an output that does not change", "binding", encodeProgram(withSegment({ outputBindings: [2, UNCHANGED] }))],
  [
    "an output without words",
    "interface",
    encodeProgram({ ...base(), outputs: [base().outputs[0], { type: "f32", length: 0 }] }),
  ],
  ["a slot that begins with another input", "interface", encodeProgram(withSlot(2, { kind: "input", index: 0 }))],
];

function base(): Program {
  return recurrent(300, 2).program;
}

function withSegment(change: Partial<Program["segments"][number]>): Program {
  const program = base();
  return { ...program, segments: [program.segments[0], { ...program.segments[1], ...change }] };
}

function withRecord(primitive: number, change: Partial<PrimitiveRecord>): Program {
  const { records } = base().segments[1];
  return withSegment({ records: records.with(primitive, { ...records[primitive], ...change }) });
}

function withOperand(primitive: number, operand: number, change: Partial<OperandRef>): Program {
  const { operands } = base().segments[1].records[primitive];
  const changed = { ...operands[operand], ...change } as OperandRef;
  return withRecord(primitive, { operands: operands.with(operand, changed) });
}

function withSlot(slot: number, initial: SlotInitial): Program {
  const program = base();
  return { ...program, slots: program.slots.with(slot, { ...program.slots[slot], initial }) };
}

function withScalar(change: (bytes: Uint8Array) => Uint8Array): EncodedProgram {
  const { segments, scalars } = base();
  const bytes = change(encodeScalar(scalars.get(segments[1].records[0].scalar)!));
  const parts = encodeProgram(withRecord(0, { scalar: keccak(bytes) }));
  return { ...parts, scalars: [...parts.scalars, bytes] };
}

// Every demand of the challenger with its path, and what the claimant opens.
function walkOf(honest: Run, lying: Run): object[] {
  const openings: Opening[] = [];
  const walk: object[] = [];
  for (;;) {
    const action = nextAction(honest, traceRootOf(lying), openings);
    if (action.kind !== "demand") return walk;
    const { position, node, path } = action.demand;
    const opened = answerDemand(lying, position);
    openings.push({ position, ...opened });
    const opening = opened.kind === "chunk" ? { chunk: opened.chunk } : { nodes: opened.nodes };
    walk.push({ position, node, path, ...opening });
  }
}
