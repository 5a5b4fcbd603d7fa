// The published vectors against the readers in TypeScript and WebAssembly, from the bytes in the files alone. The contracts
// read them in test/contracts/vectors.test.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hexToBytes } from "viem";
import {
  checkProof,
  createWasmEngine,
  createWasmRunner,
  decodeProof,
  execute,
  FLAW,
  FRAUD,
  inputsRootOf,
  interpreterRunner,
  outputRootsOf,
  runnerEngine,
  traceRootOf,
  type ClaimView,
  type Engine,
} from "@lockstep/node/engine";
import { chunkBound, gasBound } from "@lockstep/node/ir/bounds";
import { decodeProgram, decodeScalar } from "@lockstep/node/ir/decode";
import { encodeProgram, encodeScalar, programRoot } from "@lockstep/node/ir/encode";
import { outputLength } from "@lockstep/node/ir/scalar";
import { validateProgram, validateScalar } from "@lockstep/node/ir";
import { keccak, hashPair, toHash, type Hash } from "@lockstep/node/merkle/hash";
import { chunkHash, tensorRoot } from "@lockstep/node/merkle/tensor";
import { rootFromPath, rootFromRange } from "@lockstep/node/merkle/tree";
import { philox } from "@lockstep/node/onnx/random";
import { caseOf, readVectors, wordsOf, type ScalarVector } from "./read.ts";

type Hex = `0x${string}`;
const RUNNERS = { interpreter: interpreterRunner, wasm: createWasmRunner() };

function scalarOf({ scalar, scalarHash }: ScalarVector) {
  const bytes = hexToBytes(scalar);
  assert.equal(keccak(bytes), scalarHash);
  const program = decodeScalar(bytes);
  validateScalar(program);
  assert.deepEqual(encodeScalar(program), bytes);
  return program;
}

describe("vectors", () => {
  for (const name of ["instructions", "functions"]) {
    it(`of ${name} hold for every reader`, () => {
      for (const vector of readVectors<ScalarVector & { op?: string; name?: string; cases: string[] }>(name)) {
        const program = scalarOf(vector);
        for (const [reader, runner] of Object.entries(RUNNERS)) {
          for (const line of vector.cases) {
            const { operands, result } = caseOf(line);
            const output = new Uint32Array(1);
            runner.run(program, 0, operands, output);
            assert.equal(output[0], result, `${reader}: ${vector.op ?? vector.name} ${line}`);
          }
        }
      }
    });
  }

  it("of Philox hold", () => {
    for (const { counter, key, block } of readVectors<Record<"counter" | "key" | "block", string>>("philox")) {
      const [c0, c1, c2, c3] = wordsOf(counter);
      const [k0, k1] = wordsOf(key);
      assert.deepEqual(philox(new Uint32Array(4), c0, c1, c2, c3, k0, k1), wordsOf(block));
    }
  });

  it("of scalar programs hold for every reader, with their bounds", () => {
    interface Vector extends ScalarVector {
      chunks: number;
      gas: number;
      step: number;
      operands: string[];
      output: string;
    }
    for (const vector of readVectors<Vector>("scalars")) {
      const program = scalarOf(vector);
      assert.deepEqual([chunkBound(program), gasBound(program)], [vector.chunks, vector.gas]);
      for (const [reader, runner] of Object.entries(RUNNERS)) {
        const output = new Uint32Array(outputLength(program));
        runner.run(program, vector.step, vector.operands.map(wordsOf), output);
        assert.deepEqual(output, wordsOf(vector.output), `${reader}: ${vector.scalarHash}`);
      }
    }
  });

  it("of programs hold", () => {
    for (const vector of readVectors<ProgramVector & { interfaceHash: string; recordsRoots: string[] }>("programs")) {
      const program = decodeProgram(partsOf(vector));
      validateProgram(program);
      assert.equal(programRoot(program), vector.programRoot);
      assert.deepEqual(encodeProgram(program), partsOf(vector));
      assert.equal(keccak(hexToBytes(vector.interfaceTable)), vector.interfaceHash);
    }
  });

  it("of trees hold", () => {
    interface Shown {
      index: number;
      first: number;
      count: number;
      siblings: Hash[];
    }
    type Vector = { root: Hash; length?: number; count: number; path: Shown; range: Shown };
    const leaf = (index: number) => keccak(Uint8Array.of(index >>> 8, index & 255));
    for (const { root, length, count, path, range } of readVectors<Vector>("trees")) {
      if (length !== undefined) {
        assert.equal(tensorRoot(Uint32Array.from({ length }, (_, index) => Math.imul(index, 0x9e3779b1))), root);
        continue;
      }
      assert.equal(rootFromPath(leaf(path.index), path.index, count, path.siblings), root);
      const leaves = Array.from({ length: range.count }, (_, index) => leaf(range.first + index));
      assert.equal(rootFromRange(leaves, range.first, count, range.siblings), root);
      assert.throws(() => rootFromPath(leaf(path.index), path.index, count, [...path.siblings, root]));
    }
  });

  it("of traces hold for every engine, full and deferred", () => {
    interface Vector extends ProgramVector {
      steps: number;
      inputs: string[];
      constants: string[];
      inputsRoot: string;
      traceRoot: string;
      deferredTraceRoot: string;
      scratch: Hash[][];
      state: Hash[][];
      outputRoots: string[];
      outputs: string[];
    }
    const engines: Engine[] = [...Object.values(RUNNERS).map((runner) => runnerEngine(runner)), createWasmEngine()];
    for (const vector of readVectors<Vector>("traces")) {
      const program = decodeProgram(partsOf(vector));
      const constants = new Map(vector.constants.map(wordsOf).map((words) => [tensorRoot(words), words]));
      const inputs = vector.inputs.map(wordsOf);
      assert.equal(inputsRootOf(inputs), vector.inputsRoot);
      for (const engine of engines) {
        const options = { inputs, steps: vector.steps, engine, constants: (root: Hash) => constants.get(root)! };
        const run = execute(program, options);
        assert.equal(traceRootOf(run), vector.traceRoot);
        assert.deepEqual(outputRootsOf(run), vector.outputRoots);
        assert.deepEqual(
          run.outputs.map((words) => words.slice()),
          vector.outputs.map(wordsOf),
        );
        run.roots.forEach(({ scratch, state }, step) => {
          assert.deepEqual(hashesOf(scratch), vector.scratch[step]);
          assert.deepEqual(hashesOf(state), vector.state[step]);
        });
        assert.equal(traceRootOf(execute(program, { ...options, trace: "deferred" })), vector.deferredTraceRoot);
      }
    }
  });

  it("of disputes hold", () => {
    interface Vector {
      about: string;
      claim: ClaimView;
      kind: number;
      proof: Hex;
      fault: object;
      walk?: { node: Hash; nodes?: Hash[]; chunk?: Hex }[];
    }
    const [kinds, flaws] = [new Set<number>(), new Set<number>()];
    for (const { about, claim, kind, proof, fault, walk = [] } of readVectors<Vector>("disputes")) {
      const fraud = decodeProof(kind, proof);
      if (fraud.kind === FRAUD.badRecord) {
        flaws.add(fraud.proof.flaw);
        assert.equal(fraud.proof.flaw, (fault as { claimed: number }).claimed);
        assert.equal(keccak(hexToBytes(fraud.proof.record.summary)), claim.programRoot, about);
      } else {
        kinds.add(fraud.kind);
        assert.deepEqual(checkProof(claim, fraud), fault, about);
        assert.throws(() => checkProof({ ...claim, traceRoot: claim.programRoot }, fraud), about);
      }
      for (const { node, nodes, chunk } of walk) {
        const opened = chunk === undefined ? foldedRoot(nodes ?? []) : chunkHash(hexToBytes(chunk));
        assert.equal(opened, node, about);
      }
    }
    assert.deepEqual(kinds, new Set([FRAUD.badElement, FRAUD.badSlot, FRAUD.badPadding]));
    assert.deepEqual(flaws, new Set(Object.values(FLAW)));
  });

  it("are refused where a word is changed", () => {
    const [{ scalar, scalarHash, cases }] = readVectors<ScalarVector & { cases: string[] }>("instructions");
    const { operands, result } = caseOf(cases[0]);
    const output = new Uint32Array(1);
    interpreterRunner.run(
      decodeScalar(hexToBytes(scalar)),
      0,
      operands.map((words) => words.map((word) => word ^ 0x00800000)),
      output,
    );
    assert.notEqual(output[0], result);
    const changed = `${scalar.slice(0, -1)}${scalar.endsWith("0") ? "1" : "0"}` as const;
    assert.throws(() => scalarOf({ scalar: changed as Hex, scalarHash }), assert.AssertionError);
    assert.throws(() => readVectors("read.ts/../nothing"));
  });
});

interface ProgramVector {
  readonly programRoot: string;
  readonly summary: Hex;
  readonly interfaceTable: Hex;
  readonly bindings: Hex[];
  readonly records: Hex[][];
  readonly scalars: Hex[];
}

function partsOf({ summary, interfaceTable, bindings, records, scalars }: ProgramVector) {
  return {
    summary: hexToBytes(summary),
    interfaceTable: hexToBytes(interfaceTable),
    bindings: bindings.map((hex) => hexToBytes(hex)),
    records: records.map((segment) => segment.map((hex) => hexToBytes(hex))),
    scalars: scalars.map((hex) => hexToBytes(hex)),
  };
}

function hashesOf(roots: Uint8Array | null): Hash[] {
  assert.ok(roots !== null);
  return Array.from({ length: roots.length / 32 }, (_, index) => toHash(roots, 32 * index));
}

// The node whose descendants these are.
function foldedRoot(nodes: readonly Hash[]): Hash {
  if (nodes.length === 1) return nodes[0];
  const zero = `0x${"00".repeat(32)}`;
  const above = Array.from({ length: nodes.length / 2 }, (_, pair) =>
    nodes[2 * pair] === zero ? nodes[2 * pair] : hashPair(nodes[2 * pair], nodes[2 * pair + 1]),
  );
  return foldedRoot(above);
}
