// Ways in which an honest node loses coin, or lets a wrong claim stand, although the contracts would bear it out. Each test
// fails as long as its way is open.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { bytesToHex, type Hex } from "viem";

import { claimViewOf } from "../engine/dispute/view.ts";
import { findFraud } from "../engine/dispute/walk.ts";
import { buildScalar } from "../ir/build.ts";
import { scalarHash } from "../ir/encode.ts";
import type { Program } from "../ir/program.ts";

import { openDatabase } from "../chain/database.ts";
import type { Call } from "../chain/sender.ts";
import { chain, recurrent, runFixture, singleWord, type Fixture } from "../engine/fixtures.ts";
import { inputsRootOf, interpreterEngine, type Engine } from "../engine/index.ts";
import { demandBound } from "../engine/position.ts";
import { tensorRoot, type Hash } from "../merkle/index.ts";
import { ContentStore } from "./content-store.ts";
import { RunTooLargeError } from "./limits.ts";
import type { NodeContext } from "./node-context.ts";
import { claimantMove, type GameDemand } from "./players/index.ts";
import { Runs } from "./runs.ts";
import { hashOf, writeEvent } from "./test-events.ts";
import { createVerifier, encodeChecked } from "./verifier.ts";
import type { Challenge, Claim, Move } from "./views.ts";
import { createWordsDemander, DEFAULT_DEMANDED_CHUNKS } from "./withheld.ts";

const FIXTURE = recurrent(600, 2);
const STEPS = 4;
const nothing = () => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const ME: Hex = `0x${"b".repeat(40)}`;
const THEM: Hex = `0x${"a".repeat(40)}`;
const UNTIL = 1_000_000;
const MAX_DEMANDS = 16;
const made = { deadline: 2 * UNTIL, transaction: hashOf("transaction"), time: UNTIL };

function claimOver(inputsRoot: Hash, name = "claim", steps = 2): Claim {
  return {
    claimId: hashOf(name),
    claimant: THEM,
    programRoot: hashOf("program"),
    inputsRoot,
    steps,
    traceMode: 0,
    operator: THEM,
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
}

/** A node that lacks the inputs of a program, and writes down what it sends. */
function lacking(program: Program) {
  const sent: Call[] = [];
  let complete = false;
  const values: Record<string, unknown> = { windowSeconds: 100n, depositOf: 17n, creditOf: 0n };
  const context = {
    client: {
      getChainId: () => Promise.resolve(1),
      readContract: ({ functionName }: { functionName: string }) => Promise.resolve(values[functionName]),
    },
    protocol: { claims: { address: ME }, game: { address: ME } },
    sender: { address: ME, send: (_key: string, call: Call) => Promise.resolve(sent.push(call)) },
    programs: {
      decoded: () => Promise.resolve(program),
      flawOf: () => Promise.resolve(null),
      isRunnable: () => Promise.resolve(true),
    },
    runs: {
      hasInputs: () => Promise.resolve(complete),
      keepInputs: () => Promise.resolve((complete = true)),
    },
    log,
  };
  return { sent, context, isComplete: () => complete };
}

describe("an honest node", () => {
  describe("over inputs with other words than zeros past their ends", () => {
    // The slot `order` starts from the second input and is left as it was.
    const order = FIXTURE.inputs[1];
    const garbage = new Uint32Array(256);
    garbage.set(order);
    garbage[order.length + 1] = 7;
    const committedInputs = [FIXTURE.inputs[0], garbage];
    const inputsRoot = inputsRootOf(committedInputs);

    it("claims nothing, also when a challenge has given it the words", async () => {
      const folder = mkdtempSync(join(tmpdir(), "fresh-"));
      const database = await openDatabase(":memory:");
      try {
        const runnable = { program: FIXTURE.program, constants: { get: FIXTURE.constants } };
        const programs = { runnable: () => Promise.resolve(runnable) };
        const store = new ContentStore(folder);
        const runs = new Runs({ database, store, engine: interpreterEngine, programs: programs as never });
        // As a verifier it was shown these by another claimant.
        await runs.keepInputs([FIXTURE.inputs[0], garbage], inputsRoot);
        await assert.rejects(runs.get({ programRoot: hashOf("p"), inputsRoot, steps: STEPS }, undefined, true));
      } finally {
        await database.destroy();
        rmSync(folder, { recursive: true });
      }
    });
  });

  it("can prove wrong whatever it runs, also where a constant's root stands for two numbers of chunks", () => {
    const words = Uint32Array.from({ length: 300 }, (_, index) => 0x3f800000 + index);
    const root = tensorRoot(words);
    const copy = (length: number) =>
      buildScalar({ operands: ["f32"], output: "f32", extents: [length] }, (b) => b.load(0, b.index));
    const [long, short] = [copy(300), copy(200)];
    const type = "f32" as const;
    const fixture: Fixture = {
      program: {
        inputs: [],
        slots: [],
        outputs: [{ type, length: 200 }],
        segments: [
          {
            records: [
              {
                scalar: scalarHash(long),
                type,
                length: 300,
                operands: [{ kind: "constant", type, length: 300, root }],
              },
              // Nobody can show a chunk of 1,024 bytes that hashes to an inner node.
              {
                scalar: scalarHash(short),
                type,
                length: 200,
                operands: [{ kind: "constant", type, length: 200, root }],
              },
            ],
            steps: 0,
            slotBindings: [],
            outputBindings: [1],
          },
        ],
        scalars: new Map([
          [scalarHash(long), long],
          [scalarHash(short), short],
        ]),
      },
      inputs: [],
      constants: () => words,
    };
    let own;
    try {
      own = runFixture(fixture, 1);
    } catch {
      return; // What can't be proven isn't run: the words are demanded, and can't be shown.
    }
    const lying = runFixture(fixture, 1, { tamper: { step: 0, primitive: 1, element: 3, xor: 4 } });
    const fraud = findFraud(own, lying);
    assert.ok(fraud !== null);
    assert.doesNotThrow(() => encodeChecked(claimViewOf(lying), fraud));
  });

  it("keeps enough demands for the walk when it demands inputs late in the window", async () => {
    // Eight inputs of one chunk each, and a walk of 32 steps, 512 primitives and tensors of 1,025 chunks.
    const inputs = Array.from({ length: DEFAULT_DEMANDED_CHUNKS }, (_, input) => Uint32Array.of(input + 1));
    const given: Program["inputs"] = inputs.map(() => ({ type: "i32", length: 1 }));
    const large = chain(512, 256 * 1_024 + 1).program;
    const slots = large.slots.map(
      (slot) => ({ ...slot, initial: { kind: "constant", root: hashOf("zeros") } }) as const,
    );
    const program: Program = { ...large, inputs: given, slots };
    const steps = 32;
    const small = singleWord();
    const run = runFixture({ ...small, program: { ...small.program, inputs: given }, inputs }, 1);
    const { sent, context, isComplete } = lacking(program);
    const demand = createWordsDemander(context as unknown as NodeContext, DEFAULT_DEMANDED_CHUNKS);
    const claim = claimOver(inputsRootOf(inputs), "claim", steps);
    const challenges = new Map<Hex, Challenge & { moves: Move[] }>();
    for (let turns = 0; !isComplete(); turns++) {
      assert.ok(turns < 64);
      const own = [...challenges.values()];
      const before = sent.length;
      // The claimant answers each demand just late enough: from the second on the window is closed.
      const head = { number: 1, time: turns === 0 ? UNTIL - 1 : UNTIL + turns };
      await demand(claim, own, challenges, head);
      for (const call of sent.slice(before)) {
        const nonce = call.args[1] as bigint;
        const id = hashOf(`challenge ${nonce}`);
        if (call.functionName === "challenge") {
          const challenge = { challengeId: id, claimId: claim.claimId, challenger: ME, nonce, openedIn: id };
          challenges.set(id, { ...challenge, moves: [], ended: false, closed: false });
        }
        const { moves } = challenges.get(id)!;
        const position = (call.args[2] as GameDemand).position;
        moves.push({ kind: "demand", position, node: id, ...made });
        // The trace root of a reserve waits for its answer beside the words.
        if (position.section < 5) continue;
        const answer = claimantMove(run, position);
        if (answer.kind === "open") moves.push({ kind: "open", position, node: id, nodes: answer.nodes, ...made });
        if (answer.kind === "openChunk") {
          moves.push({ kind: "openChunk", position, node: id, chunk: bytesToHex(answer.chunk), ...made });
        }
      }
    }
    // No challenge can be opened any more: one of those there are must take the whole walk.
    const left = [...challenges.values()].map(
      ({ moves }) => MAX_DEMANDS - moves.filter(({ kind }) => kind === "demand").length,
    );
    assert.ok(
      Math.max(...left) >= demandBound({ program, steps }),
      `${Math.max(...left)} demands are left for the walk`,
    );
  });

  it("pays no deposit for the words of a run that it will not do", async () => {
    const { program, inputs } = FIXTURE;
    const { sent, context } = lacking(program);
    const database = await openDatabase(":memory:");
    const runs = { ...context.runs, get: () => Promise.reject(new RunTooLargeError("instructions", 2, 1)) };
    try {
      const claim = claimOver(inputsRootOf(inputs));
      await writeEvent(database, "ClaimCommitted", { ...claim });
      await writeEvent(database, "ClaimRevealed", { ...claim });
      const verifier = createVerifier({ ...context, runs, database } as unknown as NodeContext, {});
      await verifier.tick({ number: 1, time: UNTIL });
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.deepEqual(
        sent.map(({ functionName }) => functionName),
        [],
      );
    } finally {
      await database.destroy();
    }
  });

  it("has a limit to the deposits that right claims cost it by withholding their inputs", async () => {
    const { program, inputs } = FIXTURE;
    const { sent, context } = lacking(program);
    const demand = createWordsDemander(context as unknown as NodeContext, DEFAULT_DEMANDED_CHUNKS);
    const claims = 200;
    for (let index = 0; index < claims; index++) {
      const claim = claimOver(inputsRootOf(inputs), `claim ${index}`);
      await demand(claim, [], new Map(), { number: 1, time: UNTIL });
    }
    assert.ok(sent.length < claims, `${sent.length} deposits, one for each claim of the same claimant`);
  });

  it("holds a bounded number of runs in memory at once, however many claims are revealed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fresh-"));
    const database = await openDatabase(":memory:");
    let [running, most] = [0, 0];
    const engine: Engine = {
      load(program, options) {
        running++;
        most = Math.max(most, running);
        return interpreterEngine.load(program, options);
      },
    };
    try {
      const { program, constants } = singleWord();
      const programs = { runnable: () => Promise.resolve({ program, constants: { get: constants } }) };
      const runs = new Runs({ database, store: new ContentStore(folder), engine, programs: programs as never });
      const requests = Array.from({ length: 40 }, (_, index) => ({
        programRoot: hashOf("p"),
        inputsRoot: inputsRootOf([]),
        steps: 300 + index,
      }));
      await Promise.all(requests.map((request) => runs.get(request).then(() => running--)));
      assert.ok(most <= 8, `${most} runs at once`);
    } finally {
      await database.destroy();
      rmSync(folder, { recursive: true });
    }
  });
});
