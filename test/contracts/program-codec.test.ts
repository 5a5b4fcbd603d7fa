// The contract's reading of summaries and records against node/src/ir: every field of an encoded program, every byte of a
// summary and of a record changed, and the segment of each step.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex } from "viem";

import { recurrent } from "@lockstep/node/engine/fixtures";
import { LockstepError } from "@lockstep/node/float/errors";
import { decodeRecord, decodeSummary } from "@lockstep/node/ir/decode";
import { encodeProgram, encodeRecord } from "@lockstep/node/ir/encode";
import { WORD_TYPES } from "@lockstep/node/ir/opcodes";
import { OPERAND_KINDS, PROGRAM_LIMITS, ZERO_HASH, segmentOfStep } from "@lockstep/node/ir/program";
import type { Program } from "@lockstep/node/ir/program";

const PARTS = encodeProgram(recurrent(600, 2).program);

/** Whether the node reads these bytes as a record that keeps the limits. */
function isRecord(bytes: Uint8Array): boolean {
  const isTensor = ({ length }: { length: number }): boolean => length >= 1 && length <= PROGRAM_LIMITS.tensorLength;
  try {
    const record = decodeRecord(bytes);
    if (record.operands.length > 8 || !isTensor(record)) return false;
    return record.operands.every((one) => isTensor(one) && (one.kind !== "constant" || one.root !== ZERO_HASH));
  } catch (error) {
    if (error instanceof LockstepError) return false;
    throw error;
  }
}

/** Whether the node reads these bytes as a summary that keeps the limits. */
function isSummary(bytes: Uint8Array): boolean {
  try {
    const { segments, inputCount, slotCount, outputCount } = decodeSummary(bytes);
    const { inputs, stateTensors, records } = PROGRAM_LIMITS;
    if (inputCount > inputs || outputCount < 1 || slotCount + outputCount > stateTensors) return false;
    return segments.every(({ steps, recordCount }, index) => {
      return (steps === 0) === (index === segments.length - 1) && recordCount >= 1 && recordCount <= records;
    });
  } catch (error) {
    if (error instanceof LockstepError) return false;
    throw error;
  }
}

describe("ProgramCodec", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("ProgramCodecHarness");
  const { revertWithCustomErrorWithArgs: fails } = viem.assertions;

  it("test_decodeSummary_program_hasEveryField", async () => {
    const { segments, ...counts } = decodeSummary(PARTS.summary);
    const summary = bytesToHex(PARTS.summary);
    const head = await harness.read.decodeSummary([summary]);
    assert.deepEqual(head, {
      segmentCount: BigInt(segments.length),
      inputCount: BigInt(counts.inputCount),
      slotCount: BigInt(counts.slotCount),
      outputCount: BigInt(counts.outputCount),
      interfaceHash: counts.interfaceHash,
    });
    for (const [index, { recordsRoot, bindingsHash, steps, recordCount }] of segments.entries()) {
      const segment = await harness.read.segmentAt([summary, BigInt(index)]);
      const numbers = { steps: BigInt(steps), recordCount: BigInt(recordCount) };
      assert.deepEqual(segment, { recordsRoot, bindingsHash, ...numbers });
    }
    await fails(harness.read.segmentAt([summary, 2n]), harness, "SegmentUnknown", [2n, 2n]);
  });

  it("test_decodeSummary_anyByteChanged_sameVerdictAsTheNode", async () => {
    const fields = [...Array(32).keys(), ...Array.from({ length: 32 }, (_, index) => 64 + 64 + index)];
    for (const at of [...fields, 64 + 96 + 64 + 3, 64 + 96 + 64 + 7, 64 + 96 + 95]) {
      for (const flip of [1, 0x80]) {
        const bytes = PARTS.summary.with(at, PARTS.summary[at] ^ flip);
        const call = harness.read.decodeSummary([bytesToHex(bytes)]);
        if (isSummary(bytes)) await call;
        else await assert.rejects(call, /SummaryFieldInvalid|SummaryLengthInvalid/, `byte ${at}`);
      }
    }
    for (const length of [0, 63, 64, 160, PARTS.summary.length - 1]) {
      const call = harness.read.decodeSummary([bytesToHex(PARTS.summary.slice(0, length))]);
      const expected = length < 64 ? 64n : BigInt(PARTS.summary.length);
      await fails(call, harness, "SummaryLengthInvalid", [expected, BigInt(length)]);
    }
  });

  it("test_decodeSummary_slotsAndOutputs_atMost512", async () => {
    for (const [slots, outputs] of [
      [1023, 1],
      [0, 512],
      [512, 1],
      [0, 513],
      [1, 0],
      [2 ** 32 - 1, 1],
    ]) {
      const bytes = PARTS.summary.slice();
      new DataView(bytes.buffer).setUint32(20, slots);
      new DataView(bytes.buffer).setUint32(24, outputs);
      const call = harness.read.decodeSummary([bytesToHex(bytes)]);
      assert.equal(isSummary(bytes), outputs > 0 && slots + outputs <= 512);
      if (isSummary(bytes)) await call;
      else await fails(call, harness, "SummaryFieldInvalid", [24n]);
    }
  });

  it("test_segmentOfStep_everyStep_equalsTheNode", async () => {
    const [segment] = recurrent(8).program.segments;
    const program: Program = {
      ...recurrent(8).program,
      segments: [3, 1, 2, 0].map((steps, index) => ({
        ...segment,
        steps,
        records: segment.records.slice(0, index + 1),
      })),
    };
    const summary = bytesToHex(encodeProgram(program).summary);
    for (const step of [...Array(9).keys(), 2 ** 20, 2 ** 32 - 1]) {
      const found = await harness.read.segmentOfStep([summary, BigInt(step)]);
      assert.equal(Number(found.recordCount), segmentOfStep(program, step) + 1, `step ${step}`);
    }
  });

  it("test_decodeRecord_program_hasEveryField", async () => {
    for (const bytes of PARTS.records.flat()) {
      const record = decodeRecord(bytes);
      assert.deepEqual(await harness.read.decodeRecord([bytesToHex(bytes)]), {
        scalarHash: record.scalar,
        length: BigInt(record.length),
        outputType: BigInt(WORD_TYPES.indexOf(record.type)),
        operandCount: BigInt(record.operands.length),
      });
      for (const [index, operand] of record.operands.entries()) {
        assert.deepEqual(await harness.read.operandAt([bytesToHex(bytes), BigInt(index)]), {
          kind: BigInt(OPERAND_KINDS.indexOf(operand.kind)),
          wordType: BigInt(WORD_TYPES.indexOf(operand.type)),
          length: BigInt(operand.length),
          index: BigInt(operand.kind === "constant" ? 0 : operand.index),
          root: operand.kind === "constant" ? operand.root : ZERO_HASH,
        });
      }
    }
  });

  it("test_recordFlaw_anyByteChanged_sameVerdictAsTheNode", async () => {
    // A constant and a primitive: both kinds of operands, with and without a root.
    const good = PARTS.records[1][1];
    const bytes = encodeRecord(decodeRecord(good));
    assert.deepEqual(bytes, good);
    for (let at = 32; at < bytes.length; at++) {
      for (const flip of [1, 2, 0x80]) {
        const changed = bytes.with(at, bytes[at] ^ flip);
        const reason = await harness.read.recordFlaw([bytesToHex(changed)]);
        assert.equal(reason === 0n, isRecord(changed), `byte ${at} ^ ${flip}`);
        if (reason !== 0n) {
          await fails(harness.read.decodeRecord([bytesToHex(changed)]), harness, "RecordInvalid", [reason]);
        }
      }
    }
    for (const length of [0, 31, 47, 48, 95, bytes.length - 1]) {
      assert.equal(await harness.read.recordFlaw([bytesToHex(bytes.slice(0, length))]), 1n);
    }
  });
});
