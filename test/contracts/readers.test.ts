// The three readers of scalar programs against each other, word for word: the interpreter, the compiled backend and the
// contracts. Every instruction over directed words, 256 cases to a program that mixes their results into one word; random
// programs; and chains in which each result is an operand of the next.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex } from "viem";

import { createWasmRunner } from "@lockstep/node/engine";
import { below, createRandom, DIRECTED_CLASSES, drawOperands } from "@lockstep/node/float/directed";
import type { Random } from "@lockstep/node/float/directed";
import { encodeScalar } from "@lockstep/node/ir/encode";
import { evaluateElement } from "@lockstep/node/ir/interpret";
import { OPCODE_NAMES, OPCODES, WORD_TYPES } from "@lockstep/node/ir/opcodes";
import type { OpcodeName, WordType } from "@lockstep/node/ir/opcodes";
import { randomOperands, randomScalar } from "@lockstep/node/ir/random";
import { outputLength } from "@lockstep/node/ir/scalar";
import type { Instruction, ScalarProgram } from "@lockstep/node/ir/scalar";
import { validateScalar } from "@lockstep/node/ir/validate";
import { bigEndian, straightProgram } from "./support/scalars.ts";
import type { Tensor } from "./support/scalars.ts";

const SEED = 0x3ead;
const CASES = 256;
const GATHERS = 40;
const ROUNDS = 3;
const PROGRAMS = 60;
const CHAINS = 40;
const CLASSES = Object.keys(DIRECTED_CLASSES);
const INTEGERS = [0, 1, 2, 3, 7, 31, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x00ff00ff];

describe("the three readers", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("ScalarMachineHarness");
  const runner = createWasmRunner();

  async function assertEqual(
    program: ScalarProgram,
    step: number,
    tensors: readonly Tensor[],
    elements: readonly number[],
    name: string,
  ): Promise<void> {
    validateScalar(program);
    const compiled = new Uint32Array(outputLength(program));
    runner.run(
      program,
      step,
      tensors.map(({ words }) => words),
      compiled,
    );
    const operands = tensors.map(({ type, words }) => ({
      type,
      length: words.length,
      read: (index: number) => words[index],
    }));
    const ranges = tensors.map(({ words }, operand) => ({ operand, first: 0, words: bigEndian(padded(words)) }));
    const lengths = tensors.map(({ words }) => words.length);
    for (const element of elements) {
      const expected = evaluateElement(program, element, step, operands);
      const [word] = await harness.read.run([bytesToHex(encodeScalar(program)), element, step, lengths, ranges]);
      const found = { interpreter: expected, compiled: compiled[element], contract: Number(word) };
      assert.deepEqual(
        found,
        { interpreter: expected, compiled: expected, contract: expected },
        `${name}: ${JSON.stringify(program)}`,
      );
    }
  }

  for (const op of OPCODE_NAMES) {
    it(`test_${op}_directedWords_equal`, async (t) => {
      const random = createRandom(SEED + OPCODES[op].code);
      let programs = 0;
      for (const { program, types } of programsOf(op)) {
        for (let round = 0; round < ROUNDS; round++) {
          await assertEqual(program, 0, operandsOf(random, types), [0], op);
          programs++;
        }
      }
      t.diagnostic(`${programs} programs of ${CASES} cases`);
      assert.ok(programs >= ROUNDS);
    });
  }

  it("test_randomPrograms_equal", async (t) => {
    t.diagnostic(`seed 0x${SEED.toString(16)}, ${PROGRAMS} programs`);
    const random = createRandom(SEED);
    for (let index = 0; index < PROGRAMS; index++) {
      const program = randomScalar(random);
      const elements = [below(random, outputLength(program)), outputLength(program) - 1];
      const tensors = randomOperands(random, program);
      await assertEqual(program, below(random, 50), tensors, elements, `program ${index}`);
    }
  });

  it("test_chains_equal", async (t) => {
    t.diagnostic(`seed 0x${(SEED + 1).toString(16)}, ${CHAINS} chains`);
    const random = createRandom(SEED + 1);
    for (let index = 0; index < CHAINS; index++) {
      const program = loadFirst(straightProgram(random, 1 + below(random, 120)));
      const [words] = drawOperands(random, CLASSES[index % CLASSES.length], 1);
      await assertEqual(program, 0, [{ type: "f32", words: Uint32Array.of(words) }], [0], `chain ${index}`);
    }
  });
});

/** The chain with the operand's word in place of its second constant. */
function loadFirst(program: ScalarProgram): ScalarProgram {
  const { prologue, constants, result } = program;
  const first = constants.length + 2;
  const moved = (register: number): number => (register >= first ? register + 1 : register === 1 ? first : register);
  const shifted = prologue.map((instruction): Instruction => ({
    ...instruction,
    a: moved(instruction.a),
    b: OPCODES[instruction.op].arguments.length > 1 ? moved(instruction.b) : 0,
    c: OPCODES[instruction.op].arguments.length > 2 ? moved(instruction.c) : 0,
  }));
  const base = constants.length;
  const load: Instruction = { op: "load", imm: 0, a: base, b: 0, c: 0 };
  return { ...program, prologue: [load, ...shifted], result: result + 1 };
}

interface InstructionProgram {
  readonly program: ScalarProgram;
  readonly types: WordType[];
}

/** Programs that run the instruction on words 0 to 255 of their operands, for every type, shift and divisor it takes. */
function programsOf(op: OpcodeName): InstructionProgram[] {
  const { arguments: args, immediate } = OPCODES[op];
  const shared: readonly WordType[] = args.includes("any")
    ? WORD_TYPES
    : args.includes("bits")
      ? ["i32", "bool"]
      : ["i32"];
  const reads = op === "load" || op === "gather";
  const types = reads ? WORD_TYPES : shared;
  const shifts = immediate === "shift" ? [0, 1, 7, 16, 31] : [0];
  const divisors = args.includes("divisor") ? [1, 2, 3, 10, 0x7fffffff, 0x80000000, 0xffffffff] : [1];
  return types.flatMap((type) =>
    shifts.flatMap((shift) => divisors.map((divisor) => instructionProgram(op, type, shift, divisor))),
  );
}

function instructionProgram(op: OpcodeName, shared: WordType, shift: number, divisor: number): InstructionProgram {
  const { arguments: args, result } = OPCODES[op];
  const [zero, factor, divides, carried, body] = [0, 1, 2, 6, 7];
  const types: WordType[] = [];
  const loads: Instruction[] = [];
  const load = (type: WordType): number => {
    types.push(type);
    loads.push({ op: "load", imm: types.length - 1, a: zero, b: 1, c: 0 });
    return body + loads.length - 1;
  };
  const registers =
    op === "load"
      ? []
      : op === "gather"
        ? [load("i32")]
        : args.map((argument) => {
            if (argument === "divisor") return divides;
            return load(argument === "any" || argument === "bits" ? shared : (argument as WordType));
          });
  let imm = OPCODES[op].immediate === "shift" ? shift : 0;
  let [a = 0, b = 0, c = 0] = registers;
  if (op === "load" || op === "gather") {
    imm = types.length;
    types.push(shared);
    if (op === "load") [a, b, c] = [zero, 1, 0];
  }
  const instructions: Instruction[] = [...loads, { op, imm, a, b, c }];
  const push = (instruction: Omit<Instruction, "imm" | "c">): number =>
    body + instructions.push({ ...instruction, imm: 0, c: 0 }) - 1;
  const given = body + loads.length;
  const type = result === "operand" || result === "any" || result === "bits" ? shared : result;
  const word =
    type === "f32"
      ? push({ op: "bitsOf", a: given, b: 0 })
      : type === "bool"
        ? push({ op: "boolToI32", a: given, b: 0 })
        : given;
  const mixed = push({ op: "addI", a: push({ op: "mulI", a: carried, b: factor }), b: word });
  const totals = body + instructions.length;
  const unused = { extent: 1, stride: 0 };
  return {
    types,
    program: {
      outputType: "i32",
      operandTypes: types,
      extents: [1],
      constants: [0, 0x01000193, divisor].map((constant) => ({ type: "i32" as const, word: constant })),
      patterns: [[unused, unused, { extent: 4096, stride: 1 }]],
      prologue: [],
      loop: {
        start: 0,
        // Each gather may touch another chunk.
        count: op === "gather" ? GATHERS : CASES,
        single: false,
        lanes: 1,
        continued: false,
        carried: [{ init: zero, bodyOut: mixed, combineOut: totals, totalInit: 0 }],
        body: instructions,
        combine: [],
      },
      epilogue: [],
      result: totals + 2,
    },
  };
}

/** 256 words of each operand; f32 words of one case are of one class, so that they aim at one trouble. */
function operandsOf(random: Random, types: readonly WordType[]): Tensor[] {
  const tensors = types.map((type): Tensor => ({ type, words: new Uint32Array(CASES) }));
  for (let index = 0; index < CASES; index++) {
    const triple = drawOperands(random, CLASSES[index % CLASSES.length], 3);
    tensors.forEach(({ type, words }, operand) => {
      if (type === "f32") words[index] = triple[operand % 3];
      else if (type === "bool") words[index] = [0, 0xffffffff, 1][below(random, 3)];
      else words[index] = [random(), below(random, 300), INTEGERS[below(random, INTEGERS.length)]][below(random, 3)];
    });
  }
  return tensors;
}

/** Whole multiples of eight words. */
function padded(words: Uint32Array): Uint32Array {
  const whole = new Uint32Array(8 * Math.ceil(words.length / 8));
  whole.set(words);
  return whole;
}
