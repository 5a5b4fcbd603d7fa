import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { below, createRandom } from "../float/directed.ts";
import { buildScalar } from "./build.ts";
import { FieldRangeError, hashBytes, MalformedBytesError, toHash } from "./bytes.ts";
import { decodeProgram, decodeRecord, decodeScalar, HashMismatchError, MissingScalarError } from "./decode.ts";
import { encodeProgram, encodeRecord, encodeScalar, programRoot, recordHash, scalarHash } from "./encode.ts";
import { exampleProgram } from "./example.ts";
import type { OperandRef, PrimitiveRecord } from "./program.ts";
import { randomScalar } from "./random.ts";
import { rootOf } from "./tree.ts";
import { InvalidScalarProgramError, validateScalar } from "./validate.ts";

test("the bytes of a scalar program are those of the specification", () => {
  const program = buildScalar({ operands: ["f32", "bool"], output: "f32", extents: [2, 3] }, (b) => {
    const [total] = b.loop({
      count: 3,
      start: 256,
      carried: [{ type: "f32", init: 1.5 }],
      body: ({ carried: [sum] }) => [b.fma(b.load(0, b.digits[1], [[3, -2]]), b.f32(1.5), sum)],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  // Registers: 0 constant, 1 step, 2 3 digits, 4 counter, 5 carried, 6 7 body, 8 total, 9 block, 10 combine, 11 final.
  const expected = [
    "01 00 02 02 0001 01 01 0000 0002 0001 0000 00000100 0003 00 01 00 00 000b 02000000",
    "00000002 00000003",
    "3fc00000 00 000000",
    "00000001 00000000 00000001 00000000 00000003 fffffffe",
    "0000 0007 000a 0000",
    "01 00 0003 0001 0000",
    "06 00 0006 0000 0005",
    "03 00 0008 0009 0000",
  ];
  assert.equal(Buffer.from(encodeScalar(program)).toString("hex"), expected.join("").replaceAll(" ", ""));
  assert.equal(scalarHash(program), toHash(keccak_256(encodeScalar(program))));
});

test("scalar programs survive the round trip", () => {
  const random = createRandom(3);
  for (let round = 0; round < 500; round++) {
    const program = randomScalar(random);
    assert.deepEqual(decodeScalar(encodeScalar(program)), program);
  }
});

test("mutated bytes are refused or decode to a program with those bytes", () => {
  const random = createRandom(4);
  let refused = 0;
  let decoded = 0;
  let valid = 0;
  for (let round = 0; round < 6000; round++) {
    const bytes = mutate(random, encodeScalar(randomScalar(random)));
    try {
      const program = decodeScalar(bytes);
      decoded++;
      assert.deepEqual(encodeScalar(program), bytes);
      validateScalar(program);
      valid++;
    } catch (error) {
      if (!(error instanceof MalformedBytesError || error instanceof InvalidScalarProgramError)) throw error;
      refused++;
    }
  }
  assert.ok(refused > 1000 && decoded > 1000 && valid > 100, `${refused} refused, ${decoded} decoded, ${valid} valid`);
});

test("programs survive the round trip and their parts hang together", () => {
  const { notes, ...program } = exampleProgram();
  const parts = encodeProgram(program);
  assert.ok(notes !== undefined);
  assert.deepEqual(decodeProgram(parts), program);
  assert.equal(parts.summary.length, 64 + 96 * program.segments.length);
  assert.equal(programRoot(parts), toHash(keccak_256(parts.summary)));
  const hashes = parts.scalars.map((bytes) => toHash(keccak_256(bytes)));
  assert.deepEqual(hashes, hashes.toSorted());
  assert.equal(programRoot(program), programRoot(exampleProgram()));
  // Bytes that no record names do not make a program unreadable.
  assert.deepEqual(decodeProgram({ ...parts, scalars: [Uint8Array.of(1), ...parts.scalars] }), program);
});

test("parts that were exchanged or changed are refused", () => {
  const parts = encodeProgram(exampleProgram());
  const flip = (bytes: Uint8Array): Uint8Array =>
    bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));
  const [bindings, ...otherBindings] = parts.bindings;
  const [records, ...otherRecords] = parts.records;
  assert.throws(() => decodeProgram({ ...parts, interfaceTable: flip(parts.interfaceTable) }), HashMismatchError);
  assert.throws(() => decodeProgram({ ...parts, bindings: [flip(bindings), ...otherBindings] }), HashMismatchError);
  assert.throws(() => decodeProgram({ ...parts, bindings: otherBindings }), MalformedBytesError);
  const reversed = [records.toReversed(), ...otherRecords];
  assert.throws(() => decodeProgram({ ...parts, records: reversed }), HashMismatchError);
  assert.throws(() => decodeProgram({ ...parts, records: [records.slice(1), ...otherRecords] }), MalformedBytesError);
  assert.throws(() => decodeProgram({ ...parts, scalars: parts.scalars.slice(1) }), MissingScalarError);
  assert.throws(() => decodeProgram({ ...parts, summary: flip(parts.summary) }), MalformedBytesError);
});

test("mutated parts of a program give a typed error or the same bytes", () => {
  const random = createRandom(6);
  const parts = encodeProgram(exampleProgram());
  for (let round = 0; round < 2000; round++) {
    // The hashes above a part are renewed, so that its own rules are reached.
    const table = below(random, 2) === 0 ? mutate(random, parts.interfaceTable) : parts.interfaceTable;
    const records = parts.records.map((list) =>
      list.map((record) => (below(random, 4) === 0 ? mutate(random, record) : record)),
    );
    const bindings = parts.bindings.map((bytes) => (below(random, 4) === 0 ? mutate(random, bytes) : bytes));
    const summary = below(random, 4) === 0 ? mutate(random, parts.summary) : parts.summary.slice();
    if (summary.length === parts.summary.length) {
      summary.set(keccak_256(table), 32);
      records.forEach((list, segment) => {
        summary.set(rootOf(list.map((record) => keccak_256(record))), 64 + 96 * segment);
        summary.set(keccak_256(bindings[segment]), 96 + 96 * segment);
      });
    }
    const mutated = { ...parts, summary, interfaceTable: table, records, bindings };
    try {
      const { scalars: _, ...encoded } = encodeProgram(decodeProgram(mutated));
      assert.deepEqual(encoded, { summary, interfaceTable: table, records, bindings });
    } catch (error) {
      const typed = [MalformedBytesError, HashMismatchError, MissingScalarError];
      if (!typed.some((type) => error instanceof type)) throw error;
    }
  }
});

test("records have one encoding", () => {
  const record: PrimitiveRecord = {
    scalar: `0x${"ab".repeat(32)}`,
    type: "i32",
    length: 7,
    operands: [
      { kind: "input", type: "bool", length: 9, index: 3 },
      { kind: "constant", type: "f32", length: 2, root: `0x${"cd".repeat(32)}` },
    ],
  };
  const bytes = encodeRecord(record);
  assert.equal(bytes.length, 48 * 3);
  assert.equal(
    Buffer.from(bytes.subarray(32, 72)).toString("hex"),
    `000000070102${"00".repeat(10)}02020000000000090000000300000000${"00".repeat(8)}`,
  );
  assert.deepEqual(decodeRecord(bytes), record);
  assert.equal(recordHash(record), toHash(keccak_256(bytes)));
  assert.throws(() => decodeRecord(bytes.slice(0, -1)), MalformedBytesError);
  assert.throws(() => decodeRecord(Uint8Array.of(...bytes, 0)), MalformedBytesError);
});

test("records of every number of operands survive the round trip", () => {
  for (let count = 0; count <= 8; count++) {
    const operands = Array.from({ length: count }, (_, index): OperandRef => ({
      kind: "constant",
      root: `0x${(index + 1).toString(16).padStart(64, "a")}`,
      type: "f32",
      length: index + 1,
    }));
    const record: PrimitiveRecord = { scalar: `0x${"b".repeat(64)}`, type: "i32", length: 7, operands };
    const bytes = encodeRecord(record);
    assert.equal(bytes.length, 48 * (1 + count));
    assert.deepEqual(decodeRecord(bytes), record);
  }
});

test("numbers that do not fit and hashes of another form are refused", () => {
  const program = buildScalar({ operands: [], output: "i32", extents: [2] }, (b) => b.index);
  assert.throws(() => encodeScalar({ ...program, result: 65536 }), FieldRangeError);
  assert.throws(() => encodeScalar({ ...program, extents: [-1] }), FieldRangeError);
  assert.throws(() => hashBytes(`0x${"AB".repeat(32)}`), MalformedBytesError);
  assert.throws(() => hashBytes("0x12"), MalformedBytesError);
});

test("a tree hashes nothing for nodes without leaves", () => {
  const leaf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
  const node = (left: Uint8Array, right: Uint8Array): Uint8Array => keccak_256(Uint8Array.of(...left, ...right));
  const zero = leaf(0);
  assert.deepEqual(rootOf([]), zero);
  assert.deepEqual(rootOf([leaf(1)]), leaf(1));
  assert.deepEqual(rootOf([leaf(1), leaf(2), leaf(3)]), node(node(leaf(1), leaf(2)), node(leaf(3), zero)));
  const five = [1, 2, 3, 4, 5].map(leaf);
  const left = node(node(five[0], five[1]), node(five[2], five[3]));
  assert.deepEqual(rootOf(five), node(left, node(node(five[4], zero), zero)));
});

function mutate(random: () => number, bytes: Uint8Array): Uint8Array {
  const changed = Array.from(bytes);
  for (let times = 1 + below(random, 2); times > 0; times--) {
    const at = below(random, changed.length);
    switch (below(random, 8)) {
      case 0:
        changed.splice(at, 1 + below(random, 8));
        break;
      case 1:
        changed.splice(at, 0, below(random, 256));
        break;
      case 2:
        changed[at] = below(random, 256);
        break;
      default:
        changed[at] = (changed[at] + 1 + below(random, 3)) & 255;
    }
    if (changed.length === 0) changed.push(0);
  }
  return Uint8Array.from(changed);
}
