import assert from "node:assert/strict";
import { test } from "node:test";
import { buildScalar } from "../../ir/build.ts";
import { scalarHash } from "../../ir/encode.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { ConstantOperand } from "../../ir/program.ts";
import { tensorRoot } from "../../merkle/tensor.ts";
import { checkProof } from "../dispute/check.ts";
import { FRAUD } from "../dispute/types.ts";
import { claimViewOf } from "../dispute/view.ts";
import { findFraud } from "../dispute/walk.ts";
import { runFixture } from "../fixtures.ts";
import type { Fixture } from "../fixtures.ts";
import type { Tamper } from "../tamper.ts";
import { interpreterEngine } from "./runner-engine.ts";
import { ConstantLengthError } from "./types.ts";
import { createWasmEngine } from "./wasm-engine.ts";

const type = "f32" as const;
const ENGINES = { interpreter: interpreterEngine, wasm: createWasmEngine() };

// out = kept + moving + constant, over slots that start from the constant's first words; `kept` is never written.
function stating(operand: number, slot: number, words: Uint32Array): Fixture {
  const root = tensorRoot(words);
  const length = Math.min(operand, slot);
  const sum = buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents: [slot] }, (b) =>
    b.add(b.add(b.load(0, b.index), b.load(1, b.index)), b.load(2, b.remU(b.index, length))),
  );
  const constant: ConstantOperand = { kind: "constant", type, length: operand, root };
  const first = { type, length: slot, initial: { kind: "constant", root } } as const;
  const slots = [0, 1].map((index) => ({ kind: "slot", type, length: slot, index }) as const);
  const record = { scalar: scalarHash(sum), type, length: slot, operands: [...slots, constant] };
  return {
    program: {
      inputs: [],
      slots: [first, first],
      outputs: [{ type, length: slot }],
      segments: [{ records: [record], steps: 0, slotBindings: [UNCHANGED, 0], outputBindings: [0] }],
      scalars: new Map([[record.scalar, sum]]),
    },
    inputs: [],
    constants: () => words,
  };
}

const wordsOf = (length: number) => Uint32Array.from({ length }, (_, index) => 0x3f800000 + index);

for (const [name, engine] of Object.entries(ENGINES)) {
  test(`constants_${name}_ofARootThatStandsForTwoNumbersOfChunks_areRefused`, () => {
    for (const [operand, slot] of [
      [300, 200],
      [200, 300],
      [300, 513],
    ]) {
      for (const words of [wordsOf(operand), wordsOf(slot)]) {
        assert.throws(() => runFixture(stating(operand, slot, words), 1, { engine }), ConstantLengthError);
      }
    }
    assert.doesNotThrow(() => runFixture(stating(300, 290, wordsOf(300)), 1, { engine }));
  });

  // No importer makes such a program: the slot that is kept must have a root under which words stand past its end.
  test(`constants_${name}_thatGoOnPastTheEndOfASlot_leaveEveryLieProvable`, () => {
    for (const [operand, slot] of [
      [30, 20],
      [300, 290],
    ]) {
      const fixture = stating(operand, slot, wordsOf(operand));
      const own = runFixture(fixture, 3, { engine });
      const past = slot + 5;
      const lies: Tamper[] = [0, 1, 2].flatMap((step) => [
        { step, primitive: 0, element: 3, xor: 4 },
        { step, primitive: 0, element: past, xor: 4 },
        ...[0, 1, 2].flatMap((item) => [
          { step, item, element: 3, xor: 4 },
          { step, item, element: past, xor: 4 },
          { step, item, element: past, xor: 0x3f800000 + past },
        ]),
      ]);
      for (const tamper of lies) {
        const lying = runFixture(fixture, 3, { engine, tamper });
        const fraud = findFraud(own, lying);
        assert.ok(fraud !== null && fraud.kind !== FRAUD.badRecord, JSON.stringify(tamper));
        assert.doesNotThrow(() => checkProof(claimViewOf(lying), fraud), JSON.stringify(tamper));
      }
    }
  });
}
