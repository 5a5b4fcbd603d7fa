import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "viem";
import type { Call } from "../chain/sender.ts";
import { silent } from "../chain/test-chain.ts";
import { inputsRootOf } from "../engine/index.ts";
import { recurrent, runFixture } from "../engine/fixtures.ts";
import type { NodeContext } from "./node-context.ts";
import { openingsOf, standingOf, supplyOpeningsOf } from "./openings.ts";
import { nextNonce, openOf, usableOf } from "./own-challenge.ts";
import { claimantMove, type GameDemand } from "./players/index.ts";
import { hashOf } from "./test-events.ts";
import type { Challenge, Claim, Move, Task } from "./views.ts";
import { createWordsDemander, type DepositBudget, type Known } from "./withheld.ts";

const RUN = runFixture(recurrent(600), 2);
const ME: Hex = `0x${"b".repeat(40)}`;
const UNTIL = 1_000;
const WINDOW = 100n;
const CLAIM: Claim = {
  claimId: hashOf("claim"),
  claimant: `0x${"a".repeat(40)}`,
  programRoot: hashOf("program"),
  inputsRoot: inputsRootOf(RUN.inputs),
  steps: 2,
  traceMode: 0,
  operator: `0x${"a".repeat(40)}`,
  taskId: hashOf("task"),
  bondWei: 1n,
  moveFeeWei: 1n,
  seal: hashOf("seal"),
  revealBy: 900,
  status: "revealed",
  traceRoot: hashOf("trace"),
  outputRoots: [],
  salt: hashOf("salt"),
  challengeUntil: UNTIL,
};

const made = { deadline: 2_000, transaction: hashOf("transaction"), time: 950 };
const challengeOf = (moves: Move[], more: Partial<Challenge> = {}): Challenge => ({
  challengeId: hashOf("challenge"),
  claimId: CLAIM.claimId,
  challenger: ME,
  nonce: 0n,
  moves,
  openedIn: hashOf("transaction"),
  ended: false,
  closed: false,
  ...more,
});

// A node that has everything but the inputs, and writes down what it sends and keeps.
function bench(limit: number, constants = true, budget?: DepositBudget) {
  const sent: Call[] = [];
  const kept: (readonly Uint32Array[])[] = [];
  const keptConstants: Uint32Array[] = [];
  const reports: unknown[] = [];
  const values: Record<string, unknown> = { windowSeconds: WINDOW, depositOf: 17n };
  const context = {
    client: {
      getChainId: () => Promise.resolve(1),
      readContract: ({ functionName }: { functionName: string }) => Promise.resolve(values[functionName]),
    },
    protocol: { claims: { address: ME }, game: { address: ME } },
    sender: { address: ME, send: (_key: string, call: Call) => Promise.resolve(sent.push(call)) },
    programs: {
      decoded: () => Promise.resolve(RUN.program),
      isRunnable: () => Promise.resolve(constants),
      holdsConstant: () => Promise.resolve(false),
      keepConstant: (_root: Hex, words: Uint32Array) => Promise.resolve(keptConstants.push(words)),
    },
    runs: {
      hasInputs: () => Promise.resolve(kept.length > 0),
      keepInputs: (inputs: readonly Uint32Array[]) => Promise.resolve(kept.push(inputs)),
    },
    log: { ...silent, info: () => undefined, error: (values: unknown) => reports.push(values) },
  };
  const demand = createWordsDemander(context as unknown as NodeContext, limit, budget);
  return { sent, kept, keptConstants, reports, demand };
}

const at = (time: number) => ({ number: 1, time });
const NONE = new Map<Hex, Challenge>();

describe("what a claim withholds", () => {
  it("is demanded in the second half of the window, not before and not after", async () => {
    const { sent, demand } = bench(8);
    assert.equal(await demand(CLAIM, [], NONE, at(UNTIL - 51)), false);
    assert.equal(await demand(CLAIM, [], NONE, at(UNTIL + 1)), false);
    assert.equal(sent.length, 0);
    assert.equal(await demand(CLAIM, [], NONE, at(UNTIL - 50)), true);
    const [call] = sent;
    assert.deepEqual([call?.functionName, call?.valueWei], ["challenge", 17n]);
    const [, nonce, asked] = (call?.args ?? []) as [unknown, bigint, GameDemand];
    assert.deepEqual([nonce, asked.node, asked.position.section], [0n, CLAIM.inputsRoot, 7]);
  });

  it("is reported once where it is more than is demanded", async () => {
    const { sent, reports, demand } = bench(3);
    for (let times = 0; times < 2; times++) assert.equal(await demand(CLAIM, [], NONE, at(UNTIL)), false);
    assert.deepEqual([sent.length, reports.length], [0, 1]);
  });

  it("is asked for until all is there, and then kept", async () => {
    for (const constants of [true, false]) {
      const { sent, kept, keptConstants, demand } = bench(100, constants);
      const moves: Move[] = [];
      const own = challengeOf(moves);
      const challenges = new Map([[own.challengeId, own]]);
      for (let turns = 0; kept.length === 0; turns++) {
        assert.ok(turns < 40);
        const before = sent.length;
        assert.equal(await demand(CLAIM, moves.length === 0 ? [] : [own], challenges, at(UNTIL)), true);
        const call = sent[before];
        if (call === undefined) break;
        const position = demandedBy(call, moves);
        const answer = claimantMove(RUN, position);
        const node = hashOf("node");
        moves.push({ kind: "demand", position, node, ...made });
        assert.ok(answer.kind !== "openStep");
        if (answer.kind === "open") moves.push({ kind: "open", position, node, nodes: answer.nodes, ...made });
        else {
          const chunk: Hex = `0x${Buffer.from(answer.chunk).toString("hex")}`;
          moves.push({ kind: "openChunk", position, node, chunk, ...made });
        }
      }
      assert.deepEqual(kept, [RUN.inputs]);
      assert.equal(keptConstants.length, constants ? 0 : 2);
      assert.deepEqual(openingsOf(RUN, challenges, CLAIM.claimId), [], "no part of the trace");
      assert.ok(supplyOpeningsOf(challenges, CLAIM.claimId).length > 4);
      // With the inputs at hand there is nothing to ask for.
      assert.equal(await demand(CLAIM, [], challenges, at(UNTIL)), !constants);
    }
  });

  it("costs a claimant that is silent its claim", async () => {
    const { sent, demand } = bench(8);
    const position = { section: 7, height: 1, step: 0, item: 0, index: 0 };
    const own = challengeOf([{ kind: "demand", position, node: CLAIM.inputsRoot, ...made }], { nonce: 3n });
    assert.equal(await demand(CLAIM, [own], NONE, at(2_000)), true);
    assert.equal(sent.length, 0);
    assert.equal(await demand(CLAIM, [own], NONE, at(2_001)), true);
    assert.deepEqual([sent[0]?.functionName, ...(sent[0]?.args ?? []).slice(1)], ["timeout", ME, 3n]);
  });
});

describe("the deposits for what claims withhold", () => {
  const claimOf = (name: string, more: Partial<Claim> = {}): Claim => ({ ...CLAIM, claimId: hashOf(name), ...more });
  const by = (digit: string): Pick<Claim, "claimant"> => ({ claimant: `0x${digit.repeat(40)}` });

  it("are bounded against one claimant and in all, and half of them are for claims that answer a task", async () => {
    const { sent, reports, demand } = bench(8, true, { each: 2, all: 8 });
    const asks = (claim: Claim, known?: Known) => demand(claim, [], NONE, at(UNTIL - 30), known);
    for (const name of ["one", "two", "three"]) await asks(claimOf(name, by("c")));
    assert.deepEqual([sent.length, reports.length], [2, 1]);
    // Asked again it is the same deposit.
    assert.equal(await asks(claimOf("two", by("c"))), true);
    for (const digit of ["d", "e", "f"]) await asks(claimOf(digit, by(digit)));
    assert.deepEqual([sent.length, reports.length], [5, 2]);
    const wanted = claimOf("wanted", by("f"));
    const { programRoot, inputsRoot, steps, taskId } = wanted;
    const task = { taskId, programRoot, inputsRoot, steps, solver: wanted.claimant } as Task;
    assert.equal(await asks(wanted, { claims: new Map(), tasks: new Map([[taskId, task]]) }), true);
    assert.equal(sent.length, 6);
  });

  it("count after a restart for a day, unless the claim was slashed", async () => {
    const claim = claimOf("before", by("c"));
    const position = { section: 7, height: 1, step: 0, item: 0, index: 0 };
    const moves: Move[] = [{ kind: "demand", position, node: CLAIM.inputsRoot, ...made }];
    const lost = challengeOf(moves, { claimId: claim.claimId, ended: true });
    const challenges = new Map([[lost.challengeId, lost]]);
    const next = claimOf("next", { ...by("c"), challengeUntil: 10 ** 6 });
    for (const [status, time, isPaid] of [
      ["final", 1_000_000, true],
      ["final", made.time + 86_400, false],
      ["slashed", made.time + 86_400, true],
    ] as const) {
      const { sent, demand } = bench(8, true, { each: 1, all: 8 });
      const known = { claims: new Map([[claim.claimId, { ...claim, status }]]), tasks: new Map<Hex, Task>() };
      const ended = { ...next, challengeUntil: time };
      assert.equal(await demand(ended, [], challenges, at(time), known), isPaid);
      assert.equal(sent.length > 0, isPaid);
    }
  });
});

describe("the challenges of a node", () => {
  const demanded: Move = {
    kind: "demand",
    position: { section: 0, height: 1, step: 0, item: 0, index: 0 },
    node: "0x",
    ...made,
  };

  const demands = (count: number) => Array.from({ length: count }, () => demanded);

  it("are played on as long as they take demands", () => {
    const [full, ended] = [challengeOf(demands(16)), challengeOf([], { nonce: 1n, ended: true })];
    assert.equal(usableOf([full, ended]), undefined);
    assert.equal(openOf([full, ended]), full);
    assert.equal(nextNonce([full, ended]), 2n);
    assert.equal(nextNonce([ended]), 0n);
    const last = challengeOf(demands(15), { nonce: 2n });
    assert.equal(usableOf([full, ended, last]), last);
  });

  it("are played on where the own clock runs out first, and where no answer is waited for", () => {
    const position = { section: 5, height: 0, step: 0, item: 0, index: 0 };
    const answered = (deadline: number): Move[] => [
      demanded,
      { kind: "openChunk", position, node: "0x", chunk: "0x", ...made, deadline },
    ];
    const [early, late] = [challengeOf(answered(10)), challengeOf(answered(20), { nonce: 1n })];
    const waiting = challengeOf([{ ...demanded, deadline: 5 }], { nonce: 2n });
    assert.equal(usableOf([late, early, waiting]), early);
    assert.equal(usableOf([waiting, late]), late);
    assert.equal(usableOf([waiting]), waiting);
  });

  it("are opened at the trace root for a walk that may need them", async () => {
    const { sent, demand } = bench(100, false);
    assert.equal(await demand(CLAIM, [], NONE, at(UNTIL - 13)), true);
    assert.equal(sent.length, 1, "not yet");
    const position = { section: 7, height: 1, step: 0, item: 0, index: 0 };
    const words = challengeOf([{ kind: "demand", position, node: CLAIM.inputsRoot, ...made }]);
    const challenges = new Map([[words.challengeId, words]]);
    assert.equal(await demand(CLAIM, [words], challenges, at(UNTIL - 12)), true);
    const reserve = sent.slice(1);
    assert.ok(reserve.length > 0);
    reserve.forEach(({ functionName, args, valueWei }, index) => {
      const [, nonce, { position: root, node, path }] = args as [unknown, bigint, GameDemand];
      assert.deepEqual(
        [functionName, nonce, valueWei, node, path],
        ["challenge", BigInt(index + 1), 17n, CLAIM.traceRoot, []],
      );
      assert.deepEqual(root, { section: 0, height: 1, step: 0, item: 0, index: 0 });
    });
    const all = reserve.map((_, index) => challengeOf([demanded], { nonce: BigInt(index + 1) }));
    const before = sent.length;
    assert.equal(await demand(CLAIM, [words, ...all], challenges, at(UNTIL)), true);
    assert.equal(sent.length, before, "they are enough");
  });

  it("stand where a node was opened last, after a step at the root over its primitives", () => {
    const [stateRoot, scratchRoot] = [hashOf("state"), hashOf("scratch")];
    const step = { section: 0, height: 0, step: 0, item: 0, index: 1 };
    const opened: Move = { kind: "openStep", position: step, stateRoot, scratchRoot, nodes: [], ...made };
    assert.equal(standingOf(RUN, challengeOf([demanded])), null);
    const root = { section: 1, height: 3, step: 1, item: 0, index: 0 };
    assert.deepEqual(standingOf(RUN, challengeOf([demanded, opened, demanded])), root);
    const node: Move = { kind: "open", position: demanded.position, node: "0x", nodes: [], ...made };
    assert.deepEqual(standingOf(RUN, challengeOf([demanded, node])), demanded.position);
    assert.equal(openingsOf(RUN, new Map([["0x", challengeOf([demanded, opened])]]), CLAIM.claimId).length, 1 + 1);
  });
});

// Where a call's demand is, given the moves before it.
function demandedBy({ functionName, args }: Call, moves: readonly Move[]) {
  if (functionName !== "descend") return (args[2] as GameDemand).position;
  const [, , , index, path] = args as [Hex, bigint, Hex, number, readonly Hex[]];
  const standing = moves.at(-1)?.position;
  assert.ok(standing !== undefined);
  return { ...standing, height: standing.height - path.length, index };
}
