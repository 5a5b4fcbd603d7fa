import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Hex } from "viem";
import { openDatabase, type NodeDatabase } from "../chain/database.ts";
import { hashOf, writeEvent } from "./test-events.ts";
import { outputsHashOf } from "./players/index.ts";
import {
  challengesOf,
  claimsOf,
  ClaimNotRevealedError,
  deadlineOf,
  lastOpened,
  pendingDemand,
  preimageOf,
  settledBounties,
  tasksOf,
  termsOf,
} from "./views.ts";

const NOBODY = `0x${"0".repeat(40)}`;
const ALICE = `0x${"a".repeat(40)}`;
const BOB = `0x${"b".repeat(40)}`;
const [TASK, CLAIM, CHALLENGE] = [hashOf("task"), hashOf("claim"), hashOf("challenge")];

describe("views", () => {
  let database: NodeDatabase;
  beforeEach(async () => {
    database = await openDatabase(":memory:");
  });
  afterEach(() => database.destroy());

  const write = (name: string, args: Record<string, unknown>) => writeEvent(database, name, args);
  const request = (taskId: Hex = TASK, solver = NOBODY) =>
    write("TaskRequested", {
      taskId,
      requester: ALICE,
      programRoot: hashOf("program"),
      inputsRoot: hashOf("inputs"),
      steps: 4,
      price: (2n ** 255n).toString(),
      deadline: "5000",
      solver,
      inputData: "0x",
    });
  const commit = (claimId: Hex = CLAIM) =>
    write("ClaimCommitted", {
      claimId,
      claimant: BOB,
      programRoot: hashOf("program"),
      inputsRoot: hashOf("inputs"),
      steps: 4,
      traceMode: 1,
      operator: BOB,
      taskId: TASK,
      bondWei: "1000",
      moveFeeWei: "3",
      seal: hashOf("seal"),
      revealBy: "2000",
    });
  const open = (challengeId: Hex = CHALLENGE, claimId: Hex = CLAIM) =>
    write("ChallengeOpened", {
      challengeId,
      claimId,
      challenger: ALICE,
      nonce: "18446744073709551615",
      depositWei: "9",
    });
  const place = { section: 0, height: 2, step: 0, item: 0, index: 0 };
  const demand = (challengeId: Hex = CHALLENGE) =>
    write("NodeDemanded", {
      challengeId,
      claimId: CLAIM,
      position: place,
      node: hashOf("node"),
      claimantDeadline: "1900",
    });

  const task = async () => (await tasksOf(database)).get(TASK);
  const claim = async () => (await claimsOf(database)).get(CLAIM);
  const challenge = async () => (await challengesOf(database)).get(CHALLENGE);

  it("follow a task from its request to its payment", async () => {
    await request();
    assert.deepEqual(await task(), {
      taskId: TASK,
      requester: ALICE,
      programRoot: hashOf("program"),
      inputsRoot: hashOf("inputs"),
      steps: 4,
      price: 2n ** 255n,
      deadline: 5000,
      reservedFor: undefined,
      inputData: "0x",
      status: "open",
      solver: undefined,
      deliverBy: undefined,
      claimId: undefined,
    });
    await write("TaskAccepted", { taskId: TASK, solver: BOB, deliverBy: "1200" });
    assert.deepEqual(pick(await task(), "status", "solver", "deliverBy"), ["accepted", BOB, 1200]);
    await write("TaskDelivered", { taskId: TASK, claimId: CLAIM, solver: BOB });
    assert.deepEqual(pick(await task(), "status", "claimId"), ["delivered", CLAIM]);
    await write("TaskPaid", { taskId: TASK, solver: BOB, amount: "1" });
    assert.equal((await task())?.status, "paid");
  });

  it("open a task again when its claim was slashed", async () => {
    await request(TASK, BOB);
    assert.equal((await task())?.reservedFor, BOB);
    await write("TaskAccepted", { taskId: TASK, solver: BOB, deliverBy: "1200" });
    await write("TaskDelivered", { taskId: TASK, claimId: CLAIM, solver: BOB });
    await write("TaskReopened", { taskId: TASK, claimId: CLAIM });
    assert.deepEqual(pick(await task(), "status", "solver", "deliverBy", "claimId"), [
      "open",
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("end tasks that were taken back", async () => {
    await request();
    await request(hashOf("other"));
    await write("TaskCancelled", { taskId: TASK });
    await write("TaskRefunded", { taskId: hashOf("other"), requester: ALICE, amount: "1" });
    assert.deepEqual(
      [...(await tasksOf(database)).values()].map(({ status }) => status),
      ["cancelled", "refunded"],
    );
  });

  it("follow a claim to each of its ends", async () => {
    await commit();
    assert.deepEqual(
      pick(await claim(), "status", "bondWei", "moveFeeWei", "revealBy", "traceRoot", "challengeUntil"),
      ["committed", 1000n, 3n, 2000, undefined, undefined],
    );
    const terms = {
      programRoot: hashOf("program"),
      inputsRoot: hashOf("inputs"),
      steps: 4,
      traceMode: 1,
      operator: BOB,
      taskId: TASK,
      moveFeeWei: 3n,
    };
    assert.deepEqual(termsOf((await claim())!), terms);
    assert.equal((await claim())?.seal, hashOf("seal"));
    const sealed = (await claim())!;
    assert.throws(() => preimageOf(sealed), ClaimNotRevealedError);
    await write("ClaimRevealed", {
      claimId: CLAIM,
      traceRoot: hashOf("trace"),
      outputRoots: [hashOf("output")],
      salt: hashOf("salt"),
      challengeUntil: "3000",
    });
    assert.deepEqual(preimageOf((await claim())!), {
      claimant: BOB,
      terms,
      bondWei: 1000n,
      traceRoot: hashOf("trace"),
      outputsHash: outputsHashOf([hashOf("output")]),
      salt: hashOf("salt"),
    });
    assert.deepEqual(pick(await claim(), "status", "traceRoot", "outputRoots", "challengeUntil"), [
      "revealed",
      hashOf("trace"),
      [hashOf("output")],
      3000,
    ]);
    for (const [name, status] of [
      ["ClaimFinalized", "final"],
      ["ClaimSlashed", "slashed"],
      ["ClaimForfeited", "forfeited"],
    ]) {
      const claimId = hashOf(String(name));
      await commit(claimId);
      await write(String(name), { claimId, claimant: BOB });
      assert.equal((await claimsOf(database)).get(claimId)?.status, status);
    }
    assert.equal((await claim())?.status, "revealed", "the others are not touched");
  });

  it("follow a challenge move by move", async () => {
    await open();
    assert.deepEqual(await challenge(), {
      challengeId: CHALLENGE,
      claimId: CLAIM,
      challenger: ALICE,
      nonce: 2n ** 64n - 1n,
      moves: [],
      openedIn: hashOf("transaction 1"),
      ended: false,
      closed: false,
    });
    await demand();
    const waiting = pendingDemand((await challenge())!);
    assert.deepEqual(waiting, {
      kind: "demand",
      position: place,
      node: hashOf("node"),
      deadline: 1900,
      transaction: hashOf("transaction 2"),
      time: 1002,
    });
    const nodes = [hashOf("left"), hashOf("right")];
    const shared = { challengeId: CHALLENGE, claimId: CLAIM, position: place, node: hashOf("node"), opener: BOB };
    await write("NodeOpened", { ...shared, nodes, challengerDeadline: "1950" });
    assert.equal(pendingDemand((await challenge())!), undefined);
    await demand();
    await write("ChunkOpened", { ...shared, chunk: "0x00", challengerDeadline: "1960" });
    const { moves } = (await challenge())!;
    assert.deepEqual(
      moves.map(({ kind, deadline }) => [kind, deadline]),
      [
        ["demand", 1900],
        ["open", 1950],
        ["demand", 1900],
        ["openChunk", 1960],
      ],
    );
    assert.deepEqual(moves[1]?.kind === "open" && moves[1].nodes, nodes);
    const [stateRoot, scratchRoot] = [hashOf("state"), hashOf("scratch")];
    const step = { challengeId: CHALLENGE, claimId: CLAIM, step: 3, stateRoot, scratchRoot, nodes, opener: BOB };
    await write("StepOpened", { ...step, challengerDeadline: "1970" });
    const stepped = (await challenge())!;
    assert.deepEqual([deadlineOf(stepped), pendingDemand(stepped)], [1970, undefined]);
    assert.deepEqual(lastOpened(stepped), {
      kind: "openStep",
      position: { section: 0, height: 0, step: 0, item: 0, index: 3 },
      stateRoot,
      scratchRoot,
      nodes,
      deadline: 1970,
      transaction: hashOf("transaction 6"),
      time: 1006,
    });
  });

  it("end challenges by proof, by time and by closing", async () => {
    const ids = ["proven", "late", "closed"].map(hashOf);
    for (const id of ids) {
      await open(id);
      await demand(id);
    }
    const [proven, late, closed] = ids;
    await write("FraudProven", { claimId: CLAIM, challengeId: proven, prover: ALICE });
    await write("ChallengeTimedOut", { challengeId: late, claimId: CLAIM, loser: BOB });
    await write("ChallengeClosed", { challengeId: closed, claimId: CLAIM, claimStands: false, payoutWei: "1" });
    const found = [...(await challengesOf(database)).values()];
    assert.deepEqual(
      found.map((one) => [one.ended, one.closed]),
      [
        [true, false],
        [true, false],
        [true, true],
      ],
    );
    for (const one of found) assert.equal(pendingDemand(one), undefined, "nobody waits for an answer any more");
  });

  it("tell the challenges of one claim from those of others", async () => {
    await open();
    await open(hashOf("another"), hashOf("another claim"));
    assert.equal((await challengesOf(database)).size, 2);
    assert.deepEqual([...(await challengesOf(database, CLAIM)).keys()], [CHALLENGE]);
  });

  it("leave alone what they have no beginning of", async () => {
    await write("TaskAccepted", { taskId: TASK, solver: BOB, deliverBy: "1" });
    await write("ClaimFinalized", { claimId: CLAIM, claimant: BOB });
    await demand();
    // A direct proof has no challenge.
    await write("FraudProven", { claimId: CLAIM, challengeId: `0x${"00".repeat(32)}`, prover: ALICE });
    assert.deepEqual([(await tasksOf(database)).size, (await claimsOf(database)).size], [0, 0]);
    assert.equal((await challengesOf(database)).size, 0);
  });

  it("see a re-org that takes back as many events as it adds", async () => {
    await commit();
    await write("ClaimFinalized", { claimId: CLAIM, claimant: BOB });
    assert.equal((await claim())?.status, "final");
    await database.deleteFrom("event").where("name", "=", "ClaimFinalized").execute();
    await write("ClaimSlashed", { claimId: CLAIM, claimant: BOB });
    assert.equal((await claim())?.status, "slashed");
    await database.deleteFrom("event").where("name", "=", "ClaimSlashed").execute();
    assert.equal((await claim())?.status, "committed");
  });

  it("know the bounties that were paid", async () => {
    await write("BountySettled", { claimId: CLAIM, winner: ALICE, amountWei: "1" });
    assert.deepEqual(await settledBounties(database), new Set([CLAIM]));
  });
});

function pick<T extends object>(value: T | undefined, ...keys: (keyof T)[]): unknown[] {
  return keys.map((key) => value?.[key]);
}
