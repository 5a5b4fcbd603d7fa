// The published vectors against the contracts: words of every instruction and function, and every fraud proof.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import type { Hex } from "viem";

import type { ClaimView } from "@lockstep/node/engine/dispute/types";
import { caseOf, readVectors, type ScalarVector } from "../vectors/read.ts";

describe("vectors on chain", async () => {
  const { viem } = await network.create();

  for (const name of ["instructions", "functions"]) {
    it(`of ${name} hold for the reader of the contracts`, async () => {
      const harness = await viem.deployContract("ScalarMachineHarness");
      for (const { scalar, scalarHash, cases } of readVectors<ScalarVector & { cases: string[] }>(name)) {
        for (const line of cases) {
          const { operands, result } = caseOf(line);
          const ranges = operands.map((words, operand) => ({ operand, first: 0, words: paddedWord(words[0]) }));
          const [word] = await harness.read.run([scalar, 0, 0, operands.map(() => 1), ranges]);
          assert.equal(Number(word), result, `${scalarHash}: ${line}`);
        }
      }
    });
  }

  it("of disputes hold for the referees", async () => {
    const referees = [await viem.deployContract("Referee"), await viem.deployContract("StructureReferee")] as const;
    interface Vector {
      about: string;
      claim: ClaimView;
      kind: number;
      proof: Hex;
      fault: Record<"step" | "primitive" | "element" | "claimed", number>;
    }
    for (const { about, claim, kind, proof, fault } of readVectors<Vector>("disputes")) {
      const referee = referees[kind === 0 ? 0 : 1];
      const found = await referee.read.prove([kind, claim, proof]);
      const { step, primitive, element, claimed } = found;
      assert.deepEqual({ step, primitive, element, claimed }, pick(fault), about);
      // Of an invalid program the trace does not matter.
      const other = kind === 3 ? { programRoot: claim.traceRoot } : { traceRoot: claim.programRoot };
      await assert.rejects(referee.read.prove([kind, { ...claim, ...other }, proof]), about);
    }
  });
});

function pick({ step, primitive, element, claimed }: Record<"step" | "primitive" | "element" | "claimed", number>) {
  return { step, primitive, element, claimed };
}

// Ranges are whole multiples of eight words.
function paddedWord(word: number): Hex {
  return `0x${word.toString(16).padStart(8, "0").padEnd(64, "0")}`;
}
