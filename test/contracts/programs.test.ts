// ProgramRegistry: publishes exactly the bytes under a program root and refuses any others.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import {
  concatHex,
  decodeFunctionData,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  keccak256,
  numberToHex,
  parseAbiParameters,
  sliceHex,
  type Hex,
} from "viem";

import { SCALAR_LIMITS } from "@lockstep/node/ir/scalar";
import { makeProgram, type ProgramBytes } from "./support/trace.ts";

const MIRRORS = ["https://example.org/program"];
const PROGRAM = makeProgram({
  segments: [
    { steps: 2, lengths: [3, 4, 5, 6, 7] },
    { steps: 0, lengths: [8] },
  ],
  inputs: [4],
  slots: [5],
  outputs: [6, 7],
});

describe("ProgramRegistry", async () => {
  const { viem, networkHelpers } = await network.create();
  const registry = await viem.deployContract("ProgramRegistry");
  const [publisher] = await viem.getWalletClients();
  const client = await viem.getPublicClient();
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  async function begin(): Promise<void> {}
  const fixture = () => networkHelpers.loadFixture(begin);

  const register = (changes: Partial<ProgramBytes> = {}) => {
    const { summary, interfaceTable, bindings, records, scalars } = { ...PROGRAM, ...changes };
    return registry.write.register([summary, interfaceTable, bindings, records, scalars, MIRRORS]);
  };
  const flip = (bytes: Hex): Hex => concatHex([sliceHex(bytes, 0, bytes.length / 2 - 2), "0xff"]);
  const segmentHash = (segment: number, offset: number): Hex =>
    sliceHex(PROGRAM.summary, 64 + 96 * segment + offset, 96 + 96 * segment + offset);

  it("refuses a summary that is not canonical", async () => {
    await fixture();
    await fails(register({ summary: "0x" }), registry, "SummaryLengthInvalid", [64n, 0n]);
    const summary = concatHex(["0xff", sliceHex(PROGRAM.summary, 1)]);
    await fails(register({ summary }), registry, "SummaryFieldInvalid", [0n]);
  });

  it("refuses another interface table", async () => {
    await fixture();
    const interfaceTable = flip(PROGRAM.interfaceTable);
    await fails(register({ interfaceTable }), registry, "InterfaceHashMismatch", [
      keccak256(PROGRAM.interfaceTable),
      keccak256(interfaceTable),
    ]);
  });

  it("refuses more or fewer segments", async () => {
    await fixture();
    const { bindings, records } = PROGRAM;
    await fails(register({ bindings: bindings.slice(1) }), registry, "SegmentCountMismatch", [2n, 1n]);
    await fails(register({ bindings: [...bindings, "0x"] }), registry, "SegmentCountMismatch", [2n, 3n]);
    await fails(register({ records: records.slice(1) }), registry, "SegmentCountMismatch", [2n, 1n]);
    await fails(register({ records: [...records, []] }), registry, "SegmentCountMismatch", [2n, 3n]);
  });

  it("refuses other bindings", async () => {
    await fixture();
    const bad = flip(PROGRAM.bindings[1]);
    await fails(register({ bindings: [PROGRAM.bindings[0], bad] }), registry, "BindingsHashMismatch", [
      1n,
      segmentHash(1, 32),
      keccak256(bad),
    ]);
  });

  it("refuses records that are missing, more, others or in another order", async () => {
    await fixture();
    const [first, last] = PROGRAM.records;
    const withFirst = (records: Hex[]) => register({ records: [records, last] });
    await fails(withFirst(first.slice(1)), registry, "RecordCountMismatch", [0n, 5n, 4n]);
    await fails(withFirst([...first, first[0]]), registry, "RecordCountMismatch", [0n, 5n, 6n]);
    await fails(register({ records: [first, []] }), registry, "RecordCountMismatch", [1n, 1n, 0n]);
    for (const records of [first.toReversed(), first.with(4, flip(first[4]))]) {
      await viem.assertions.revertWithCustomError(withFirst(records), registry, "RecordsRootMismatch");
    }
  });

  it("refuses records whose length is not what their operand count implies", async () => {
    await fixture();
    const [first, last] = PROGRAM.records;
    const withThird = (record: Hex) => register({ records: [first.with(3, record), last] });
    const counting = (operands: number, bytes: number): Hex => {
      const head = concatHex([sliceHex(first[3], 0, 37), numberToHex(operands, { size: 1 })]);
      return concatHex([head, numberToHex(0, { size: bytes - 38 })]);
    };
    const lengthFails = (record: Hex, expected: bigint) =>
      fails(withThird(record), registry, "RecordLengthInvalid", [0n, 3n, expected, BigInt(record.length / 2 - 1)]);
    await lengthFails("0x", 48n);
    await lengthFails("0x00", 48n);
    await lengthFails(sliceHex(first[3], 0, 47), 48n);
    await lengthFails(concatHex([first[3], "0x00"]), 48n);
    await lengthFails(counting(1, 95), 96n);
    await lengthFails(counting(8, 433), 432n);
    await lengthFails(counting(8, 100_000), 432n);
    for (const operands of [9, 255]) {
      const record = counting(operands, 48 + 48 * operands);
      await fails(withThird(record), registry, "RecordOperandsTooMany", [0n, 3n, BigInt(operands)]);
    }
    // A length that fits gets as far as the hashes.
    for (const operands of [1, 8]) {
      const record = withThird(counting(operands, 48 + 48 * operands));
      await viem.assertions.revertWithCustomError(record, registry, "RecordsRootMismatch");
    }
  });

  it("refuses tables and bindings of a length that the counts do not imply", async () => {
    await fixture();
    const { interfaceTable, bindings } = PROGRAM;
    const [tableBytes, bindingBytes] = [8 + 48 + 16, 12];
    for (const [bytes, expected, name] of [
      [interfaceTable, tableBytes, "InterfaceLengthInvalid"],
      [bindings[1], bindingBytes, "BindingsLengthInvalid"],
    ] as const) {
      assert.equal(bytes.length / 2 - 1, expected);
      for (const wrong of [concatHex([bytes, "0x00"]), sliceHex(bytes, 0, expected - 1)]) {
        const change =
          name === "InterfaceLengthInvalid" ? { interfaceTable: wrong } : { bindings: [bindings[0], wrong] };
        await fails(register(change), registry, name, [BigInt(expected), BigInt(wrong.length / 2 - 1)]);
      }
    }
  });

  it("refuses scalar programs that are too long", async () => {
    await fixture();
    const longest = numberToHex(1, { size: SCALAR_LIMITS.encodedBytes });
    const shape = { segments: [{ steps: 0, lengths: [1] }], inputs: [], slots: [], outputs: [1] };
    await register(makeProgram(shape, [longest]));
    const scalars: Hex[] = [concatHex([longest, "0x00"])];
    const tooLong = BigInt(SCALAR_LIMITS.encodedBytes + 1);
    await fails(register(makeProgram(shape, scalars)), registry, "ScalarTooLong", [0n, tooLong]);
  });

  it("refuses scalar programs that are missing or out of order", async () => {
    await fixture();
    const scalar = PROGRAM.scalars[0];
    const hash = keccak256(scalar);
    await fails(register({ scalars: [] }), registry, "ScalarMissing", [0n, 0n, hash]);
    await fails(register({ scalars: ["0x01"] }), registry, "ScalarMissing", [0n, 0n, hash]);
    await fails(register({ scalars: [scalar, scalar] }), registry, "ScalarsNotAscending", [1n, hash, hash]);
    const sorted = ascending([scalar, "0x01", "0x02"]);
    const [high, middle] = sorted.toReversed();
    await fails(register({ scalars: [high, middle] }), registry, "ScalarsNotAscending", [
      1n,
      keccak256(high),
      keccak256(middle),
    ]);
  });

  it("publishes a program once", async () => {
    await fixture();
    const { summary, programRoot, interfaceTable, bindings, records, scalars } = PROGRAM;
    assert.equal(await registry.read.isRegistered([programRoot]), false);
    const hash = await register();
    const contentHash = keccak256(encodeAbiParameters(parseAbiParameters("bytes[][], bytes[]"), [records, scalars]));
    await viem.assertions.emitWithArgs(hash, registry, "ProgramRegistered", [
      programRoot,
      publisher.account.address,
      summary,
      interfaceTable,
      bindings,
      contentHash,
      MIRRORS,
    ]);
    assert.equal(await registry.read.isRegistered([programRoot]), true);
    await fails(register(), registry, "ProgramAlreadyRegistered", [programRoot]);
    const { input } = await client.getTransaction({ hash });
    const { args } = decodeFunctionData({ abi: registry.abi, data: input });
    assert.deepEqual(args, [summary, interfaceTable, bindings, records, scalars, MIRRORS]);
  });

  it("publishes records and scalar programs, also for a contract that registers", async () => {
    await fixture();
    const { summary, programRoot, interfaceTable, bindings, records, scalars } = PROGRAM;
    const account = await viem.deployContract("MockAccount");
    const args = [summary, interfaceTable, bindings, records, scalars, MIRRORS] as const;
    const data = encodeFunctionData({ abi: registry.abi, functionName: "register", args });
    const hash = await account.write.execute([registry.address, data]);
    await viem.assertions.emitWithArgs(hash, registry, "ProgramPublished", [programRoot, records, scalars]);
  });

  it("takes mirrors of registered programs from anyone", async () => {
    await fixture();
    const { programRoot } = PROGRAM;
    const [, { account }] = await viem.getWalletClients();
    const mirror = (mirrors: string[]) => registry.write.mirror([programRoot, mirrors], { account });
    await fails(mirror(MIRRORS), registry, "ProgramNotRegistered", [programRoot]);
    await register();
    for (const mirrors of [MIRRORS, ["lockstep:a", "lockstep:b"], []]) {
      const mirrored: [Hex, Hex, string[]] = [programRoot, getAddress(account.address), mirrors];
      await viem.assertions.emitWithArgs(mirror(mirrors), registry, "ProgramMirrored", mirrored);
    }
  });

  it("finds each of many scalar programs", async () => {
    await fixture();
    const scalars = ascending(Array.from({ length: 9 }, (_, i) => numberToHex(i, { size: 40 })));
    for (let records = 1; records <= 9; records++) {
      // One record per scalar program, under a records root made anew.
      const shape = { segments: [{ steps: 0, lengths: Array.from({ length: records }, () => 1) }] };
      const program = makeProgram({ ...shape, inputs: [], slots: [], outputs: [1] }, scalars.slice(0, records));
      await register({ ...program, scalars });
      assert.equal(await registry.read.isRegistered([program.programRoot]), true);
    }
  });
});

function ascending(scalars: Hex[]): Hex[] {
  return scalars.toSorted((a, b) => (keccak256(a) < keccak256(b) ? -1 : 1));
}
