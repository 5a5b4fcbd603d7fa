// DisputeGame's demands and openings: every node of a small trace can be demanded and opened, and no malformed demand or
// opening gets through.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { concatHex, keccak256, sliceHex, type Hex } from "viem";

import {
  chunkOf,
  demandOf,
  makeProgram,
  makeTrace,
  nodeAt,
  openingOf,
  outputsShown,
  positionsOf,
  tensorShown,
  treeOf,
  ZERO,
  type Demand,
  type Position,
  type TensorShown,
  type Trace,
} from "./support/trace.ts";
import {
  answerAt,
  commit,
  createWorld,
  DEFERRED_TRACE,
  MAX_DEMANDS,
  openChallenge,
  openTop,
  PARAMETERS,
  prepare,
  revealByOf,
  revealedClaim,
  SMALL_TRACE,
  topOf,
  type ChallengeInPlay,
  type Commitment,
} from "./support/world.ts";

const OTHER = keccak256("0xff");
const at = (section: number, height: number, step: number, item: number, index: number): Position => ({
  section,
  height,
  step,
  item,
  index,
});

const SINGLE_TRACE = makeTrace(
  makeProgram({ segments: [{ steps: 0, lengths: [1] }], inputs: [], slots: [], outputs: [1] }),
  1,
  0x51,
);

describe("DisputeGame walk", async () => {
  const world = await createWorld();
  const { viem, game, accounts, networkHelpers } = world;
  const { claimant, challenger, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;

  /** A challenge whose first demand, for the trace root, is answered. */
  async function begin() {
    const commitment = await revealedClaim(world);
    const challenge = await openChallenge(world, commitment, challenger);
    await openTop(world, challenge, claimant);
    return { commitment, challenge };
  }
  const fixture = () => networkHelpers.loadFixture(begin);

  const honest = (position: Position, trace: Trace = SMALL_TRACE): Demand => demandOf(trace, position);
  const demand = ({ claim, nonce }: ChallengeInPlay, move: Demand) =>
    game.write.demand([claim, nonce, move], { account: challenger });

  /** Opens with the preimage of the position, by anyone; a step of a deferred trace by the claimant. */
  const answer = (challenge: ChallengeInPlay, position: Position): Promise<Hex> =>
    answerAt(world, challenge, position, challenge.trace.deferred ? claimant : stranger);

  /** Demands every node, from one challenge after the other, and has each opened. */
  async function walkAll(commitment: Commitment): Promise<number> {
    const { trace } = commitment;
    const positions = positionsOf(trace);
    let challenge: ChallengeInPlay | undefined;
    for (const [i, position] of positions.entries()) {
      if (challenge === undefined || i % MAX_DEMANDS === 0) {
        challenge = await openChallenge(world, commitment, challenger, honest(position, trace));
      } else {
        await demand(challenge, honest(position, trace));
      }
      await answer(challenge, position);
    }
    return positions.length;
  }

  it("serves every node of a trace of many shapes", async () => {
    const { commitment } = await fixture();
    const served = await walkAll(commitment);
    assert.ok(served > 300, `${served} nodes`);
  });

  it("serves every node of a deferred trace of many shapes", async () => {
    await fixture();
    const commitment = await revealedClaim(world, {}, { trace: DEFERRED_TRACE });
    // The steps come first among the positions, so that each is posted before a node below is demanded.
    const served = await walkAll(commitment);
    assert.ok(served > 300, `${served} nodes`);
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`serves every node of a random trace with seed ${seed}`, async () => {
      await fixture();
      let state = seed;
      const draw = (most: number): number => {
        state = (Math.imul(state, 0x9e3779b1) + 0x7f4a7c15) >>> 0;
        return 1 + ((state >>> 8) % most);
      };
      const lengths = (count: number): number[] => Array.from({ length: count }, () => draw(1_200));
      const shape = {
        segments: [
          { steps: draw(2), lengths: lengths(draw(7)), constants: lengths(3) },
          { steps: draw(2), lengths: lengths(draw(5)) },
          { steps: 0, lengths: lengths(draw(3)) },
        ],
        inputs: lengths(draw(2)),
        slots: lengths(draw(4) - 1),
        outputs: lengths(draw(3)),
      };
      const trace = makeTrace(makeProgram(shape), draw(5), seed, seed % 2 === 0);
      await walkAll(await revealedClaim(world, {}, { trace }));
    });
  }

  it("serves every node where all trees have one leaf", async () => {
    await fixture();
    assert.equal(await walkAll(await revealedClaim(world, {}, { trace: SINGLE_TRACE })), 3);
  });

  describe("demand", () => {
    const samples = [
      at(0, 2, 0, 0, 0),
      at(0, 0, 0, 0, 2),
      at(1, 2, 0, 0, 0),
      at(1, 1, 2, 0, 0),
      at(2, 3, 1, 0, 0),
      at(3, 7, 0, 1, 0),
      at(3, 0, 0, 1, 69),
      at(3, 1, 2, 0, 1),
      at(4, 0, 2, 0, 2),
      at(4, 0, 1, 4, 0),
      at(5, 3, 0, 1, 2),
      at(5, 0, 0, 0, 0),
      at(5, 0, 0, 2, 1),
      at(6, 2, 0, 1, 4),
    ];
    for (const position of samples) {
      const { section, height, step, item, index } = position;
      it(`refuses another node, path or length at (${section}, ${height}, ${step}, ${item}, ${index})`, async () => {
        const { challenge } = await fixture();
        const good = honest(position);
        const { path, node } = good;
        const mismatch = (move: Demand) =>
          viem.assertions.revertWithCustomError(demand(challenge, move), game, "TraceRootMismatch");
        await mismatch({ ...good, node: OTHER });
        for (let i = 0; i < path.length; i++) await mismatch({ ...good, path: path.with(i, OTHER) });
        const lengths = [BigInt(path.length), BigInt(path.length + 1)] as const;
        const longer = { ...good, path: [...path, OTHER] };
        await fails(demand(challenge, longer), game, "PathLengthMismatch", [lengths[0], lengths[1]]);
        if (path.length > 0) {
          const shorter = { ...good, path: path.slice(1) };
          await fails(demand(challenge, shorter), game, "PathLengthMismatch", [lengths[0], lengths[0] - 1n]);
        }
        const { count, depth } = treeOf(SMALL_TRACE, position);
        const beyond = Math.ceil(count / 2 ** height);
        for (const bad of [
          { ...position, index: beyond },
          { ...position, index: 2 ** 32 - 1 },
          { ...position, height: depth + 1, index: 0 },
          { ...position, height: 255, index: 0 },
        ]) {
          const shown = tensorShown(SMALL_TRACE, bad);
          await fails(demand(challenge, { ...good, position: bad, shown }), game, "PositionOutsideTree", [bad]);
        }
        if (beyond > 1) {
          await mismatch({ ...good, position: { ...position, index: index === 0 ? 1 : index - 1 } });
        }
        if (path.length > 0) {
          await fails(demand(challenge, { ...good, node: ZERO }), game, "ZeroLeaf", [BigInt(index)]);
        }
        await demand(challenge, { ...good, node });
      });
    }

    const outside: [string, Position][] = [
      ["a step of the steps section", at(0, 1, 1, 0, 0)],
      ["an item of the steps section", at(0, 1, 0, 1, 0)],
      ["an item of the scratch section", at(1, 1, 0, 1, 0)],
      ["an item of the state section", at(2, 1, 0, 1, 0)],
      ["a tensor root as a scratch leaf", at(1, 0, 0, 0, 1)],
      ["a tensor root as a state leaf", at(2, 0, 0, 0, 1)],
      ["a step past the last", at(1, 1, 3, 0, 0)],
      ["a primitive past the last of its segment", at(3, 0, 1, 2, 0)],
      ["an item past the last", at(4, 0, 1, 5, 0)],
      ["a step of a tensor of the table", at(5, 0, 1, 0, 0)],
      ["a tensor past the inputs and slots", at(5, 0, 0, 4, 0)],
      ["a root of an input as a leaf", at(7, 0, 0, 0, 1)],
      ["a step of the inputs", at(7, 1, 1, 0, 0)],
      ["an item of the inputs", at(7, 1, 0, 1, 0)],
    ];
    for (const [name, position] of outside) {
      it(`refuses ${name}`, async () => {
        const { challenge } = await fixture();
        const shown = tensorShown(SMALL_TRACE, { ...position, step: 0, item: 0 });
        const move = { node: OTHER, position, path: [], shown };
        await fails(demand(challenge, move), game, "PositionOutsideTree", [position]);
      });
    }

    it("refuses unknown sections", async () => {
      const { challenge } = await fixture();
      const move = { ...honest(at(0, 0, 0, 0, 0)), position: at(200, 0, 0, 0, 0) };
      await fails(demand(challenge, move), game, "SectionUnknown", [200n]);
    });

    it("refuses more evidence than a section needs", async () => {
      const { challenge } = await fixture();
      const { summary, interfaceTable } = SMALL_TRACE.program;
      const cases: [Position, Partial<TensorShown>][] = [
        [at(0, 1, 0, 0, 0), { summary }],
        [at(0, 1, 0, 0, 0), { record: "0x00" }],
        [at(0, 1, 0, 0, 0), { recordSiblings: [OTHER] }],
        [at(0, 1, 0, 0, 0), { interfaceTable }],
        [at(0, 0, 0, 0, 0), { interfaceTable }],
        [at(0, 0, 0, 0, 0), { record: "0x00" }],
        [at(1, 1, 0, 0, 0), { record: "0x00" }],
        [at(2, 1, 0, 0, 0), { recordSiblings: [OTHER] }],
        [at(3, 0, 0, 0, 0), { interfaceTable }],
        [at(4, 0, 0, 0, 0), { record: "0x00" }],
        [at(5, 0, 0, 0, 0), { recordSiblings: [OTHER] }],
        [at(6, 0, 0, 1, 0), { interfaceTable }],
        [at(7, 1, 0, 0, 0), { interfaceTable }],
      ];
      for (const [position, more] of cases) {
        const move = honest(position);
        const bad = { ...move, shown: { ...move.shown, ...more } };
        await fails(demand(challenge, bad), game, "TooMuchShown", [BigInt(position.section)]);
      }
    });

    it("refuses a summary, a record or an interface table of another program", async () => {
      const { challenge } = await fixture();
      const { program } = SMALL_TRACE;
      for (const section of [1, 2, 3, 4]) {
        const move = honest(at(section, section < 3 ? 1 : 0, 0, 0, 0));
        const summary = concatHex([sliceHex(program.summary, 0, 63), "0xff", sliceHex(program.summary, 64)]);
        const bad = { ...move, shown: { ...move.shown, summary } };
        await fails(demand(challenge, bad), game, "ProgramRootMismatch", [program.programRoot, keccak256(summary)]);
      }
      const tensor = honest(at(3, 0, 0, 0, 0));
      const record = program.records[0][2];
      await viem.assertions.revertWithCustomError(
        demand(challenge, { ...tensor, shown: { ...tensor.shown, record } }),
        game,
        "RecordsRootMismatch",
      );
      const recordSiblings = tensor.shown.recordSiblings.slice(1);
      await fails(
        demand(challenge, { ...tensor, shown: { ...tensor.shown, recordSiblings } }),
        game,
        "SiblingCountMismatch",
        [2n, 1n],
      );
      const item = honest(at(4, 0, 0, 0, 0));
      const interfaceTable = concatHex([sliceHex(program.interfaceTable, 1), "0x00"]);
      await viem.assertions.revertWithCustomError(
        demand(challenge, { ...item, shown: { ...item.shown, interfaceTable } }),
        game,
        "InterfaceHashMismatch",
      );
    });

    it("refuses tensors whose length the program does not state canonically", async () => {
      await fixture();
      const shape = { segments: [{ steps: 0, lengths: [0] }], inputs: [], slots: [], outputs: [0] };
      const malformed = makeProgram(shape);
      const trace = { ...SINGLE_TRACE, program: malformed };
      const challenge = await openChallenge(world, await revealedClaim(world, {}, { trace }), challenger);
      await answer(challenge, at(0, 0, 0, 0, 0));
      await fails(demand(challenge, honest(at(3, 0, 0, 0, 0), trace)), game, "RecordInvalid", [2n]);
      await fails(demand(challenge, honest(at(4, 0, 0, 0, 0), trace)), game, "InterfaceRowInvalid", [0n, 1n]);
    });

    it("announces the node and the claimant's deadline", async () => {
      const { challenge } = await fixture();
      const { challengeId, claimId } = challenge;
      const move = honest(at(3, 7, 0, 1, 0));
      const hash = await demand(challenge, move);
      const { turnStarted, claimantUsedSeconds, ...stored } = await game.read.challengeOf([challengeId]);
      const { position, node, demands } = stored;
      assert.deepEqual({ position, node, demands }, { position: move.position, node: move.node, demands: 2 });
      const deadline = BigInt(turnStarted + PARAMETERS.clockSeconds - claimantUsedSeconds);
      await emits(hash, game, "NodeDemanded", [challengeId, claimId, move.position, move.node, deadline]);
    });
  });

  describe("open", () => {
    for (const position of [at(0, 2, 0, 0, 0), at(3, 7, 0, 1, 0), at(3, 5, 0, 1, 2), at(5, 6, 0, 1, 0)]) {
      const { section, height, index } = position;
      it(`refuses anything but the preimage at (${section}, ${height}, ${index})`, async () => {
        const { challenge } = await fixture();
        const { claim, claimId, nonce } = challenge;
        await demand(challenge, honest(position));
        const nodes = openingOf(SMALL_TRACE, position);
        const tryNodes = (bad: Hex[]) => game.write.open([claimId, challenger, nonce, bad]);
        const expected = BigInt(nodes.length);
        await fails(tryNodes([]), game, "OpeningLengthMismatch", [expected, 0n]);
        await fails(tryNodes(nodes.slice(1)), game, "OpeningLengthMismatch", [expected, expected - 1n]);
        await fails(tryNodes([...nodes, ZERO]), game, "OpeningLengthMismatch", [expected, expected + 1n]);
        for (const [i, covered] of nodes.map((n) => n !== ZERO).entries()) {
          const flipped = nodes.with(i, covered ? ZERO : OTHER);
          await fails(tryNodes(flipped), game, "ZeroNodeRule", [BigInt(i)]);
          if (covered) {
            await viem.assertions.revertWithCustomError(tryNodes(nodes.with(i, OTHER)), game, "OpeningMismatch");
          }
        }
        const chunk: Hex = `0x${"00".repeat(1024)}`;
        const openChunk = game.write.openChunk([claimId, challenger, nonce, chunk]);
        await fails(openChunk, game, "OpeningKindMismatch", [section, height]);
        const openStep = game.write.openStep([claim, challenger, nonce, OTHER, nodes]);
        await fails(openStep, game, "OpeningKindMismatch", [section, height]);
        await answer(challenge, position);
      });
    }

    for (const position of [at(3, 0, 0, 1, 69), at(4, 0, 2, 4, 0), at(5, 0, 0, 2, 2), at(6, 0, 0, 1, 39)]) {
      it(`refuses anything but the chunk in section ${position.section}`, async () => {
        const { challenge } = await fixture();
        const { claim, claimId, nonce } = challenge;
        const { node } = honest(position);
        await demand(challenge, honest(position));
        const chunk = chunkOf(SMALL_TRACE, position);
        const tryChunk = (bad: Hex) => game.write.openChunk([claimId, challenger, nonce, bad]);
        await fails(tryChunk("0x"), game, "OpeningLengthMismatch", [1024n, 0n]);
        await fails(tryChunk(concatHex([chunk, "0x00"])), game, "OpeningLengthMismatch", [1024n, 1025n]);
        const other = concatHex([sliceHex(chunk, 0, 1023), "0x01"]);
        await fails(tryChunk(other), game, "OpeningMismatch", [node, keccak256(other)]);
        const open = game.write.open([claimId, challenger, nonce, [node]]);
        await fails(open, game, "OpeningKindMismatch", [position.section, 0]);
        const openStep = game.write.openStep([claim, challenger, nonce, OTHER, [node]]);
        await fails(openStep, game, "OpeningKindMismatch", [position.section, 0]);
        await answer(challenge, position);
      });
    }

    it("announces the nodes, the opener and the challenger's deadline", async () => {
      const { challenge } = await fixture();
      const { challengeId, claimId } = challenge;
      const position = at(3, 7, 0, 1, 0);
      await demand(challenge, honest(position));
      const hash = await answer(challenge, position);
      const node = nodeAt(SMALL_TRACE, position);
      const nodes = openingOf(SMALL_TRACE, position);
      const deadline = await game.read.deadlineOf([challengeId]);
      await emits(hash, game, "NodeOpened", [challengeId, claimId, position, node, nodes, stranger, deadline]);
    });

    it("announces a chunk", async () => {
      const { challenge } = await fixture();
      const { challengeId, claimId } = challenge;
      const position = at(3, 0, 0, 1, 3);
      await demand(challenge, honest(position));
      const hash = await answer(challenge, position);
      const node = nodeAt(SMALL_TRACE, position);
      const deadline = await game.read.deadlineOf([challengeId]);
      const chunk = chunkOf(SMALL_TRACE, position);
      await emits(hash, game, "ChunkOpened", [challengeId, claimId, position, node, chunk, stranger, deadline]);
    });
  });

  describe("a claimant that broke the zero-node rule", () => {
    const leaf = (index: number): Hex => nodeAt(SMALL_TRACE, at(0, 0, 0, 0, index));
    for (const [name, leaves] of [
      ["a zero where a step stands", [ZERO, leaf(1), leaf(2), ZERO]],
      ["a node where no step stands", [leaf(0), leaf(1), leaf(2), OTHER]],
    ] as const) {
      it(`cannot open the parent of ${name}`, async () => {
        await fixture();
        const parents = [keccak256(concatHex(leaves.slice(0, 2))), keccak256(concatHex(leaves.slice(2)))];
        const traceRoot = keccak256(concatHex(parents));
        const trace = { ...SMALL_TRACE, traceRoot };
        const commitment = await prepare(world, {}, { trace });
        await commit(world, commitment);
        const shown = { ...outputsShown(SMALL_TRACE), stepSiblings: [leaves[3], parents[0]] };
        const revealBy = await revealByOf(world, commitment.claimId);
        await world.claims.write.reveal([commitment.claim, revealBy, trace.outputRoots, shown]);
        const top = topOf(trace);
        const first = { ...honest(top), node: traceRoot };
        const { claimId, nonce } = await openChallenge(world, commitment, challenger, first);
        await viem.assertions.revertWithCustomError(
          game.write.open([claimId, challenger, nonce, [...leaves]]),
          game,
          "ZeroNodeRule",
        );
      });
    }
  });
});
