// The referee of structure over real runs and programs: lies about slots, outputs and padding, and every flaw a program can
// have, are proven with the proofs that the node builds; honest data and proofs with a changed part are refused.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex } from "viem";
import type { Hex } from "viem";

import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import { checkProof } from "@lockstep/node/engine/dispute/check";
import { NO_BYTES, NO_RECORD, NO_STEP, evidenceOf } from "@lockstep/node/engine/dispute/evidence";
import { FLAW, findFlaw } from "@lockstep/node/engine/dispute/flaw";
import { buildPaddingProof } from "@lockstep/node/engine/dispute/proofs";
import type { ClaimView, Fault, FraudProof, RecordProof } from "@lockstep/node/engine/dispute/types";
import { claimViewOf, viewOfRun } from "@lockstep/node/engine/dispute/view";
import { findFraud } from "@lockstep/node/engine/dispute/walk";
import type { Run } from "@lockstep/node/engine/execute";
import type { Tamper } from "@lockstep/node/engine/tamper";
import { recurrent, runFixture } from "@lockstep/node/engine/fixtures";
import { encodeProgram, encodeScalar, programRoot } from "@lockstep/node/ir/encode";
import type { EncodedProgram } from "@lockstep/node/ir/encode";
import { UNCHANGED } from "@lockstep/node/ir/program";
import type { OperandRef, PrimitiveRecord, Program } from "@lockstep/node/ir/program";
import { keccak } from "@lockstep/node/merkle/hash";
import { buildTree, proofOf, treeRoot } from "@lockstep/node/merkle/tree";

const ZERO: Hex = `0x${"00".repeat(32)}`;
const PART = { trace: 1, state: 4, tensor: 6 };
const FIXTURE = recurrent(600, 2);
const STEPS = 4;

/** Every copy of a value with one leaf changed. */
function* mutations(value: unknown): Generator {
  if (typeof value === "number") {
    yield value + 1;
    if (value > 0) yield value - 1;
  } else if (typeof value === "string") {
    if (value.length === 2) yield "0x00";
    for (const at of value.length === 2 ? [] : [2, value.length - 1]) {
      yield value.slice(0, at) + (Number.parseInt(value[at], 16) ^ 1).toString(16) + value.slice(at + 1);
    }
    if (value.length > 4 && value.length !== ZERO.length) yield value.slice(0, -2);
  } else if (Array.isArray(value)) {
    if (value.length > 0) yield value.slice(1);
    yield [...value, value[0] ?? ZERO];
    for (let at = 0; at < value.length; at++) for (const changed of mutations(value[at])) yield value.with(at, changed);
  } else {
    for (const [key, field] of Object.entries(value as object)) {
      for (const changed of mutations(field)) yield { ...(value as object), [key]: changed };
    }
  }
}

// Slots bound to a primitive, unchanged in step 0 (from an input, from a constant) and later; outputs.
const STATE_LIES: Tamper[] = [
  { step: 0, item: 0, element: 0, xor: 2 },
  { step: 0, item: 1, element: 0, xor: 2 },
  { step: 0, item: 2, element: 0, xor: 2 },
  { step: 2, item: 2, element: 0, xor: 2 },
  { step: 2, item: 4, element: 0, xor: 2 },
  { step: 3, item: 0, element: 599, xor: 2 },
];

const PADDING_LIES: Tamper[] = [
  { step: 3, primitive: 4, element: 600, xor: 2 },
  { step: 3, primitive: 4, element: 767, xor: 0x80000000 },
  { step: 2, primitive: 1, element: 3, xor: 2 },
];

describe("StructureReferee", async () => {
  const { viem } = await network.create();
  const referee = await viem.deployContract("StructureReferee");
  const publicClient = await viem.getPublicClient();
  type ErrorName = Extract<(typeof referee.abi)[number], { type: "error" }>["name"];

  const prove = (claim: ClaimView, fraud: FraudProof): Promise<Fault> =>
    referee.read.prove([fraud.kind, claim, encodeProof(fraud)]);

  const refuses = (claim: ClaimView, fraud: FraudProof, error: ErrorName, args: unknown[]): Promise<void> =>
    viem.assertions.revertWithCustomErrorWithArgs(prove(claim, fraud), referee, error, args as never);

  const anything = (): boolean => true;

  async function assertOnlyThisIsProven(claim: ClaimView, fraud: FraudProof, fault: Fault): Promise<void> {
    assert.deepEqual(await prove(claim, fraud), fault);
    let refused = 0;
    let total = 0;
    for (const changed of mutations(fraud.proof)) {
      total++;
      try {
        assert.deepEqual(await prove(claim, { ...fraud, proof: changed } as FraudProof), fault);
      } catch (error) {
        assert.ok(error instanceof Error && error.name !== "AssertionError", String(error));
        refused++;
      }
    }
    assert.ok(refused > total / 3, `${refused} of ${total} refused`);
  }

  it("test_code_size_isBelowTheLimit", async (t) => {
    const code = await publicClient.getCode({ address: referee.address });
    assert.ok(code !== undefined);
    t.diagnostic(`${code.length / 2 - 1} bytes`);
    assert.ok(code.length / 2 - 1 < 24_576);
  });

  it("test_prove_elementsAndUnknownKinds_revert", async () => {
    const claim = claimViewOf(runFixture(FIXTURE, STEPS));
    for (const kind of [0, 4, 255]) {
      await viem.assertions.revertWithCustomErrorWithArgs(
        referee.read.prove([kind, claim, "0x"]),
        referee,
        "FraudKindUnknown",
        [kind],
      );
    }
    for (const kind of [1, 2, 3]) {
      const call = referee.read.prove([kind, claim, "0x"]);
      await viem.assertions.revertWithCustomErrorWithArgs(call, referee, "ProofEncodingInvalid", [0n]);
    }
  });

  for (const lie of [...STATE_LIES, ...PADDING_LIES]) {
    it(`test_prove_lie${JSON.stringify(lie).replaceAll('"', "")}_isProvenAndNothingElse`, async () => {
      const lying = runFixture(FIXTURE, STEPS, { tamper: lie });
      const fraud = findFraud(runFixture(FIXTURE, STEPS), lying);
      assert.ok(fraud !== null && (fraud.kind === 1 || fraud.kind === 2));
      await assertOnlyThisIsProven(claimViewOf(lying), fraud, checkProof(claimViewOf(lying), fraud));
    });
  }

  it("test_prove_paddingOfAStateTensor_isProven", async () => {
    const lying = runFixture(FIXTURE, STEPS, { tamper: { step: 1, item: 3, element: 767, xor: 9 } });
    const fraud: FraudProof = { kind: 2, proof: buildPaddingProof(viewOfRun(lying), 4, 1, 3) };
    await assertOnlyThisIsProven(claimViewOf(lying), fraud, {
      step: 1,
      primitive: 3,
      element: 767,
      claimed: 9,
      computed: 0,
    });
  });

  it("test_prove_honestSlotsAndPadding_revert", async () => {
    const run = runFixture(FIXTURE, STEPS);
    const claim = claimViewOf(run);
    const view = viewOfRun(run);
    const evidence = evidenceOf(run.program);
    for (let step = 0; step < STEPS; step++) {
      const roots = run.roots[step];
      const scratch = buildTree(roots.scratch);
      const state = buildTree(roots.state);
      const nodes = (tree: ReturnType<typeof buildTree>, index: number) => ({
        root: bytesToHex(tree.levels[0].subarray(32 * index, 32 * index + 32)),
        siblings: proofOf(tree, index),
      });
      const stepShown = {
        step,
        scratchRoot: treeRoot(scratch),
        stateRoot: treeRoot(state),
        siblings: proofOf(run.stepTree, step),
      };
      const [first, second] = run.program.segments;
      const segment = step === 0 ? first : second;
      for (const [item, bound] of [...segment.slotBindings, ...segment.outputBindings].entries()) {
        if (bound === UNCHANGED) continue;
        const own = nodes(state, item);
        const source = nodes(scratch, bound);
        const proof = {
          step: stepShown,
          previous: NO_STEP,
          summary: evidence.summary,
          interfaceTable: NO_BYTES,
          bindings: evidence.bindings(step),
          item,
          itemRoot: own.root,
          itemSiblings: own.siblings,
          sourceRoot: source.root,
          sourceSiblings: source.siblings,
        };
        await refuses(claim, { kind: 1, proof }, "SlotMatches", [BigInt(item), own.root]);
      }
    }
    // The tensor's last chunk, shown as it is.
    const lying = runFixture(FIXTURE, STEPS, { tamper: { step: 3, primitive: 4, element: 600, xor: 2 } });
    const shown = buildPaddingProof(viewOfRun(lying), 3, 3, 4);
    const leaf = { section: 3 as const, height: 0, step: 3, item: 4, index: 2 };
    const chunk = { ...shown.chunk, chunks: bytesToHex(view.chunk(leaf)) };
    const honest = { ...shown, step: { ...shown.step, ...stepRootsOf(run, 3) }, chunk, ...rootOf(run, 3, 4) };
    await refuses(claim, { kind: 2, proof: honest }, "PaddingIsZero", [600n]);
    // The record of a shorter tensor would make honest words padding.
    const otherRecord = { ...honest, record: evidence.record(3, 1) };
    await refuses(claim, { kind: 2, proof: otherRecord }, "OtherRecordMismatch", [4n, 1n]);
    const wrongSection = { ...honest, section: 1 as 3 };
    await refuses(claim, { kind: 2, proof: wrongSection }, "SectionUnknown", [1]);
    const wrongChunk = { ...honest, chunk: { ...chunk, first: 1 } };
    await refuses(claim, { kind: 2, proof: wrongChunk }, "PaddingChunkMismatch", [2n, 1n, 1024n]);
    const wrongWord = { ...honest, chunk: { ...chunk, chunks: `${chunk.chunks.slice(0, -1)}1` as Hex } };
    await refuses(claim, { kind: 2, proof: wrongWord }, "HashMismatch", [PART.tensor, honest.root, anything]);
  });

  describe("flaws", () => {
    const BASE = recurrent(300, 2).program;
    const withSegment = (change: Partial<Program["segments"][number]>): Program => ({
      ...BASE,
      segments: [BASE.segments[0], { ...BASE.segments[1], ...change }],
    });
    const withRecord = (primitive: number, change: (record: PrimitiveRecord) => Partial<PrimitiveRecord>): Program => {
      const records = BASE.segments[1].records;
      return withSegment({
        records: records.with(primitive, { ...records[primitive], ...change(records[primitive]) }),
      });
    };
    const withOperand = (primitive: number, operand: number, change: Partial<OperandRef>): Program =>
      withRecord(primitive, ({ operands }) => ({
        operands: operands.with(operand, { ...operands[operand], ...change } as OperandRef),
      }));
    const withSlot = (slot: number, change: Partial<Program["slots"][number]>): Program => ({
      ...BASE,
      slots: BASE.slots.with(slot, { ...BASE.slots[slot], ...change }),
    });
    const withScalar = (change: (bytes: Uint8Array) => Uint8Array): EncodedProgram => {
      const [first] = BASE.segments[1].records;
      const scalar = BASE.scalars.get(first.scalar);
      assert.ok(scalar !== undefined);
      const bytes = change(encodeScalar(scalar));
      const parts = encodeProgram(withRecord(0, () => ({ scalar: keccak(bytes) })));
      return { ...parts, scalars: [...parts.scalars, bytes] };
    };
    /** The program with other bytes in place of one record of the second segment. */
    const withRecordBytes = (primitive: number, change: (bytes: Uint8Array) => Uint8Array): EncodedProgram => {
      const parts = encodeProgram(BASE);
      const records = parts.records[1].with(primitive, change(parts.records[1][primitive]));
      const summary = parts.summary.slice();
      const root = treeRoot(buildTree(records.map(keccak)));
      summary.set(Buffer.from(root.slice(2), "hex"), 64 + 96);
      return { ...parts, summary, records: parts.records.with(1, records) };
    };
    const encoded = (program: Program): EncodedProgram => encodeProgram(program);

    const cases: [string, keyof typeof FLAW, EncodedProgram][] = [
      ["recordOfNoWords", "record", encoded(withRecord(2, () => ({ length: 0 })))],
      ["recordTooLong", "record", encoded(withRecord(2, () => ({ length: 2 ** 31 })))],
      ["recordType", "record", withRecordBytes(1, (bytes) => bytes.with(36, 3))],
      ["recordPadding", "record", withRecordBytes(1, (bytes) => bytes.with(47, 1))],
      ["recordShort", "record", withRecordBytes(1, (bytes) => bytes.slice(0, -1))],
      ["recordEmpty", "record", withRecordBytes(1, () => new Uint8Array())],
      ["recordOneOperandMore", "record", withRecordBytes(1, (bytes) => bytes.with(37, 3))],
      ["operandKind", "record", withRecordBytes(1, (bytes) => bytes.with(48, 4))],
      ["operandType", "record", withRecordBytes(1, (bytes) => bytes.with(49, 3))],
      ["operandPadding", "record", withRecordBytes(1, (bytes) => bytes.with(51, 1))],
      ["operandLatePadding", "record", withRecordBytes(1, (bytes) => bytes.with(63, 1))],
      ["constantIndex", "record", withRecordBytes(1, (bytes) => bytes.with(59, 1))],
      ["rootOfNoConstant", "record", withRecordBytes(1, (bytes) => bytes.with(48 + 48 + 20, 1))],
      ["constantWithoutRoot", "record", encoded(withOperand(1, 0, { root: ZERO }))],
      ["operandOfNoWords", "record", encoded(withOperand(3, 1, { length: 0 }))],
      ["scalarShort", "scalar", withScalar((bytes) => bytes.slice(0, -1))],
      ["scalarEmpty", "scalar", withScalar(() => new Uint8Array())],
      ["scalarOpcode", "scalar", withScalar((bytes) => bytes.with(bytes.length - 8, 99))],
      ["scalarField", "scalar", withScalar((bytes) => bytes.with(bytes.length - 1, 99))],
      ["outputLength", "signature", encoded(withRecord(3, () => ({ length: 4 })))],
      ["outputType", "signature", encoded(withRecord(3, () => ({ type: "bool" })))],
      ["operandOfAnotherType", "signature", encoded(withOperand(4, 0, { type: "i32" }))],
      ["operandCount", "signature", encoded(withRecord(0, () => ({ operands: [] })))],
      ["operandOfItself", "operandIndex", encoded(withOperand(4, 0, { index: 4 }))],
      ["operandOfLater", "operandIndex", encoded(withOperand(3, 1, { index: 0xffffffff }))],
      ["operandOfNoSlot", "operandIndex", encoded(withOperand(2, 1, { index: 3 }))],
      ["operandOfNoInput", "operandIndex", encoded(withOperand(4, 1, { index: 2 }))],
      ["operandLength", "operandTensor", encoded(withOperand(1, 1, { length: 299 }))],
      ["slotLength", "operandTensor", encoded(withOperand(2, 1, { length: 4 }))],
      ["inputType", "operandTensor", encoded(withOperand(4, 1, { index: 1 }))],
      ["bindingOfNoPrimitive", "binding", encoded(withSegment({ slotBindings: [5, 3, UNCHANGED] }))],
      ["bindingOfAnotherTensor", "binding", encoded(withSegment({ slotBindings: [4, 2, UNCHANGED] }))],
      ["outputUnchanged", "binding", encoded(withSegment({ outputBindings: [2, UNCHANGED] }))],
      ["missingBinding", "binding", encoded(withSegment({ outputBindings: [2] }))],
      ["outputOfNoWords", "interface", encoded({ ...BASE, outputs: [BASE.outputs[0], { type: "f32", length: 0 }] })],
      ["slotFromAnotherInput", "interface", encoded(withSlot(2, { initial: { kind: "input", index: 0 } }))],
      ["slotFromNoInput", "interface", encoded(withSlot(0, { initial: { kind: "input", index: 2 } }))],
      ["slotFromNoRoot", "interface", encoded(withSlot(1, { initial: { kind: "constant", root: ZERO } }))],
    ];

    const claimOfParts = (parts: EncodedProgram): ClaimView => ({
      programRoot: programRoot(parts),
      inputsRoot: ZERO,
      traceRoot: ZERO,
      steps: 1,
      deferred: false,
      postedStep: 0,
      postedRoot: ZERO,
    });

    for (const [name, flaw, parts] of cases) {
      it(`test_prove_${name}_isProvenAndNothingElse`, async () => {
        const proof = findFlaw(parts);
        assert.ok(proof !== null);
        assert.equal(proof.flaw, FLAW[flaw]);
        const claim = claimOfParts(parts);
        const fault = await prove(claim, { kind: 3, proof });
        assert.equal(fault.claimed, FLAW[flaw]);
        assert.equal(fault.primitive, proof.record.primitive);
        assert.ok(fault.computed !== 0);
        await refuses(claimOfParts(encodeProgram(BASE)), { kind: 3, proof }, "HashMismatch", [0, anything, anything]);
        for (const changed of mutations(proof)) {
          // A changed part is refused, is one that this flaw does not need, or shows the same flaw of another item.
          try {
            const found = await prove(claim, { kind: 3, proof: changed as RecordProof });
            assert.equal(found.claimed, fault.claimed);
          } catch (error) {
            assert.ok(error instanceof Error && error.name !== "AssertionError", String(error));
          }
        }
      });
    }

    it("test_prove_everyFlawOfAValidProgram_reverts", async () => {
      const parts = encodeProgram(BASE);
      const claim = claimOfParts(parts);
      const { records } = BASE.segments[1];
      const tree = buildTree(parts.records[1].map(keccak));
      const summary = bytesToHex(parts.summary);
      const shown = (primitive: number) => ({
        summary,
        primitive,
        record: bytesToHex(parts.records[1][primitive]),
        siblings: proofOf(tree, primitive),
      });
      const scalars = new Map(parts.scalars.map((bytes) => [keccak(bytes), bytesToHex(bytes)]));
      const empty: RecordProof = {
        flaw: 0,
        record: { ...NO_RECORD, summary },
        scalar: NO_BYTES,
        interfaceTable: bytesToHex(parts.interfaceTable),
        other: NO_RECORD,
        operand: 0,
        segment: 1,
        bindings: bytesToHex(parts.bindings[1]),
        item: 0,
      };
      const absent = async (proof: RecordProof): Promise<void> =>
        refuses(claim, { kind: 3, proof }, "FlawAbsent", [proof.flaw]);
      for (const [primitive, record] of records.entries()) {
        const scalar = scalars.get(record.scalar) ?? NO_BYTES;
        const proof = { ...empty, record: shown(primitive), scalar };
        for (const flaw of [FLAW.record, FLAW.scalar, FLAW.signature]) await absent({ ...proof, flaw });
        for (const [operand, named] of record.operands.entries()) {
          const other = named.kind === "primitive" ? shown(named.index) : NO_RECORD;
          for (const flaw of [FLAW.operandIndex, FLAW.operandTensor]) await absent({ ...proof, flaw, operand, other });
        }
      }
      const { slotBindings, outputBindings } = BASE.segments[1];
      for (const [item, bound] of [...slotBindings, ...outputBindings].entries()) {
        const other = bound === UNCHANGED ? NO_RECORD : shown(bound);
        await absent({ ...empty, flaw: FLAW.binding, item, other });
      }
      for (let item = 0; item < 7; item++) await absent({ ...empty, flaw: FLAW.interface, item });
      for (const flaw of [7, 255])
        await refuses(claim, { kind: 3, proof: { ...empty, record: shown(0), flaw } }, "FlawUnknown", [flaw]);
      await refuses(claim, { kind: 3, proof: { ...empty, flaw: FLAW.interface, item: 7 } }, "ItemOutsideTable", [
        7n,
        7n,
      ]);
      await refuses(claim, { kind: 3, proof: { ...empty, flaw: FLAW.binding, item: 5 } }, "ItemOutsideTable", [5n, 5n]);
      await refuses(claim, { kind: 3, proof: { ...empty, flaw: FLAW.binding, segment: 2 } }, "SegmentUnknown", [
        2n,
        2n,
      ]);
      const named = { ...empty, flaw: FLAW.operandTensor, record: shown(1), operand: 1, other: shown(2) };
      await refuses(claim, { kind: 3, proof: named }, "OtherRecordMismatch", [0n, 2n]);
      await refuses(claim, { kind: 3, proof: { ...named, operand: 2 } }, "ItemOutsideTable", [2n, 2n]);
    });
  });
});

function stepRootsOf(run: Run, step: number): { scratchRoot: Hex; stateRoot: Hex; siblings: Hex[] } {
  const { scratch, state } = run.roots[step];
  return {
    scratchRoot: treeRoot(buildTree(scratch)),
    stateRoot: treeRoot(buildTree(state)),
    siblings: proofOf(run.stepTree, step),
  };
}

function rootOf(run: Run, step: number, primitive: number): { root: Hex; siblings: Hex[] } {
  const { scratch } = run.roots[step];
  const root = bytesToHex(scratch.subarray(32 * primitive, 32 * primitive + 32));
  return { root, siblings: proofOf(buildTree(scratch), primitive) };
}
