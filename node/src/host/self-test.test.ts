import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createWasmRunner, interpreterRunner, type PrimitiveRunner } from "../engine/index.ts";
import { recogniseContraction } from "../engine/wasm/contraction.ts";
import { add, fma, mul } from "../float/ops.ts";
import { CANONICAL_NAN, fromBits, isNaNBits, toBits } from "../float/words.ts";
import { OPCODES, outputLength, type Instruction, type OpcodeName, type ScalarProgram } from "../ir/index.ts";
import { selfTestCases, type TestCase } from "./self-test.ts";

const STEP = 3;

/** Whether a backend has the interpreter's bits in every case. */
function equalsInterpreter(runner: PrimitiveRunner): boolean {
  return selfTestCases().every(({ scalar, operands }) => {
    const expected = new Uint32Array(outputLength(scalar));
    // What a backend does not write must not look right.
    const found = expected.map((_, element) => 0xdead0000 + element);
    interpreterRunner.run(scalar, STEP, operands, expected);
    runner.run(scalar, STEP, operands, found);
    return expected.every((word, element) => word === found[element]);
  });
}

const CASES = selfTestCases();
const named = (name: string): TestCase => CASES.find((found) => found.name === name)!;

function sectionsOf({ prologue, loop, epilogue }: ScalarProgram): readonly Instruction[] {
  return [...prologue, ...(loop?.body ?? []), ...(loop?.combine ?? []), ...epilogue];
}

function expectedOf({ scalar, operands }: TestCase): Uint32Array {
  const output = new Uint32Array(outputLength(scalar));
  interpreterRunner.run(scalar, 3, operands, output);
  return output;
}

/** The interpreter with every instruction replaced. */
function rewriting(change: (instruction: Instruction) => Instruction): PrimitiveRunner {
  return {
    run(scalar, step, operands, output) {
      const { prologue, loop, epilogue } = scalar;
      const changed: ScalarProgram = {
        ...scalar,
        prologue: prologue.map(change),
        loop: loop && { ...loop, body: loop.body.map(change), combine: loop.combine.map(change) },
        epilogue: epilogue.map(change),
      };
      interpreterRunner.run(changed, step, operands, output);
    },
  };
}

/** Right but for fma, in loops over two words a row: the sum is `wrong` of the second product and the first. */
function wrongInTiles(wrong: (a: number, b: number, c: number) => number): PrimitiveRunner {
  return {
    run(scalar, step, operands, output) {
      interpreterRunner.run(scalar, step, operands, output);
      if (scalar.loop?.count !== 2) return;
      const [left, right] = operands;
      const [rows, columns] = scalar.extents;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const first = mul(left[2 * row], right[2 * column]);
          output[row * columns + column] = add(0, wrong(left[2 * row + 1], right[2 * column + 1], first));
        }
      }
    },
  };
}

const inBinary64 = (a: number, b: number, c: number): number => toBits(fromBits(a) * fromBits(b) + fromBits(c));
const inTwo = (a: number, b: number, c: number): number => add(mul(a, b), c);

describe("self-test of a backend", () => {
  it("passes the interpreter and the compiled backend, fused or not", () => {
    assert.equal(equalsInterpreter(interpreterRunner), true);
    assert.equal(equalsInterpreter(createWasmRunner()), true);
    assert.equal(equalsInterpreter(createWasmRunner({ emulateFma: true })), true);
  });

  it("compares numbers, not NaN, and different ones", () => {
    for (const testCase of CASES) {
      const words = expectedOf(testCase);
      const numbers = words.filter((word) => testCase.scalar.outputType !== "f32" || !isNaNBits(word));
      assert.ok(numbers.length > 0.9 * words.length, `${testCase.name}: ${numbers.length} of ${words.length}`);
      assert.ok(new Set(numbers).size > 0.5 * words.length, `${testCase.name}: ${new Set(numbers).size} different`);
    }
  });

  it("uses every instruction, and both codes of dot products", () => {
    const used = new Set(CASES.flatMap(({ scalar }) => sectionsOf(scalar)).map(({ op }) => op));
    assert.deepEqual(
      Object.keys(OPCODES).filter((op) => !used.has(op as OpcodeName)),
      [],
    );
    const contractions = CASES.flatMap(({ name, scalar, operands }) => {
      const found = recogniseContraction(
        scalar,
        operands.map(({ length }) => length),
      );
      return found === null ? [] : [{ name, rows: found.rows.addresses.length }];
    });
    assert.deepEqual(contractions, [
      { name: "tiles", rows: 13 },
      { name: "continued tiles", rows: 6 },
      { name: "one row", rows: 1 },
      { name: "one continued row", rows: 1 },
      { name: "directed tiles", rows: 60 },
      { name: "directed row", rows: 1 },
    ]);
  });

  it("refuses a backend that writes NaN, or nothing", () => {
    assert.equal(equalsInterpreter({ run: (_scalar, _step, _operands, output) => output.fill(CANONICAL_NAN) }), false);
    assert.equal(equalsInterpreter({ run: () => undefined }), false);
  });

  it("refuses a backend whose fma is another function", () => {
    const others: Record<string, (instruction: Instruction) => Instruction> = {
      "max(a, b)": (instruction) => ({ ...instruction, op: "max", c: 0 }),
      "mul(a, b)": (instruction) => ({ ...instruction, op: "mul", c: 0 }),
      "add(a, c)": (instruction) => ({ ...instruction, op: "add", b: instruction.c, c: 0 }),
    };
    for (const [name, change] of Object.entries(others)) {
      const wrong = rewriting((instruction) => (instruction.op === "fma" ? change(instruction) : instruction));
      assert.equal(equalsInterpreter(wrong), false, name);
    }
  });

  it("refuses a backend whose fma rounds twice in tiles or rows alone", () => {
    assert.equal(equalsInterpreter(wrongInTiles(fma)), true);
    for (const wrong of [inBinary64, inTwo]) assert.equal(equalsInterpreter(wrongInTiles(wrong)), false);
    for (const name of ["directed tiles", "directed row"]) {
      const testCase = named(name);
      const expected = expectedOf(testCase);
      for (const wrong of [inBinary64, inTwo]) {
        const output = new Uint32Array(expected.length);
        wrongInTiles(wrong).run(testCase.scalar, 3, testCase.operands, output);
        const differing = output.filter((word, element) => word !== expected[element]).length;
        assert.ok(differing >= 4, `${name}, ${wrong.name}: ${differing}`);
      }
    }
  });

  it("refuses a backend in which one instruction is another", () => {
    const swaps: readonly [OpcodeName, OpcodeName][] = [
      ["add", "sub"],
      ["div", "mul"],
      ["max", "min"],
      ["lt", "le"],
      ["floor", "nearest"],
      ["mulhiU", "mulI"],
      ["shrS", "shrU"],
      ["divU", "remU"],
      ["ltI", "leI"],
      ["sqrt", "abs"],
    ];
    for (const [from, to] of swaps) {
      const wrong = rewriting((instruction) => (instruction.op === from ? { ...instruction, op: to } : instruction));
      assert.equal(equalsInterpreter(wrong), false, `${from} as ${to}`);
    }
  });

  it("refuses a backend that differs in one bit of one case", () => {
    for (const { name, scalar } of CASES) {
      const wrong: PrimitiveRunner = {
        run(given, step, operands, output) {
          interpreterRunner.run(given, step, operands, output);
          if (JSON.stringify(given) === JSON.stringify(scalar)) output[output.length - 1] ^= 1;
        },
      };
      assert.equal(equalsInterpreter(wrong), false, name);
    }
  });
});
