import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex, PublicClient } from "viem";
import { openDatabase } from "../chain/database.ts";
import { recurrent } from "../engine/fixtures.ts";
import { hashOf, writeEvent } from "../roles/test-events.ts";
import { disputeOf, drawDispute, lieOf } from "./dispute-view.ts";

const [CLAIM, MINE, OTHER] = [hashOf("claim"), hashOf("mine"), hashOf("other")];
const [ALICE, BOB] = [`0x${"a".repeat(40)}`, `0x${"b".repeat(40)}`];

// Every transaction costs ten times its block's number.
const client = {
  getTransactionReceipt: ({ hash }: { hash: Hex }) => {
    const block = Array.from({ length: 50 }, (_, index) => index).find(
      (index) => hash === hashOf(`transaction ${index}`),
    );
    return Promise.resolve({ gasUsed: 10n * BigInt(block ?? 0) });
  },
} as unknown as PublicClient;

async function mirrored(events: [string, Record<string, unknown>][]) {
  const database = await openDatabase(":memory:");
  for (const [name, args] of events) await writeEvent(database, name, { claimId: CLAIM, ...args });
  return database;
}

const at = (section: number, height: number, step: number, item: number, index: number) => ({
  position: { section, height, step, item, index },
  node: hashOf("node"),
});
const STEP = { stateRoot: hashOf("state"), scratchRoot: hashOf("scratch") };
const WALK: [string, Record<string, unknown>][] = [
  ["ChallengeOpened", { challengeId: OTHER, challenger: BOB, nonce: "0" }],
  ["NodeDemanded", { challengeId: OTHER, ...at(0, 2, 0, 0, 0), claimantDeadline: "9" }],
  ["ChallengeOpened", { challengeId: MINE, challenger: ALICE, nonce: "3" }],
  ["NodeDemanded", { challengeId: MINE, ...at(0, 2, 0, 0, 0), claimantDeadline: "9" }],
  ["NodeOpened", { challengeId: MINE, ...at(0, 2, 0, 0, 0), nodes: [], opener: BOB, challengerDeadline: "9" }],
  ["NodeDemanded", { challengeId: MINE, ...at(0, 0, 0, 0, 1), claimantDeadline: "9" }],
  ["StepOpened", { challengeId: MINE, step: 1, ...STEP, nodes: [], opener: BOB, challengerDeadline: "9" }],
  ["NodeDemanded", { challengeId: MINE, ...at(3, 0, 1, 2, 1), claimantDeadline: "9" }],
  ["ChunkOpened", { challengeId: MINE, ...at(3, 0, 1, 2, 1), chunk: "0x", opener: BOB, challengerDeadline: "9" }],
];
const FAULT = { kind: 0, step: 1, primitive: 0, element: 5, claimed: 0x3f800000, computed: 0x40000000 };

describe("a dispute as people read it", () => {
  it("is the walk to the proof, with the gas of each move", async () => {
    const database = await mirrored([
      ...WALK,
      ["ProofCommitted", { committer: ALICE, commitment: hashOf("c"), sequence: "1" }],
      ["FraudProven", { challengeId: MINE, prover: ALICE, ...FAULT }],
    ]);
    const view = await disputeOf(client, database, CLAIM);
    assert.equal(view.challengeId, MINE);
    assert.deepEqual(
      view.moves.map(({ kind, level, where, gas }) => [kind, level, where, gas]),
      [
        ["challenge", 0, "steps 0..3", "30"],
        ["open", 0, "steps 0..3", "50"],
        ["demand", 1, "step 1", "60"],
        ["openStep", 1, "step 1", "70"],
        ["demand", 2, "step 1 primitive 2 chunk 1", "80"],
        ["openChunk", 2, "step 1 primitive 2 chunk 1", "90"],
        ["commitProof", 3, "proof, sealed", "100"],
        ["prove", 3, "leaf", "110"],
      ],
    );
    assert.deepEqual([view.rounds, view.gas, view.fraud], [3, 590n, FAULT]);
    const text = drawDispute(view, lieOf(recurrent(8).program, FAULT));
    const lines = text.split("\n");
    assert.match(lines[0] ?? "", /challenge steps 0..3 +30 gas {2}0x/);
    assert.match(text, /whole dispute +590 gas/);
    assert.match(text, /claimed {3}0x3f800000 {2}1\n {4}computed {2}0x40000000 {2}2$/);
    await database.destroy();
  });

  it("ends with the clock where nothing was proven", async () => {
    const database = await mirrored([...WALK, ["ChallengeTimedOut", { challengeId: OTHER, loser: BOB }]]);
    const view = await disputeOf(client, database, CLAIM);
    assert.equal(view.challengeId, OTHER, "the one that decided, not the longest");
    assert.deepEqual(
      view.moves.map(({ kind }) => kind),
      ["challenge", "timeout"],
    );
    assert.deepEqual([view.rounds, view.fraud], [0, undefined]);
    assert.doesNotMatch(drawDispute(view, undefined), /claimed/);
    await database.destroy();
  });

  it("is the longest one as long as none has ended, and nothing where there is none", async () => {
    const open = await mirrored(WALK);
    assert.equal((await disputeOf(client, open, CLAIM)).challengeId, MINE);
    await open.destroy();
    const none = await mirrored([]);
    const view = await disputeOf(client, none, CLAIM);
    assert.deepEqual([view.challengeId, view.moves, view.gas], [null, [], 0n]);
    assert.match(drawDispute(view, undefined), /whole dispute +0 gas/);
    await none.destroy();
  });
});
