import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../float/directed.ts";
import { buildScalar } from "./build.ts";
import { randomScalar } from "./random.ts";
import type { Carried, Instruction, Loop, ScalarProgram } from "./scalar.ts";
import { InvalidScalarProgramError, SCALAR_RULES, validateScalar } from "./validate.ts";
import type { ScalarRule } from "./validate.ts";

// Registers: 0 f32 0, 1 i32 5, 2 bool | 3 step | 4 digit | 5 prologue | 6 counter | 7 carried | 8..10 body | 11 total |
// 12 block | 13 combine | 14 final | 15 epilogue
const VALID: ScalarProgram & { readonly loop: Loop } = {
  outputType: "f32",
  operandTypes: ["f32", "i32"],
  extents: [4],
  constants: [
    { type: "f32", word: 0 },
    { type: "i32", word: 5 },
    { type: "bool", word: 0xffffffff },
  ],
  patterns: [
    [
      { extent: 1, stride: 0 },
      { extent: 1, stride: 0 },
      { extent: 300, stride: 1 },
    ],
  ],
  prologue: [instruction("mulI", 4, 1)],
  loop: {
    start: 256,
    count: 300,
    single: false,
    lanes: 1,
    continued: false,
    carried: [{ init: 0, bodyOut: 10, combineOut: 13, totalInit: 0 }],
    body: [instruction("load", 5, 1), instruction("fromI32", 6), instruction("fma", 8, 9, 7)],
    combine: [instruction("add", 11, 12)],
  },
  epilogue: [instruction("max", 14, 0)],
  result: 15,
};

function instruction(op: Instruction["op"], a = 0, b = 0, c = 0, imm = 0): Instruction {
  return { op, imm, a, b, c };
}

function looped(changes: Partial<Loop>): ScalarProgram {
  return { ...VALID, loop: { ...VALID.loop, ...changes } };
}

function carried(changes: Partial<Carried>): ScalarProgram {
  return looped({ carried: [{ ...VALID.loop.carried[0], ...changes }] });
}

function body(first: Instruction): ScalarProgram {
  return looped({ body: [first, ...VALID.loop.body.slice(1)] });
}

function prologue(only: Instruction): ScalarProgram {
  return { ...VALID, prologue: [only] };
}

const [pattern] = VALID.patterns;
const badType = "f64" as ScalarProgram["outputType"];

const BREAKS: readonly (readonly [ScalarRule, string, ScalarProgram])[] = [
  ["word-type", "of the output", { ...VALID, outputType: badType }],
  ["word-type", "of an operand", { ...VALID, operandTypes: ["f32", badType] }],
  ["operand-count", "nine", { ...VALID, operandTypes: Array(9).fill("f32") }],
  ["extents", "none", { ...VALID, extents: [] }],
  ["extents", "zero", { ...VALID, extents: [0] }],
  ["extents", "a product of 2^31", { ...VALID, extents: [2 ** 16, 2 ** 15] }],
  ["extents", "a fraction", { ...VALID, extents: [1.5] }],
  ["constant-count", "257", { ...VALID, constants: Array.from({ length: 257 }, () => VALID.constants[1]) }],
  ["constant-word", "a NaN payload", { ...VALID, constants: [{ type: "f32", word: 0x7fc00001 }] }],
  ["constant-word", "an odd mask", { ...VALID, constants: [{ type: "bool", word: 1 }] }],
  ["constant-word", "a negative word", { ...VALID, constants: [{ type: "i32", word: -1 }] }],
  ["pattern-count", "17", { ...VALID, patterns: Array(17).fill(pattern) }],
  ["pattern-count", "one without a loop", { ...VALID, loop: null }],
  ["pattern-digit", "extent 0", { ...VALID, patterns: [[pattern[0], pattern[1], { extent: 0, stride: 1 }]] }],
  ["pattern-digit", "stride 2^31", { ...VALID, patterns: [[pattern[0], pattern[1], { extent: 2, stride: 2 ** 31 }]] }],
  ["pattern-digit", "two digits", { ...VALID, patterns: [pattern.slice(1) as unknown as typeof pattern] }],
  ["pattern-order", "unused", { ...VALID, patterns: [pattern, [pattern[0], pattern[1], { extent: 2, stride: 2 }]] }],
  ["pattern-order", "absent", body(instruction("load", 5, 2))],
  ["pattern-duplicate", "two equal", { ...VALID, patterns: [pattern, pattern] }],
  ["pattern-place", "in the prologue", prologue(instruction("load", 4, 1))],
  ["section-length", "257", { ...VALID, epilogue: Array(257).fill(instruction("neg", 0)) }],
  ["section-length", "an empty body", { ...looped({ body: [] }), patterns: [] }],
  ["loop-count", "0", looped({ count: 0 })],
  ["loop-count", "4097", looped({ count: 4097 })],
  ["loop-start", "not aligned", looped({ start: 255 })],
  ["loop-start", "beyond 2^24", looped({ start: 2 ** 24 - 256 })],
  ["loop-single", "of one block", looped({ single: true, count: 256 })],
  ["loop-lanes", "2", looped({ lanes: 2 as Loop["lanes"] })],
  ["carried-count", "0", looped({ carried: [] })],
  ["carried-count", "9", looped({ carried: Array(9).fill(VALID.loop.carried[0]) })],
  ["carried-init", "no constant", carried({ init: 3 })],
  ["carried-body", "a later register", carried({ bodyOut: 11 })],
  ["carried-body", "another type", carried({ bodyOut: 6 })],
  ["carried-combine", "of the body", carried({ combineOut: 10 })],
  ["carried-total", "set but not continued", carried({ totalInit: 1 })],
  ["carried-total", "another type", looped({ continued: true, carried: [{ ...VALID.loop.carried[0], totalInit: 5 }] })],
  ["opcode", "unknown", prologue({ ...VALID.prologue[0], op: "exp" as Instruction["op"] })],
  ["unused-field", "c", prologue({ ...VALID.prologue[0], c: 1 })],
  ["unused-field", "immediate", prologue({ ...VALID.prologue[0], imm: 1 })],
  ["immediate", "shift of 32", prologue(instruction("shl", 4, 0, 0, 32))],
  ["immediate", "operand 2", prologue(instruction("load", 4, 0, 0, 2))],
  ["visibility", "itself", prologue(instruction("mulI", 5, 1))],
  ["visibility", "the body from combine", looped({ combine: [instruction("add", 11, 10)] })],
  ["visibility", "the counter from the epilogue", { ...VALID, epilogue: [instruction("add", 14, 6)] }],
  ["visibility", "totals from the epilogue", { ...VALID, epilogue: [instruction("add", 14, 11)] }],
  ["visibility", "a fraction", prologue(instruction("mulI", 4.5, 1))],
  ["argument-type", "float of an integer", prologue(instruction("neg", 4))],
  ["argument-type", "and of floats", { ...VALID, epilogue: [instruction("and", 14, 14)] }],
  ["argument-type", "select of two types", prologue(instruction("select", 2, 0, 1))],
  ["argument-type", "select by an integer", prologue(instruction("select", 1, 4, 4))],
  ["base", "the counter", body(instruction("load", 6, 1))],
  ["divisor", "a digit", prologue(instruction("divU", 4, 4))],
  [
    "divisor",
    "zero",
    {
      ...prologue(instruction("remU", 4, 1)),
      constants: [VALID.constants[0], { type: "i32", word: 0 }, VALID.constants[2]],
    },
  ],
  ["result", "of another type", { ...VALID, result: 4 }],
  ["result", "of the body", { ...VALID, result: 10 }],
  ["result", "past the end", { ...VALID, result: 16 }],
  [
    "chunk-bound",
    "a gather in a long loop",
    { ...looped({ body: [instruction("gather", 6), ...VALID.loop.body.slice(1)] }), patterns: [] },
  ],
  [
    "gas-bound",
    "4096 square roots",
    {
      ...VALID,
      patterns: [],
      loop: {
        ...VALID.loop,
        count: 4096,
        body: [instruction("load", 5), instruction("sqrt", 7), instruction("fma", 8, 9, 7)],
      },
    },
  ],
];

test("a valid program passes and its registers have types", () => {
  const types = validateScalar(VALID);
  assert.equal(types.length, 16);
  assert.equal(types[5], "i32");
  assert.equal(types[14], "f32");
});

for (const [rule, reason, program] of BREAKS) {
  test(`${rule}: ${reason}`, () => {
    assert.throws(
      () => validateScalar(program),
      (error) => error instanceof InvalidScalarProgramError && error.rule === rule,
    );
  });
}

test("every rule has an example", () => {
  assert.deepEqual(new Set(BREAKS.map(([rule]) => rule)), new Set(SCALAR_RULES));
});

test("random programs are valid", () => {
  const random = createRandom(7);
  for (let round = 0; round < 500; round++) validateScalar(randomScalar(random));
});

test("a builder's program is valid without a loop", () => {
  const program = buildScalar({ operands: ["bool"], output: "i32", extents: [3, 2] }, (b) =>
    b.i32FromBool(b.load(0, b.index)),
  );
  assert.equal(validateScalar(program).length, program.constants.length + 3 + program.prologue.length);
});
