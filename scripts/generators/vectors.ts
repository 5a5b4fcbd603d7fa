// Writes test/vectors: words, bytes and hashes to check a second implementation of docs/spec.md with, section by section. What
// is written comes from the interpreter and the plain hasher; test/vectors.test.ts compares the other readers with it.
import { bytesToHex } from "viem";
import { inputsRootOf, outputRootsOf, traceRootOf } from "@lockstep/node/engine";
import { chain, recurrent, rowCache, runFixture, singleWord, type Fixture } from "@lockstep/node/engine/fixtures";
import { below, createRandom, DIRECTED_CLASSES, drawOperands, type Random } from "@lockstep/node/float/directed";
import { canonical } from "@lockstep/node/float/words";
import { chunkBound, gasBound } from "@lockstep/node/ir/bounds";
import { encodeProgram, encodeScalar, programRoot, scalarHash } from "@lockstep/node/ir/encode";
import { evaluatePrimitive, wordsOperand } from "@lockstep/node/ir/interpret";
import { OPCODE_NAMES, OPCODES, type OpcodeName, type WordType } from "@lockstep/node/ir/opcodes";
import { randomScalar, randomWords } from "@lockstep/node/ir/random";
import { outputLength, type Constant, type Instruction, type ScalarProgram } from "@lockstep/node/ir/scalar";
import { keccak, plainHasher, toHash } from "@lockstep/node/merkle/hash";
import { tensorTree } from "@lockstep/node/merkle/tensor";
import { buildTree, proofOf, rangeProofOf, treeRoot } from "@lockstep/node/merkle/tree";
import { philox } from "@lockstep/node/onnx/random";
import type { GeneratedFile, Generator } from "./generator.ts";
import { disputes } from "./vectors-disputes.ts";
import { functionPrograms } from "./spec-functions.ts";

const FOLDER = "test/vectors";

export const vectorsGenerator: Generator = {
  name: "vectors",
  stage: "before-build",
  owns: [`${FOLDER}/*.json`],
  outputs: () => [
    file(
      "instructions",
      "Sections 1 and 2: words of the operands, and the word of the program's one element.",
      instructions(),
    ),
    file("functions", "docs/spec-functions.md: encoded programs of one element, and words for them.", functions()),
    file("philox", "Section 7: counter, key, and the block of Philox4x32-10.", philoxBlocks()),
    file(
      "scalars",
      "Section 2: encoded scalar programs with their hashes and bounds; steps, operands and all words.",
      scalars(),
    ),
    file("programs", "Section 3: the parts of programs, and their roots.", programs()),
    file("trees", "Section 4: tensor roots, and trees over leaves with paths and range proofs.", trees()),
    file("traces", "Section 4: every root of small runs, full and deferred.", traces()),
    file("disputes", "Sections 5 and 6: walks and fraud proofs, and the fault that each shows.", disputes()),
  ],
};

// One entry to a line: a change is seen where it is.
function file(name: string, about: string, entries: readonly object[]): GeneratedFile {
  const lines = entries.map((entry) => JSON.stringify(entry, (_, value: unknown) => hexOf(value)));
  const head = JSON.stringify({ numerics: 1, generatedBy: "scripts/generators/vectors.ts", about });
  return { path: `${FOLDER}/${name}.json`, content: `${head.slice(0, -1)},"vectors":[\n${lines.join(",\n")}\n]}\n` };
}

// Words as eight hexadecimal digits each, bytes as two.
function hexOf(value: unknown): unknown {
  if (value instanceof Uint32Array) return wordsHex(value);
  return value instanceof Uint8Array ? bytesToHex(value) : value;
}

function wordsHex(words: Iterable<number>): string {
  return [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join(" ");
}

// --- Instructions ---

const CASES = 40;

/** One program for each instruction, over as many operands as it has arguments; a constant where it must have one. */
function instructions(): object[] {
  return OPCODE_NAMES.flatMap((op) => {
    if (op === "load" || op === "gather") return [];
    return instructionForms(op).map(({ types, result, imm, divisor }) => {
      const random = createRandom(OPCODES[op].code);
      const program = programOfInstruction(op, types, result, imm, divisor);
      const cases = Array.from({ length: CASES }, () => {
        const operands = argumentsFor(random, op, types);
        return wordsHex([
          ...operands,
          evaluate(
            program,
            0,
            operands.map((word) => Uint32Array.of(word)),
          )[0],
        ]);
      });
      return {
        op,
        code: OPCODES[op].code,
        types,
        result,
        imm,
        ...(divisor === 0 ? {} : { divisor }),
        ...encoded(program),
        cases,
      };
    });
  });
}

interface InstructionForm {
  readonly types: readonly WordType[];
  readonly result: WordType;
  readonly imm: number;
  readonly divisor: number;
}

function instructionForms(op: OpcodeName): InstructionForm[] {
  const row = OPCODES[op];
  const polymorphic: readonly WordType[] = row.arguments.includes("any")
    ? ["f32", "i32", "bool"]
    : row.arguments.includes("bits")
      ? ["i32", "bool"]
      : ["f32"];
  const typed = (name: string, shared: WordType): WordType =>
    name === "any" || name === "bits" ? shared : name === "divisor" ? "i32" : (name as WordType);
  return polymorphic.flatMap((shared) => {
    const types = row.arguments.map((name) => typed(name, shared));
    const result = typed(row.result, shared);
    const isDivision = row.arguments.includes("divisor");
    const variants = row.immediate === "shift" ? [0, 1, 7, 31] : isDivision ? [1, 3, 10, 0x80000000, 0xffffffff] : [0];
    return variants.map((variant) => ({
      types,
      result,
      imm: row.immediate === "shift" ? variant : 0,
      divisor: isDivision ? variant : 0,
    }));
  });
}

function programOfInstruction(
  op: OpcodeName,
  types: readonly WordType[],
  result: WordType,
  imm: number,
  divisor: number,
): ScalarProgram {
  const constants: Constant[] = [{ type: "i32", word: 0 }];
  if (divisor !== 0) constants.push({ type: "i32", word: divisor });
  // Registers: constants, step, one digit, then the loads.
  const first = constants.length + 2;
  const operands = divisor === 0 ? types : types.slice(0, 1);
  const loads = operands.map((_, index): Instruction => ({ op: "load", imm: index, a: 0, b: 0, c: 0 }));
  const [a = 0, b = 0, c = 0] = types.map((_, index) => (index < operands.length ? first + index : 1));
  return {
    outputType: result,
    operandTypes: operands,
    extents: [1],
    constants,
    patterns: [],
    prologue: loads,
    loop: null,
    epilogue: [{ op, imm, a, b, c }],
    result: first + loads.length,
  };
}

function argumentsFor(random: Random, op: OpcodeName, types: readonly WordType[]): number[] {
  const count = OPCODES[op].arguments.includes("divisor") ? 1 : types.length;
  const names = Object.keys(DIRECTED_CLASSES);
  const floats = drawOperands(random, names[below(random, names.length)], 3);
  return types.slice(0, count).map((type, index) => {
    if (type === "f32") return floats[index];
    return randomWords(random, type, 1)[0];
  });
}

// --- Functions ---

const EDGES = [
  0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x40490fdb,
  0x42b17218, 0xc2cff1b5, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xff812345,
];

function functions(): object[] {
  return functionPrograms().map(({ name, program }, index) => {
    const random = createRandom(1000 + index);
    const drawn = Array.from({ length: 45 }, () => program.operandTypes.map((type) => randomWords(random, type, 1)[0]));
    const edges = EDGES.map((_, first) =>
      program.operandTypes.map((__, operand) => EDGES[(first + 5 * operand) % EDGES.length]),
    );
    const cases = [...edges, ...drawn].map((operands) =>
      wordsHex([
        ...operands,
        evaluate(
          program,
          0,
          operands.map((word) => Uint32Array.of(word)),
        )[0],
      ]),
    );
    return { name, ...encoded(program), cases };
  });
}

function philoxBlocks(): object[] {
  const random = createRandom(4);
  const fixed = [
    [0, 0, 0, 0, 0, 0],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0],
  ];
  return [...fixed, ...Array.from({ length: 13 }, () => Array.from({ length: 6 }, () => random()))].map((words) => {
    const [c0, c1, c2, c3, k0, k1] = words;
    return {
      counter: wordsHex(words.slice(0, 4)),
      key: wordsHex(words.slice(4)),
      block: philox(new Uint32Array(4), c0, c1, c2, c3, k0, k1),
    };
  });
}

// --- Scalar programs and programs ---

const SCALARS = 40;

function scalars(): object[] {
  const random = createRandom(2026);
  return Array.from({ length: SCALARS }, () => {
    const program = randomScalar(random);
    const step = below(random, 3) === 0 ? 0xfffffff0 : below(random, 1000);
    const operands = program.operandTypes.map((type) => randomWords(random, type, 1 + below(random, 90)));
    const output = evaluate(program, step, operands);
    return { ...encoded(program), chunks: chunkBound(program), gas: gasBound(program), step, operands, output };
  });
}

function encoded(program: ScalarProgram): { scalar: Uint8Array; scalarHash: string } {
  return { scalar: encodeScalar(program), scalarHash: scalarHash(program) };
}

function evaluate(program: ScalarProgram, step: number, operands: readonly Uint32Array[]): Uint32Array {
  const typed = operands.map((words, index) => wordsOperand(program.operandTypes[index], words));
  return evaluatePrimitive(program, step, typed, outputLength(program)).map(
    program.outputType === "f32" ? canonical : same,
  );
}

const same = (word: number): number => word;

const FIXTURES: readonly (readonly [string, () => Fixture])[] = [
  ["singleWord", singleWord],
  ["recurrent 300, one segment", () => recurrent(300)],
  ["recurrent 7, two segments", () => recurrent(7, 2)],
  ["chain of 5 over 600", () => chain(5, 600)],
];

function programs(): object[] {
  return FIXTURES.map(([name, make]) => {
    const { program } = make();
    const parts = encodeProgram(program);
    return {
      name,
      ...parts,
      interfaceHash: keccak(parts.interfaceTable),
      bindingsHashes: parts.bindings.map(keccak),
      recordsRoots: parts.records.map((records) => treeRoot(buildTree(records.map(keccak), plainHasher))),
      programRoot: programRoot(parts),
    };
  });
}

// --- Trees and traces ---

/** Word i of a tensor of these vectors: i times 0x9e3779b1, mod 2^32. */
function countingWords(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => Math.imul(index, 0x9e3779b1));
}

function trees(): object[] {
  const tensors = [1, 2, 255, 256, 257, 511, 512, 513, 1000, 4097, 70000].map((length) => {
    const tree = tensorTree(countingWords(length), plainHasher);
    return { words: "word i is i * 0x9e3779b1 mod 2^32", length, root: treeRoot(tree) };
  });
  const leaf = (index: number) => keccak(Uint8Array.of(index >>> 8, index & 255));
  const overLeaves = [1, 2, 3, 5, 8, 33, 100].map((leaves) => {
    const tree = buildTree(
      Array.from({ length: leaves }, (_, index) => leaf(index)),
      plainHasher,
    );
    const index = Math.floor(leaves / 2);
    const count = Math.min(3, leaves - index);
    return {
      leaves: "leaf i is H of i as two bytes",
      count: leaves,
      root: treeRoot(tree),
      path: { index, siblings: proofOf(tree, index) },
      range: { first: index, count, siblings: rangeProofOf(tree, index, count) },
    };
  });
  return [...tensors, ...overLeaves];
}

const RUNS: readonly (readonly [string, () => Fixture, number])[] = [
  ["recurrent 300, one segment", () => recurrent(300), 3],
  ["recurrent 7, two segments", () => recurrent(7, 2), 4],
  ["row cache of 3", () => rowCache(3), 3],
];

function traces(): object[] {
  return RUNS.map(([name, make, steps]) => {
    const fixture = make();
    const run = runFixture(fixture, steps, { hasher: plainHasher });
    const deferred = runFixture(fixture, steps, { hasher: plainHasher, trace: "deferred" });
    return {
      name,
      ...programBytes(fixture),
      steps,
      inputs: fixture.inputs,
      constants: constantsOf(fixture),
      inputsRoot: inputsRootOf(fixture.inputs),
      traceRoot: traceRootOf(run),
      deferredTraceRoot: traceRootOf(deferred),
      scratch: run.roots.map((roots) => hashesOf(roots.scratch)),
      state: run.roots.map((roots) => hashesOf(roots.state)),
      outputRoots: outputRootsOf(run),
      outputs: run.outputs.map((words) => words.slice()),
    };
  });
}

function programBytes({ program }: Fixture) {
  return { programRoot: programRoot(program), ...encodeProgram(program) };
}

function constantsOf({ program, constants }: Fixture): Uint32Array[] {
  const roots = new Set<`0x${string}`>();
  for (const { initial } of program.slots) if (initial.kind === "constant") roots.add(initial.root);
  for (const { operands } of program.segments.flatMap(({ records }) => records)) {
    for (const operand of operands) if (operand.kind === "constant") roots.add(operand.root);
  }
  return [...roots].map((root) => constants(root));
}

function hashesOf(roots: Uint8Array | null): string[] {
  if (roots === null) return [];
  return Array.from({ length: roots.length / 32 }, (_, index) => toHash(roots, 32 * index));
}
