/**
 * Writes contracts/generated/Opcodes.sol from the opcode table, so that the referee's numbers are the interpreter's. The
 * library holds one constant per opcode, one packed row per opcode, and the limits and prices of the static bounds.
 */

import { SCALAR_FORMAT } from "./encode.ts";
import { DOT_RUN, GAS, OPCODE_NAMES, OPCODES } from "./opcodes.ts";
import type { ArgumentClass, ImmediateKind, ResultClass } from "./opcodes.ts";
import { NUMERICS_VERSION, PROGRAM_LIMITS, UNCHANGED } from "./program.ts";
import { BLOCK_SIZE, SCALAR_LIMITS } from "./scalar.ts";

/** Codes of argument and result classes in packed rows; those of the word types are their type codes plus one. */
export const CLASS_CODES: Readonly<Record<ArgumentClass | ResultClass | "unused", number>> = {
  unused: 0,
  f32: 1,
  i32: 2,
  bool: 3,
  any: 4,
  bits: 5,
  base: 6,
  pattern: 7,
  divisor: 8,
  operand: 9,
};

const IMMEDIATE_CODES: Readonly<Record<ImmediateKind, number>> = { none: 0, operand: 1, shift: 2 };

const NOTES: Readonly<Record<keyof typeof CLASS_CODES, string>> = {
  unused: "the field must be zero",
  f32: "a register of this type",
  i32: "a register of this type",
  bool: "a register of this type",
  any: "a register of one type, the same in all such fields and in the result",
  bits: "the same, but i32 or bool only",
  base: "an i32 register visible from the prologue",
  pattern: "a load pattern's index plus one, or 0; not 0 only in the body",
  divisor: "an i32 constant register whose word is not zero",
  operand: "the type of the operand that the immediate names (results only)",
};

/** The text of contracts/generated/Opcodes.sol. */
export function solidityOpcodes(): string {
  const lines: string[] = [];
  const constant = (type: string, name: string, value: number): void => {
    lines.push(`    ${type} internal constant ${name} = ${value};`);
  };
  for (const name of OPCODE_NAMES) constant("uint8", constantName(name), OPCODES[name].code);
  lines.push("");
  constant("uint8", "LAST_OPCODE", Math.max(...OPCODE_NAMES.map((name) => OPCODES[name].code)));
  lines.push("", "    // Classes of fields and results in ROWS.");
  for (const [name, code] of Object.entries(CLASS_CODES)) {
    lines.push(`    // ${NOTES[name as keyof typeof CLASS_CODES]}`);
    constant("uint8", `CLASS_${constantName(name)}`, code);
  }
  lines.push("", "    // What the immediate byte holds: zero, an operand's index, or a shift of 0..31.");
  for (const [name, code] of Object.entries(IMMEDIATE_CODES))
    constant("uint8", `IMMEDIATE_${constantName(name)}`, code);
  lines.push(
    "",
    "    // Eight bytes per opcode, the row of opcode n at byte 8 * n, row 0 zero: class of the result, classes of the fields",
    "    // a, b and c, kind of the immediate, zero, and the gas of one execution (uint16).",
  );
  lines.push("    bytes internal constant ROWS =", ...packedRows());
  lines.push("", "    // Prices of the static gas bound beside the rows.");
  for (const [name, gas] of Object.entries(GAS)) constant("uint256", `GAS_${constantName(name)}`, gas);
  lines.push(
    "",
    "    // The dot product prices hold where the fastest digit of both load patterns has at least this extent.",
  );
  constant("uint256", "DOT_RUN", DOT_RUN);
  lines.push("", "    // Limits, inclusive.");
  for (const [name, most] of Object.entries(SCALAR_LIMITS)) constant("uint256", `MAX_${constantName(name)}`, most);
  for (const [name, most] of Object.entries(PROGRAM_LIMITS))
    constant("uint256", `MAX_PROGRAM_${constantName(name)}`, most);
  lines.push("");
  constant("uint8", "SCALAR_FORMAT", SCALAR_FORMAT);
  constant("uint32", "NUMERICS_VERSION", NUMERICS_VERSION);
  constant("uint256", "BLOCK_SIZE", BLOCK_SIZE);
  constant("uint32", "UNCHANGED", UNCHANGED);
  return [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Generated from node/src/ir/opcodes.ts by scripts/generate.ts. Do not edit.",
    "pragma solidity 0.8.37;",
    "",
    "/// @title Opcodes",
    "/// @notice The opcode table of the scalar program: codes, types, prices and limits.",
    "library Opcodes {",
    ...lines,
    "}",
    "",
  ].join("\n");
}

function packedRows(): string[] {
  const last = Math.max(...OPCODE_NAMES.map((name) => OPCODES[name].code));
  const rows = new Uint8Array(8 * (last + 1));
  for (const name of OPCODE_NAMES) {
    const { code, arguments: args, result, immediate, gas } = OPCODES[name];
    const fields = [0, 1, 2].map((index) => CLASS_CODES[args[index] ?? "unused"]);
    rows.set([CLASS_CODES[result], ...fields, IMMEDIATE_CODES[immediate], 0, gas >> 8, gas & 255], 8 * code);
  }
  const digits = Array.from(rows, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const literals = digits.match(/.{1,96}/g) ?? [];
  return literals.map((part, index) => `        hex"${part}"${index === literals.length - 1 ? ";" : ""}`);
}

/** toI32 becomes TO_I32, mulhiU MULHI_U. */
function constantName(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}
