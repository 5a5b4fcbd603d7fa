import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tamper } from "../tamper.ts";
import { LockstepError } from "../../float/errors.ts";
import { recurrent, runFixture } from "../fixtures.ts";
import { traceRootOf } from "../trace.ts";
import { ProofEncodingError, decodeProof, encodeProof } from "./abi.ts";
import {
  EvidenceError,
  NoFaultError,
  checkElementProof,
  checkPaddingProof,
  checkProof,
  checkSlotProof,
} from "./check.ts";
import {
  NothingToProveError,
  buildElementProof,
  buildElementProofFromRun,
  buildPaddingProof,
  buildSlotProof,
} from "./proofs.ts";
import type { ClaimView, ElementProof, FraudProof } from "./types.ts";
import { claimViewOf, viewOfRun } from "./view.ts";
import { findFraud } from "./walk.ts";

type Checkable = Exclude<FraudProof, { kind: 3 }>;

const FIXTURE = recurrent(600, 2);
const STEPS = 4;
const HONEST = runFixture(FIXTURE, STEPS);

function fraudOf(tamper: Tamper): { claim: ClaimView; fraud: Checkable } {
  const lying = runFixture(FIXTURE, STEPS, { tamper });
  const fraud = findFraud(HONEST, lying);
  assert.ok(fraud !== null && fraud.kind !== 3);
  return { claim: claimViewOf(lying), fraud };
}

// One of each kind of operand and source: slots before and after step 0, inputs, constants, gathers, unchanged slots.
const LIES: Tamper[] = [
  { step: 0, primitive: 0, element: 3, xor: 2 },
  { step: 0, primitive: 1, element: 2, xor: 2 },
  { step: 1, primitive: 0, element: 257, xor: 2 },
  { step: 2, primitive: 1, element: 0, xor: 2 },
  { step: 2, primitive: 2, element: 599, xor: 2 },
  { step: 3, primitive: 3, element: 1, xor: 2 },
  { step: 3, primitive: 4, element: 600, xor: 2 },
  { step: 0, item: 0, element: 0, xor: 2 },
  { step: 0, item: 1, element: 0, xor: 2 },
  { step: 0, item: 2, element: 0, xor: 2 },
  { step: 2, item: 2, element: 0, xor: 2 },
  { step: 2, item: 4, element: 0, xor: 2 },
];

// Every copy of a value with one leaf changed: numbers stepped, the first and the last hex digit of strings flipped,
// lists shortened and lengthened.
function* mutations(value: unknown): Generator {
  if (typeof value === "number") {
    yield value + 1;
    if (value > 0) yield value - 1;
  } else if (typeof value === "string") {
    if (value.length === 2) yield "0x00";
    for (const at of value.length === 2 ? [] : [2, value.length - 1]) {
      yield value.slice(0, at) + (Number.parseInt(value[at], 16) ^ 1).toString(16) + value.slice(at + 1);
    }
    if (value.length > 2) yield value.slice(0, -2);
  } else if (Array.isArray(value)) {
    if (value.length > 0) yield value.slice(1);
    yield [...value, value[0] ?? `0x${"00".repeat(32)}`];
    for (let at = 0; at < value.length; at++) for (const changed of mutations(value[at])) yield value.with(at, changed);
  } else {
    for (const [key, field] of Object.entries(value as object)) {
      for (const changed of mutations(field)) yield { ...(value as object), [key]: changed };
    }
  }
}

for (const lie of LIES) {
  test(`checkProof_anyFieldOfTheProofOf ${JSON.stringify(lie)}_changed_isRefusedOrIrrelevant`, () => {
    const { claim, fraud } = fraudOf(lie);
    const fault = checkProof(claim, fraud);
    assert.deepEqual(checkProof(claim, decodeProof(fraud.kind, encodeProof(fraud)) as Checkable), fault);
    let refused = 0;
    let total = 0;
    for (const changed of mutations(fraud.proof)) {
      total++;
      try {
        // Parts that the kind or the operands do not use are not looked at: then the fault must stay the same.
        assert.deepEqual(checkProof(claim, { kind: fraud.kind, proof: changed } as Checkable), fault);
      } catch (error) {
        assert.ok(error instanceof LockstepError || (error as Error).name.includes("Hex"), String(error));
        refused++;
      }
    }
    assert.ok(refused > total / 2, `${refused} of ${total} refused`);
    for (const other of [
      { steps: STEPS + 1 },
      { steps: 1 },
      { traceRoot: traceRootOf(HONEST) },
      { programRoot: claim.inputsRoot },
    ]) {
      assert.throws(() => checkProof({ ...claim, ...other }, fraud), LockstepError);
    }
  });
}

test("checkElementProof_honestElement_throwsNoFault", () => {
  const lie: Tamper = { step: 1, primitive: 0, element: 257, xor: 2 };
  const { claim, fraud } = fraudOf(lie);
  assert.ok(fraud.kind === 0);
  // The neighbour's word is in the same chunk and read from the same operand chunk, and it is right.
  assert.throws(() => checkElementProof(claim, { ...fraud.proof, element: 258 }), NoFaultError);
  assert.throws(() => checkElementProof(claim, { ...fraud.proof, element: 600 }), EvidenceError);
  assert.throws(() => checkElementProof(claim, { ...fraud.proof, element: 5 }), EvidenceError);
});

test("checkElementProof_operandChunkNotShown_isRefused", () => {
  const { claim, fraud } = fraudOf({ step: 2, primitive: 2, element: 599, xor: 2 });
  assert.ok(fraud.kind === 0);
  const operands = fraud.proof.operands.map((operand) => ({ ...operand, ranges: [] }));
  assert.throws(() => checkElementProof(claim, { ...fraud.proof, operands }), EvidenceError);
});

test("buildProofs_honestRun_findNothingToProve", () => {
  const view = viewOfRun(HONEST);
  for (let step = 0; step < STEPS; step++) {
    const { scratch, state } = HONEST.tensorsAt(step);
    scratch.forEach(({ length }, primitive) => {
      for (const element of [0, length - 1]) {
        assert.throws(() => buildElementProof(view, step, primitive, element), NothingToProveError);
      }
      assert.throws(() => buildPaddingProof(view, 3, step, primitive), NothingToProveError);
    });
    state.forEach((_, item) => {
      assert.throws(() => buildSlotProof(view, step, item), NothingToProveError);
      assert.throws(() => buildPaddingProof(view, 4, step, item), NothingToProveError);
    });
  }
});

test("buildElementProofFromRun_wholeRunKnown_equalsTheProofOfTheWalk", () => {
  for (const tamper of LIES) {
    if (!("primitive" in tamper) || tamper.element >= 600) continue;
    const lying = runFixture(FIXTURE, STEPS, { tamper });
    const proof = buildElementProofFromRun(lying, tamper.step, tamper.primitive, tamper.element);
    assert.deepEqual(proof, findFraud(HONEST, lying)?.proof);
  }
});

test("buildPaddingProof_stateTensor_isProvenByTheInterfaceTable", () => {
  const lying = runFixture(FIXTURE, STEPS, { tamper: { step: 1, item: 3, element: 767, xor: 9 } });
  const proof = buildPaddingProof(viewOfRun(lying), 4, 1, 3);
  assert.deepEqual(checkPaddingProof(claimViewOf(lying), proof), {
    step: 1,
    primitive: 3,
    element: 767,
    claimed: 9,
    computed: 0,
  });
  assert.throws(() => checkPaddingProof(claimViewOf(HONEST), proof), EvidenceError);
});

test("buildSlotProof_paddingOfABoundPrimitive_isTheSameRootAndNoFault", () => {
  const lying = runFixture(FIXTURE, STEPS, { tamper: { step: 1, primitive: 4, element: 767, xor: 9 } });
  assert.throws(() => buildSlotProof(viewOfRun(lying), 1, 0), NothingToProveError);
  const { claim, fraud } = fraudOf({ step: 2, item: 2, element: 0, xor: 2 });
  assert.ok(fraud.kind === 1);
  const { proof } = fraud;
  assert.throws(
    () => checkSlotProof(claim, { ...proof, itemRoot: proof.sourceRoot, itemSiblings: proof.sourceSiblings }),
    LockstepError,
  );
});

test("elementProof_operandThatIsNotRead_showsNothing", () => {
  // ids[3] points past the end of every tensor, so that the gather reads no chunk of its operand.
  const { claim, fraud } = fraudOf({ step: 2, primitive: 2, element: 3, xor: 2 });
  assert.ok(fraud.kind === 0);
  const [gathered, order]: ElementProof["operands"] = fraud.proof.operands;
  assert.deepEqual(gathered.ranges, []);
  assert.equal(order.ranges.length, 1);
  assert.equal(checkProof(claim, fraud).claimed, 2);
});

test("decodeProof_malformedBytes_isRefused", () => {
  const { fraud } = fraudOf(LIES[0]);
  const bytes = encodeProof(fraud);
  assert.throws(() => decodeProof(4, bytes), ProofEncodingError);
  assert.throws(() => decodeProof(0, "0x"), ProofEncodingError);
  assert.throws(() => decodeProof(0, bytes.slice(0, 400) as `0x${string}`), ProofEncodingError);
  const padding = fraudOf({ step: 3, primitive: 4, element: 600, xor: 2 }).fraud;
  assert.ok(padding.kind === 2);
  const wrong = encodeProof({ kind: 2, proof: { ...padding.proof, section: 1 as 3 } });
  assert.throws(() => decodeProof(2, wrong), ProofEncodingError);
});
