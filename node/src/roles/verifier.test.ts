import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { zeroHash, type Hex } from "viem";
import { getFact, openDatabase, setFact } from "../chain/database.ts";
import type { Call } from "../chain/sender.ts";
import { silent } from "../chain/test-chain.ts";
import { claimViewOf, EvidenceError, findFraud, NoFaultError, type FraudProof, type Run } from "../engine/index.ts";
import { decodeProof, encodeProof } from "../engine/dispute/abi.ts";
import { recurrent, runFixture } from "../engine/fixtures.ts";
import { RunTooLargeError } from "./limits.ts";
import type { NodeContext } from "./node-context.ts";
import { InputsUnavailableError } from "./runs.ts";
import { hashOf, writeEvent } from "./test-events.ts";
import { createVerifier, encodeChecked } from "./verifier.ts";

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

// A verifier before a revealed claim of a deferred trace, and the calls that it sends.
async function beforeClaim(more: { posted?: Hex; run?: () => Promise<Run> }) {
  const database = await openDatabase(":memory:");
  const [claimId, other, me] = [hashOf("claim"), `0x${"a".repeat(40)}`, `0x${"b".repeat(40)}`];
  const lying = runFixture(FIXTURE, STEPS, {
    trace: "deferred",
    tamper: { step: 1, primitive: 0, element: 257, xor: 0x0080_0000 },
  });
  const claim = { claimId, claimant: other, operator: other, steps: STEPS, traceMode: 1, bondWei: 1n, moveFeeWei: 1n };
  const named = { programRoot: hashOf("program"), inputsRoot: hashOf("inputs"), taskId: hashOf("task") };
  await writeEvent(database, "ClaimCommitted", { ...claim, ...named, seal: hashOf("seal"), revealBy: 1 });
  const { traceRoot } = claimViewOf(lying);
  const revealed = { claimId, traceRoot, outputRoots: [], salt: hashOf("salt"), challengeUntil: 5_000 };
  await writeEvent(database, "ClaimRevealed", revealed);
  const sent: string[] = [];
  const values: Record<string, unknown> = { creditOf: 0n, depositOf: 17n, proofBondWei: 5n, windowSeconds: 100n };
  values["scratchRootOf"] = more.posted ?? zeroHash;
  const context = {
    database,
    client: {
      getChainId: () => Promise.resolve(1),
      readContract: ({ functionName }: { functionName: string }) => Promise.resolve(values[functionName]),
    },
    protocol: { claims: { address: me }, game: { address: me } },
    sender: { address: me, send: (_key: string, call: Call) => Promise.resolve(sent.push(call.functionName)) },
    programs: {
      flawOf: () => Promise.resolve(null),
      decoded: () => Promise.resolve(FIXTURE.program),
      isRunnable: () => Promise.resolve(true),
    },
    runs: {
      get: more.run ?? (() => Promise.resolve(runFixture(FIXTURE, STEPS, { trace: "deferred" }))),
      hasInputs: () => Promise.resolve(false),
    },
    log: { ...silent, info: () => undefined, warn: () => undefined, error: () => undefined },
  };
  const verifier = createVerifier(context as unknown as NodeContext, {});
  return { database, claimId, sent, tick: () => verifier.tick({ number: 1, time: 4_990 }) };
}

// What a verifier does in the background after a tick.
async function eventually(isDone: () => boolean): Promise<void> {
  for (let turns = 0; !isDone() && turns < 100; turns++) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a verifier", () => {
  const ROOT = hashOf("posted");
  const PROOF = { kind: 0, proof: "0x01", salt: hashOf("its salt"), postedStep: 1, postedRoot: ROOT, nonce: "0" };

  it("shows the proof it stored, unless a re-org took back the root that it stands on: then it walks again", async () => {
    for (const [posted, expected] of [
      [ROOT, ["commitProof", "revealProof"]],
      [zeroHash, ["challenge"]],
      [hashOf("another"), ["challenge"]],
    ] as const) {
      const { database, claimId, sent, tick } = await beforeClaim({ posted });
      try {
        await setFact(database, `verdict:${claimId}`, "differ");
        await setFact(database, `proof:${claimId}`, JSON.stringify(PROOF));
        await tick();
        await eventually(() => sent.length === expected.length);
        assert.deepEqual(sent, expected);
        assert.equal(await getFact(database, `proof:${claimId}`), JSON.stringify(PROOF), "its bond may depend on it");
      } finally {
        await database.destroy();
      }
    }
  });

  it("pays for words where nobody serves them, and for none of a run that fails otherwise", async () => {
    for (const [error, expected] of [
      [new RunTooLargeError("instructions", 2, 1), []],
      [new Error("the disk is full"), []],
      [new InputsUnavailableError(hashOf("inputs")), ["challenge"]],
    ] as const) {
      const { database, sent, tick } = await beforeClaim({ run: () => Promise.reject(error) });
      try {
        await tick();
        await eventually(() => sent.length > 0);
        assert.deepEqual(sent, expected);
      } finally {
        await database.destroy();
      }
    }
  });
});
