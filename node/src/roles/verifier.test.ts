import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { claimViewOf, EvidenceError, findFraud, NoFaultError, type FraudProof, type Run } from "../engine/index.ts";
import { decodeProof, encodeProof } from "../engine/dispute/abi.ts";
import { recurrent, runFixture } from "../engine/fixtures.ts";
import { encodeChecked } from "./verifier.ts";

const FIXTURE = recurrent(600, 2);
const STEPS = 3;
const HONEST = runFixture(FIXTURE, STEPS);

function fraudOf(lying: Run): FraudProof {
  const fraud = findFraud(HONEST, lying);
  assert.ok(fraud !== null);
  return fraud;
}

describe("proofs of a verifier", () => {
  const lying = runFixture(FIXTURE, STEPS, { tamper: { step: 1, primitive: 0, element: 257, xor: 4 } });

  it("are sent as they are where the referee accepts them", () => {
    const fraud = fraudOf(lying);
    const bytes = encodeChecked(claimViewOf(lying), fraud);
    assert.equal(bytes, encodeProof(fraud));
    assert.deepEqual(decodeProof(fraud.kind, bytes), fraud);
  });

  it("are never sent where they are not under the claim's roots", () => {
    const fraud = fraudOf(lying);
    assert.throws(() => encodeChecked(claimViewOf(HONEST), fraud), EvidenceError);
    assert.throws(() => encodeChecked({ ...claimViewOf(lying), traceRoot: "0x" }, fraud), EvidenceError);
    assert.throws(() => encodeChecked({ ...claimViewOf(lying), steps: 1 }, fraud), EvidenceError);
  });

  it("are never sent where they accuse a word that is right", () => {
    const fraud = fraudOf(lying);
    assert.ok(fraud.kind === 0);
    const neighbour: FraudProof = { ...fraud, proof: { ...fraud.proof, element: fraud.proof.element + 1 } };
    assert.throws(() => encodeChecked(claimViewOf(lying), neighbour), NoFaultError);
  });
});
