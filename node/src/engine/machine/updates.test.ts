import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildScalar } from "../../ir/build.ts";
import type { ScalarBuilder, Value } from "../../ir/build.ts";
import { scalarHash } from "../../ir/encode.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { OperandRef, Program } from "../../ir/program.ts";
import { createExecution } from "../execute.ts";
import { rowCache } from "../fixtures.ts";
import { ownAccess, slotUpdates } from "./updates.ts";
import { createWasmEngine } from "./wasm-engine.ts";

const EXTENTS = [2, 6, 8];
const own = new Set([0]);

function accessOf(define: (b: ScalarBuilder) => Value, operands = own) {
  return ownAccess(buildScalar({ operands: ["f32", "f32"], output: "f32", extents: EXTENTS }, define), operands);
}

const old = (b: ScalarBuilder): Value => b.load(0, b.index);
const other = (b: ScalarBuilder): Value => b.load(1, b.digits[2]);

describe("how a primitive uses what it overwrites", () => {
  it("keeps rows where a condition of outer digits holds or not", () => {
    const kept = accessOf((b) => b.select(b.eqI(b.digits[1], b.step), other(b), old(b)));
    assert.ok(kept?.kind === "keeping" && kept.rows !== null);
    assert.deepEqual([kept.rows.digits, kept.rows.writesWhere], [[1], true]);
    const inverse = accessOf((b) => b.select(b.lt(b.load(1, b.digits[0]), 0), old(b), other(b)));
    assert.ok(inverse?.kind === "keeping" && inverse.rows !== null);
    assert.deepEqual([inverse.rows.digits, inverse.rows.writesWhere], [[0], false]);
    const uniform = accessOf((b) => b.select(b.eqI(b.step, 3), other(b), old(b)));
    assert.deepEqual(uniform?.kind === "keeping" && uniform.rows?.digits, []);
    const each = accessOf((b) => b.select(b.eqI(b.remU(b.index, 3), b.step), other(b), old(b)));
    assert.deepEqual(each?.kind === "keeping" && each.rows?.digits, [0, 1, 2]);
  });

  it("reads it where the new word or the condition depends on the old one", () => {
    for (const define of [
      (b: ScalarBuilder) => b.add(old(b), other(b)),
      (b: ScalarBuilder) => b.select(b.eqI(b.digits[1], b.step), b.add(old(b), 1), old(b)),
      (b: ScalarBuilder) => b.select(b.lt(old(b), 0), other(b), old(b)),
    ]) {
      assert.deepEqual(accessOf(define), { kind: "reading" });
    }
    assert.deepEqual(
      accessOf((b) => other(b), new Set()),
      { kind: "blind" },
    );
  });

  it("is not allowed where it reads another element", () => {
    const elsewhere: ((b: ScalarBuilder) => Value)[] = [
      (b) => b.load(0, b.addI(b.index, 1)),
      (b) => b.load(0, b.digits[2]),
      (b) => b.gather(0, b.toI32(other(b))),
      (b) => b.add(old(b), b.load(0, b.addI(b.index, b.step))),
      (b) => b.load(0, b.addI(b.mulI(b.digits[1], 48), b.addI(b.mulI(b.digits[0], 8), b.digits[2]))),
      (b) =>
        b.loop({
          count: 4,
          carried: [{ type: "f32", init: 0 }],
          body: ({ carried }) => [b.add(carried[0], b.load(0, b.index, [[4, 1]]))],
          combine: ([total], [block]) => [b.add(total, block)],
        })[0],
    ];
    for (const define of elsewhere) assert.equal(accessOf(define), null);
  });
});

describe("how slots get their next values", () => {
  const length = 96;
  const tensor = { type: "f32", length } as const;
  const scalar = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: EXTENTS }, (b) =>
    b.add(old(b), other(b)),
  );
  const hash = scalarHash(scalar);
  const slot = (index: number): OperandRef => ({ kind: "slot", ...tensor, index });
  const program = (reads: readonly (readonly [number, number])[], slotBindings: readonly number[]): Program => ({
    inputs: [tensor],
    slots: slotBindings.map(() => ({ ...tensor, initial: { kind: "input", index: 0 } })),
    outputs: [tensor],
    segments: [
      {
        records: reads.map(([one, two]) => ({ scalar: hash, ...tensor, operands: [slot(one), slot(two)] })),
        steps: 0,
        slotBindings,
        outputBindings: [0],
      },
    ],
    scalars: new Map([[hash, scalar]]),
  });
  const kinds = (made: Program): string[] => slotUpdates(made, made.segments[0]).map(({ kind }) => kind);

  it("is in place for the last reader, beside for all others", () => {
    assert.deepEqual(kinds(program([[0, 1]], [0, UNCHANGED])), ["inPlace", "unchanged"]);
    // The second operand is read at other elements.
    assert.deepEqual(kinds(program([[1, 0]], [0, UNCHANGED])), ["copied", "unchanged"]);
    // What a later primitive reads is the old words.
    assert.deepEqual(
      kinds(
        program(
          [
            [0, 1],
            [1, 0],
          ],
          [0, 1],
        ),
      ),
      ["copied", "inPlace"],
    );
    // One primitive writes one slot.
    assert.deepEqual(kinds(program([[0, 2]], [0, 0, UNCHANGED])), ["inPlace", "copied", "unchanged"]);
  });
});

describe("rows of a slot", () => {
  it("are all that a step writes and hashes", () => {
    const { program, inputs, constants } = rowCache(40);
    const kinds: string[] = [];
    const engine = createWasmEngine({ profile: ({ kind }) => kinds.push(kind) });
    const execution = createExecution(program, { inputs, constants, steps: 6, engine });
    for (let step = 0; step < 6; step++) execution.advance();
    assert.equal(kinds.filter((kind) => kind === "rows").length, 6);
    assert.equal(kinds.filter((kind) => kind === "jobs").length, 6);
    assert.ok(!kinds.includes("copy") && !kinds.includes("kernel"));
  });
});
