import assert from "node:assert/strict";
import { test } from "node:test";
import { CLASS_CODES, solidityOpcodes } from "./solidity.ts";
import { opcodeOf, OPCODE_NAMES, OPCODES } from "./opcodes.ts";
import { SEMANTICS } from "./semantics.ts";

test("codes run from 1 without a gap and name their opcode", () => {
  OPCODE_NAMES.forEach((name, index) => {
    assert.equal(OPCODES[name].code, index + 1);
    assert.equal(opcodeOf(index + 1), name);
  });
  assert.equal(opcodeOf(0), undefined);
  assert.equal(opcodeOf(OPCODE_NAMES.length + 1), undefined);
});

test("every pure opcode has semantics and every price fits sixteen bits", () => {
  const pure = OPCODE_NAMES.filter((name) => OPCODES[name].immediate !== "operand");
  assert.deepEqual(Object.keys(SEMANTICS).sort(), [...pure].sort());
  for (const name of OPCODE_NAMES) assert.ok(OPCODES[name].gas > 0 && OPCODES[name].gas < 65536, name);
});

test("the generated library packs the table", () => {
  const text = solidityOpcodes();
  const digits = [...text.matchAll(/hex"([0-9a-f]+)"/g)].map((match) => match[1]).join("");
  const rows = Buffer.from(digits, "hex");
  assert.equal(rows.length, 8 * (OPCODE_NAMES.length + 1));
  for (const name of OPCODE_NAMES) {
    const { code, result, arguments: args, gas } = OPCODES[name];
    const row = rows.subarray(8 * code, 8 * code + 8);
    assert.equal(row[0], CLASS_CODES[result]);
    [0, 1, 2].forEach((field) => assert.equal(row[1 + field], CLASS_CODES[args[field] ?? "unused"]));
    assert.equal(row.readUInt16BE(6), gas);
  }
  assert.match(text, /uint8 internal constant MULHI_U = 26;/);
  assert.match(text, /uint8 internal constant BOOL_TO_I32 = 38;/);
});
