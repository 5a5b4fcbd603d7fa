// DisputeGame's relative demands: from the node opened last down to any node that the opening reaches, through leaves into
// what they hold, in full and deferred traces; and that nothing is reached that does not stand below.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { concatHex, keccak256, sliceHex, type Hex } from "viem";

import {
  demandOf,
  LEVELS,
  nodeAt,
  pathBetween,
  scratchRootAt,
  SECTION,
  tensorShown,
  treeOf,
  ZERO,
  type Position,
  type Trace,
} from "./support/trace.ts";
import {
  answerAt,
  createWorld,
  DEFERRED_TRACE,
  openChallenge,
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
const TOP = topOf(SMALL_TRACE);

describe("DisputeGame relative demands", async () => {
  const world = await createWorld();
  const { viem, game, accounts, networkHelpers } = world;
  const { claimant, challenger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const account = challenger;

  async function begin() {
    const commitment = await revealedClaim(world);
    return { commitment, deferred: await revealedClaim(world, {}, { trace: DEFERRED_TRACE }) };
  }
  const fixture = () => networkHelpers.loadFixture(begin);

  /** The node stands at `position`, demanded; then it is opened. */
  async function opened(challenge: ChallengeInPlay, position: Position): Promise<void> {
    const stored = await game.read.challengeOf([challenge.challengeId]);
    assert.deepEqual(stored.position, position);
    assert.equal(stored.node, nodeAt(challenge.trace, position));
    await answerAt(world, challenge, position, claimant);
  }
  /** Demands `lower` from `upper`, in the same tree. */
  function descend({ claimId, nonce, trace }: ChallengeInPlay, upper: Position, lower: Position) {
    const args = [claimId, nonce, nodeAt(trace, lower), lower.index, pathBetween(trace, upper, lower)] as const;
    return game.write.descend(args, { account });
  }
  /** Demands what the leaf at `index` below `upper` holds. */
  function enter({ body, nonce, trace }: ChallengeInPlay, upper: Position, index: number, held: Position) {
    const path = pathBetween(trace, upper, { ...upper, height: 0, index });
    const args = [body, nonce, nodeAt(trace, held), index, path, tensorShown(trace, held)] as const;
    return game.write.enter(args, { account });
  }
  /** A challenge that stands, opened, at the root of the steps. */
  async function begun(commitment: Commitment): Promise<ChallengeInPlay> {
    const challenge = await openChallenge(world, commitment, challenger);
    await opened(challenge, TOP);
    return challenge;
  }
  /** A challenge that stands at the scratch root of a step. */
  async function inStep(commitment: Commitment, step: number): Promise<ChallengeInPlay> {
    const challenge = await begun(commitment);
    const held = at(SECTION.steps, 0, 0, 0, step);
    await enter(challenge, TOP, step, held);
    await opened(challenge, held);
    const { position, node } = await game.read.challengeOf([challenge.challengeId]);
    assert.deepEqual(position, scratchRootAt(challenge.trace, step));
    assert.equal(node, nodeAt(challenge.trace, scratchRootAt(challenge.trace, step)));
    return challenge;
  }
  const rootOfTensor = (trace: Trace, section: number, step: number, item: number): Position => {
    const tensor = at(section, 0, step, item, 0);
    return { ...tensor, height: treeOf(trace, tensor).depth };
  };
  /** From a tensor's root, opened, down to a chunk. */
  async function toChunk(challenge: ChallengeInPlay, from: Position, chunk: number): Promise<number> {
    let upper = from;
    let moves = 0;
    while (upper.height > 0) {
      const height = Math.max(0, upper.height - LEVELS);
      const lower = { ...upper, height, index: chunk >>> height };
      await descend(challenge, upper, lower);
      await opened(challenge, lower);
      upper = lower;
      moves++;
    }
    return moves;
  }

  for (const kind of ["commitment", "deferred"] as const) {
    it(`reaches chunks of every tensor, ${kind === "deferred" ? "of a deferred trace" : "of a full trace"}`, async () => {
      const commitment = (await fixture())[kind];
      const { trace } = commitment;
      for (const [step, { scratchWords, state, stateWords }] of trace.steps.entries()) {
        for (const [item, words] of scratchWords.entries()) {
          const challenge = await inStep(commitment, step);
          const root = rootOfTensor(trace, SECTION.scratchTensor, step, item);
          await enter(challenge, scratchRootAt(trace, step), item, root);
          await opened(challenge, root);
          await toChunk(challenge, root, Math.ceil(words.length / 256) - 1);
        }
        for (const [item] of stateWords.entries()) {
          const challenge = await begun(commitment);
          const top = at(SECTION.state, state.depth, step, 0, 0);
          await game.write.demand([challenge.claim, challenge.nonce, demandOf(trace, top)], { account });
          await opened(challenge, top);
          const root = rootOfTensor(trace, SECTION.stateTensor, step, item);
          await enter(challenge, top, item, root);
          await opened(challenge, root);
          await toChunk(challenge, root, 0);
        }
      }
    });
  }

  it("reaches every input through the tree over their roots, and their chunks", async () => {
    const { commitment } = await fixture();
    const { trace } = commitment;
    const top = at(SECTION.inputs, 1, 0, 0, 0);
    assert.equal(nodeAt(trace, top), trace.inputsRoot);
    for (const [item, words] of trace.inputWords.entries()) {
      const challenge = await openChallenge(world, commitment, challenger, demandOf(trace, top));
      await opened(challenge, top);
      const root = rootOfTensor(trace, SECTION.table, 0, item);
      await enter(challenge, top, item, root);
      await opened(challenge, root);
      await toChunk(challenge, root, Math.ceil(words.length / 256) - 1);
    }
  });

  it("descends any number of levels that the opening shows, and no more", async () => {
    const { commitment } = await fixture();
    const root = rootOfTensor(SMALL_TRACE, SECTION.scratchTensor, 0, 1);
    assert.equal(root.height, 7);
    for (const levels of [1, 2, 3, 4, 5]) {
      const challenge = await openChallenge(world, commitment, challenger, demandOf(SMALL_TRACE, root));
      await opened(challenge, root);
      const lower = { ...root, height: 7 - levels, index: 1 };
      await descend(challenge, root, lower);
      await opened(challenge, lower);
    }
    const challenge = await openChallenge(world, commitment, challenger, demandOf(SMALL_TRACE, root));
    await opened(challenge, root);
    const deep = { ...root, height: 1, index: 1 };
    await fails(descend(challenge, root, deep), game, "PathLengthMismatch", [5n, 6n]);
    const none = game.write.descend([challenge.claimId, challenge.nonce, nodeAt(SMALL_TRACE, root), 0, []], {
      account,
    });
    await fails(none, game, "PathLengthMismatch", [1n, 0n]);
  });

  describe("descend", () => {
    const root = rootOfTensor(SMALL_TRACE, SECTION.scratchTensor, 0, 1);
    const lower = { ...root, height: 2, index: 3 };
    const path = pathBetween(SMALL_TRACE, root, lower);
    const node = nodeAt(SMALL_TRACE, lower);

    async function standing() {
      const { commitment } = await fixture();
      const challenge = await openChallenge(world, commitment, challenger, demandOf(SMALL_TRACE, root));
      await opened(challenge, root);
      return challenge;
    }
    const tryMove = ({ claimId, nonce }: ChallengeInPlay, bad: Hex, index = 3, siblings = path) =>
      game.write.descend([claimId, nonce, bad, index, siblings], { account });

    it("refuses another node, sibling or place", async () => {
      const challenge = await standing();
      const mismatch = (attempt: Promise<Hex>) =>
        viem.assertions.revertWithCustomError(attempt, game, "OpenedNodeMismatch");
      await mismatch(tryMove(challenge, OTHER));
      for (let i = 0; i < path.length; i++) await mismatch(tryMove(challenge, node, 3, path.with(i, OTHER)));
      await mismatch(tryMove(challenge, node, 2));
      await mismatch(tryMove(challenge, node, 3, path.slice(1)));
      await viem.assertions.revertWithCustomError(tryMove(challenge, ZERO), game, "ZeroLeaf");
      await tryMove(challenge, node);
    });

    it("refuses places past the tree and outside of the node opened last", async () => {
      const challenge = await standing();
      // 70 chunks are 18 nodes of height 2; index 32 is that of another root's descendant.
      for (const index of [18, 31, 32, 32 + 3, 2 ** 24 + 3, 2 ** 32 - 1]) {
        await fails(tryMove(challenge, node, index), game, "NodeNotBelow", [2n, BigInt(index)]);
      }
      await tryMove(challenge, node);
      await opened(challenge, lower);
      // Now only the nodes below the fourth are near.
      const below = { ...root, height: 0, index: 40 };
      const far = tryMove(challenge, nodeAt(SMALL_TRACE, below), 40, pathBetween(SMALL_TRACE, lower, below));
      await fails(far, game, "NodeNotBelow", [0n, 40n]);
    });

    it("refuses to go below a chunk", async () => {
      const challenge = await standing();
      await toChunk(challenge, root, 69);
      for (const levels of [1, 2]) {
        const attempt = tryMove(challenge, OTHER, 69, Array<Hex>(levels).fill(OTHER));
        await fails(attempt, game, "PathLengthMismatch", [0n, BigInt(levels)]);
      }
    });

    it("refuses leaves that hold more than they are", async () => {
      const { commitment } = await fixture();
      const challenge = await begun(commitment);
      const leaf = at(SECTION.steps, 0, 0, 0, 1);
      await fails(descend(challenge, TOP, leaf), game, "PositionOutsideTree", [leaf]);
      const standingInStep = await inStep(commitment, 0);
      const primitive = at(SECTION.scratch, 0, 0, 0, 1);
      const attempt = descend(standingInStep, scratchRootAt(SMALL_TRACE, 0), primitive);
      await fails(attempt, game, "PositionOutsideTree", [primitive]);
    });

    it("refuses what does not lead to the node that stands now", async () => {
      const { commitment } = await fixture();
      const challenge = await openChallenge(world, commitment, challenger, demandOf(SMALL_TRACE, root));
      await opened(challenge, root);
      const elsewhere = rootOfTensor(SMALL_TRACE, SECTION.constant, 0, 1);
      await game.write.demand([challenge.claim, challenge.nonce, demandOf(SMALL_TRACE, elsewhere)], { account });
      await opened(challenge, elsewhere);
      await viem.assertions.revertWithCustomError(tryMove(challenge, node), game, "OpenedNodeMismatch");
    });
  });

  describe("enter", () => {
    it("refuses an inner node, another leaf and another place", async () => {
      const { commitment } = await fixture();
      const challenge = await begun(commitment);
      const { body, nonce } = challenge;
      const step = at(SECTION.steps, 0, 0, 0, 1);
      const [node, shown] = [nodeAt(SMALL_TRACE, step), tensorShown(SMALL_TRACE, step)];
      const path = pathBetween(SMALL_TRACE, TOP, step);
      const tryEnter = (bad: Hex, index: number, siblings: Hex[]) =>
        game.write.enter([body, nonce, bad, index, siblings, shown], { account });
      const inner = { ...TOP, height: 1 };
      const innerPath = pathBetween(SMALL_TRACE, TOP, inner);
      await fails(tryEnter(nodeAt(SMALL_TRACE, inner), 0, innerPath), game, "PathLengthMismatch", [2n, 1n]);
      await viem.assertions.revertWithCustomError(tryEnter(OTHER, 1, path), game, "OpenedNodeMismatch");
      await viem.assertions.revertWithCustomError(tryEnter(node, 0, path), game, "OpenedNodeMismatch");
      for (const index of [3, 4, 5, 2 ** 32 - 1]) {
        await viem.assertions.revertWithCustomError(tryEnter(node, index, path), game, "NodeNotBelow");
      }
      await tryEnter(node, 1, path);
    });

    it("refuses what belongs to another program or record", async () => {
      const { commitment } = await fixture();
      const challenge = await inStep(commitment, 0);
      const { body, nonce } = challenge;
      const root = rootOfTensor(SMALL_TRACE, SECTION.scratchTensor, 0, 1);
      const path = pathBetween(SMALL_TRACE, scratchRootAt(SMALL_TRACE, 0), at(SECTION.scratch, 0, 0, 0, 1));
      const shown = tensorShown(SMALL_TRACE, root);
      const tryShown = (changes: Partial<typeof shown>) =>
        game.write.enter([body, nonce, nodeAt(SMALL_TRACE, root), 1, path, { ...shown, ...changes }], { account });
      const { summary } = shown;
      const other = concatHex([sliceHex(summary, 0, 63), "0xff", sliceHex(summary, 64)]);
      // Another program is another claim, which this account does not challenge.
      await viem.assertions.revertWithCustomError(tryShown({ summary: other }), game, "WrongTurn");
      const record = SMALL_TRACE.program.records[0][0];
      await viem.assertions.revertWithCustomError(tryShown({ record }), game, "RecordsRootMismatch");
      const recordSiblings = shown.recordSiblings.slice(1);
      await viem.assertions.revertWithCustomError(tryShown({ recordSiblings }), game, "SiblingCountMismatch");
      const { interfaceTable } = SMALL_TRACE.program;
      await viem.assertions.revertWithCustomError(tryShown({ interfaceTable }), game, "TooMuchShown");
      await tryShown({});
    });

    it("refuses tensors, which hold nothing", async () => {
      const { commitment } = await fixture();
      const root = rootOfTensor(SMALL_TRACE, SECTION.scratchTensor, 0, 1);
      const challenge = await openChallenge(world, commitment, challenger, demandOf(SMALL_TRACE, root));
      await opened(challenge, root);
      const { body, nonce } = challenge;
      const chunk = { ...root, height: 2, index: 0 };
      const path = pathBetween(SMALL_TRACE, root, chunk);
      const args = [body, nonce, nodeAt(SMALL_TRACE, chunk), 0, path, tensorShown(SMALL_TRACE, root)] as const;
      const attempt = game.write.enter(args, { account });
      await fails(attempt, game, "SectionUnknown", [BigInt(SECTION.scratchTensor)]);
    });
  });
});
