// Deferred traces: a step's scratch root is posted once, by claimant or operator, when a demand first reaches the step, and
// binds every challenge; whoever is silent loses by the clock. Proofs stand on a posted root where that very step is named.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { concatHex, keccak256, zeroAddress, type Address, type Hex } from "viem";

import {
  demandOf,
  makeProgram,
  makeTrace,
  nodeAt,
  openingOf,
  pathOf,
  scratchRootAt,
  SECTION,
  stateRootOf,
  ZERO,
  type Position,
  type Trace,
} from "./support/trace.ts";
import {
  answerAt,
  assertSolvent,
  at,
  BOND,
  CHALLENGE,
  CLAIM,
  commit,
  createWorld,
  DEFERRED_TRACE,
  FEE,
  openChallenge,
  openTop,
  PARAMETERS,
  prepare,
  reveal,
  revealedClaim,
  SINK,
  SMALL_TRACE,
  timeOut,
  type ChallengeInPlay,
  type Commitment,
} from "./support/world.ts";

const OTHER = keccak256("0xff");
const CLOCK = BigInt(PARAMETERS.clockSeconds);
const place = (section: number, height: number, step: number, item: number, index: number): Position => ({
  section,
  height,
  step,
  item,
  index,
});
const stepAt = (step: number): Position => place(SECTION.steps, 0, 0, 0, step);
const tensorIn = (step: number, item: number): Position => place(SECTION.scratchTensor, 0, step, item, 0);
const ONE_PRIMITIVE = makeProgram({ segments: [{ steps: 0, lengths: [9] }], inputs: [], slots: [], outputs: [9] });

describe("DisputeGame deferred traces", async () => {
  const world = await createWorld();
  const { viem, game, claims, accounts, networkHelpers, client } = world;
  const { claimant, challenger, second, stranger, operator } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const failsWith = viem.assertions.revertWithCustomError;
  const emits = viem.assertions.emitWithArgs;

  async function begin(): Promise<Commitment> {
    return revealedClaim(world, { operator }, { trace: DEFERRED_TRACE });
  }
  const fixture = () => networkHelpers.loadFixture(begin);
  const askStep = (claim: Commitment, step: number, account: Address = challenger) =>
    openChallenge(world, claim, account, demandOf(claim.trace, stepAt(step)));
  const demand = ({ claim, nonce, challenger: account }: ChallengeInPlay, trace: Trace, position: Position) =>
    game.write.demand([claim, nonce, demandOf(trace, position)], { account });
  /** Opens a step with these nodes. */
  const openStep = (
    { claim, challenger: of, nonce, trace }: ChallengeInPlay,
    step: number,
    nodes: Hex[],
    account: Address,
  ) => game.write.openStep([claim, of, nonce, stateRootOf(trace, step), nodes], { account });
  const right = (step: number): Hex[] => openingOf(DEFERRED_TRACE, stepAt(step));
  const wrong = (step: number): Hex[] => right(step).with(0, OTHER);
  const rootOf = (step: number): Hex => nodeAt(DEFERRED_TRACE, scratchRootAt(DEFERRED_TRACE, step));

  describe("claims", () => {
    it("refuses trace modes that do not exist", async () => {
      await fixture();
      for (const traceMode of [2, 255]) {
        const bad = await prepare(world, { traceMode, inputsRoot: OTHER }, { trace: DEFERRED_TRACE });
        await fails(commit(world, bad), claims, "TraceModeUnsupported", [traceMode]);
      }
    });

    it("refuses a scratch root at reveal, and roots of the other mode", async () => {
      await fixture();
      const asDeferred = await prepare(world, { traceMode: 1, inputsRoot: OTHER }, { trace: SMALL_TRACE });
      await commit(world, asDeferred);
      const shown = nodeAt(SMALL_TRACE, scratchRootAt(SMALL_TRACE, 2));
      await fails(reveal(world, asDeferred), claims, "ScratchRootShown", [shown]);
      const inputsRoot = keccak256("0x03");
      const hidden = { ...SMALL_TRACE, deferred: true };
      const unshown = await prepare(world, { traceMode: 1, inputsRoot }, { trace: hidden });
      await commit(world, unshown);
      await failsWith(reveal(world, unshown), claims, "OutputsMismatch");
    });
  });

  describe("posting", () => {
    it("is the claimant's or the operator's, and announced", async () => {
      for (const account of [claimant, operator]) {
        const claim = await fixture();
        const challenge = await askStep(claim, 1);
        const { challengeId, claimId } = challenge;
        assert.equal(await game.read.scratchRootOf([claimId, 1]), ZERO);
        for (const other of [stranger, challenger]) {
          const named: [Address, Address, Address] = [other, claimant, operator];
          await fails(openStep(challenge, 1, right(1), other), game, "PostingNotAllowed", named);
        }
        const hash = await openStep(challenge, 1, right(1), account);
        const deadline = await game.read.deadlineOf([challengeId]);
        const [state, root] = [stateRootOf(DEFERRED_TRACE, 1), rootOf(1)];
        const announced = [challengeId, claimId, 1, state, root, right(1), account, deadline] as const;
        await emits(hash, game, "StepOpened", [...announced]);
        assert.equal(await game.read.scratchRootOf([claimId, 1]), root);
        const { status, position, node } = await game.read.challengeOf([challengeId]);
        assert.deepEqual([status, node], [CHALLENGE.challengerTurn, root]);
        assert.deepEqual(position, scratchRootAt(DEFERRED_TRACE, 1));
      }
    });

    it("without an operator is the claimant's alone", async () => {
      await fixture();
      const claim = await revealedClaim(world, { operator: zeroAddress, inputsRoot: OTHER }, { trace: DEFERRED_TRACE });
      const challenge = await askStep(claim, 1);
      const named: [Address, Address, Address] = [operator, claimant, zeroAddress];
      await fails(openStep(challenge, 1, right(1), operator), game, "PostingNotAllowed", named);
      await openStep(challenge, 1, right(1), claimant);
    });

    it("happens once: anyone repeats it, nobody changes it", async () => {
      const claim = await fixture();
      await openStep(await askStep(claim, 1), 1, right(1), operator);
      const again = await askStep(claim, 1, second);
      for (const account of [claimant, operator, stranger]) {
        await failsWith(openStep(again, 1, wrong(1), account), game, "PostedRootMismatch");
      }
      await openStep(again, 1, right(1), stranger);
      assert.equal(await game.read.scratchRootOf([claim.claimId, 1]), rootOf(1));
    });

    it("is of one step of one claim", async () => {
      const claim = await fixture();
      const other = await revealedClaim(world, { operator, inputsRoot: OTHER }, { trace: DEFERRED_TRACE });
      await openStep(await askStep(claim, 1), 1, right(1), claimant);
      const named: [Address, Address, Address] = [stranger, claimant, operator];
      await fails(openStep(await askStep(claim, 2), 2, right(2), stranger), game, "PostingNotAllowed", named);
      await fails(openStep(await askStep(other, 1), 1, right(1), stranger), game, "PostingNotAllowed", named);
      assert.equal(await game.read.scratchRootOf([claim.claimId, 2]), ZERO);
      assert.equal(await game.read.scratchRootOf([other.claimId, 1]), ZERO);
    });

    it("refuses another state root, another number of nodes and zeros where a primitive is", async () => {
      const claim = await fixture();
      const challenge = await askStep(claim, 0);
      const [state, nodes] = [stateRootOf(DEFERRED_TRACE, 0), right(0)];
      const tryStep = (stateRoot: Hex, bad: Hex[]) =>
        game.write.openStep([challenge.claim, challenger, challenge.nonce, stateRoot, bad], { account: claimant });
      await failsWith(tryStep(OTHER, nodes), game, "OpeningMismatch");
      await failsWith(tryStep(ZERO, nodes), game, "ZeroNodeRule");
      await fails(tryStep(state, nodes.slice(1)), game, "OpeningLengthMismatch", [4n, 3n]);
      await fails(tryStep(state, [...nodes, ZERO]), game, "OpeningLengthMismatch", [4n, 5n]);
      await fails(tryStep(state, nodes.with(0, ZERO)), game, "ZeroNodeRule", [0n]);
      // Three primitives: the fourth place covers none.
      await fails(tryStep(state, nodes.with(3, OTHER)), game, "ZeroNodeRule", [3n]);
      await tryStep(state, nodes);
    });

    it("refuses zero as the root of a step with one primitive, which would be none", async () => {
      await fixture();
      const trace = makeTrace(ONE_PRIMITIVE, 2, 1, true);
      const challenge = await askStep(await revealedClaim(world, {}, { trace }), 1);
      await fails(openStep(challenge, 1, [ZERO], claimant), game, "ZeroNodeRule", [0n]);
      await openStep(challenge, 1, openingOf(trace, stepAt(1)), claimant);
      const { position } = await game.read.challengeOf([challenge.challengeId]);
      assert.deepEqual(position, place(SECTION.scratch, 0, 1, 0, 0));
    });
  });

  describe("demands", () => {
    it("below a step's primitives need its root posted", async () => {
      const claim = await fixture();
      const challenge = await openChallenge(world, claim, challenger);
      await openTop(world, challenge, claimant);
      const tensor = tensorIn(0, 0);
      await fails(demand(challenge, DEFERRED_TRACE, tensor), game, "ScratchRootUnknown", [0n]);
      const inner = place(SECTION.scratch, 1, 0, 0, 0);
      await fails(demand(challenge, DEFERRED_TRACE, inner), game, "ScratchRootUnknown", [0n]);
      await openStep(await askStep(claim, 1), 1, right(1), claimant);
      await fails(demand(challenge, DEFERRED_TRACE, tensor), game, "ScratchRootUnknown", [0n]);
      await openStep(await askStep(claim, 0), 0, right(0), claimant);
      await demand(challenge, DEFERRED_TRACE, tensor);
      await answerAt(world, challenge, tensor, stranger);
    });

    it("are shown under the posted root, not under the trace root", async () => {
      const claim = await fixture();
      const challenge = await askStep(claim, 0);
      await openStep(challenge, 0, right(0), claimant);
      const tensor = tensorIn(0, 2);
      const { claim: preimage, nonce } = challenge;
      const full = { ...demandOf(DEFERRED_TRACE, tensor), path: pathOf(SMALL_TRACE, tensor) };
      await failsWith(game.write.demand([preimage, nonce, full], { account: challenger }), game, "PathLengthMismatch");
      await demand(challenge, DEFERRED_TRACE, tensor);
    });

    it("for states pass by a zero, and by no scratch root", async () => {
      const claim = await fixture();
      const challenge = await openChallenge(world, claim, challenger);
      await openTop(world, challenge, claimant);
      const item = place(SECTION.stateTensor, 0, 1, 1, 0);
      const { claim: preimage, nonce } = challenge;
      const full = { ...demandOf(DEFERRED_TRACE, item), path: pathOf(SMALL_TRACE, item) };
      await failsWith(game.write.demand([preimage, nonce, full], { account: challenger }), game, "TraceRootMismatch");
      await demand(challenge, DEFERRED_TRACE, item);
      await answerAt(world, challenge, item, stranger);
    });
  });

  describe("a claimant", () => {
    it("that is silent when asked to post loses its claim", async () => {
      const claim = await fixture();
      const challenge = await askStep(claim, 2);
      const deadline = await game.read.deadlineOf([challenge.challengeId]);
      await at(world, deadline + 1n);
      await timeOut(world, challenge, stranger);
      assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.slashed);
      assert.equal(
        await game.read.creditOf([challenger]),
        BOND / 4n + BigInt(16) * FEE + PARAMETERS.challengeFloorWei + FEE,
      );
      assert.equal(await client.getBalance({ address: SINK }), BOND - BOND / 4n - FEE);
      await assertSolvent(world);
    });

    it("that posts what it cannot open loses it below, in every challenge", async () => {
      const claim = await fixture();
      const challenge = await askStep(claim, 0);
      await openStep(challenge, 0, wrong(0), claimant);
      const posted = await game.read.scratchRootOf([claim.claimId, 0]);
      assert.notEqual(posted, rootOf(0));
      // The right one is refused from now on, from anyone.
      const other = await askStep(claim, 0, second);
      await fails(openStep(other, 0, right(0), claimant), game, "PostedRootMismatch", [posted, rootOf(0)]);
      // Primitive 0 is the wrong node itself: nobody has a preimage.
      const { claim: preimage, claimId, nonce } = challenge;
      const tensor = { ...tensorIn(0, 0), height: 1 };
      const [, sibling] = right(0);
      const above = keccak256(concatHex([right(0)[2], ZERO]));
      const { shown } = demandOf(DEFERRED_TRACE, tensor);
      const asked = { node: OTHER, position: tensor, path: [sibling, above], shown };
      await game.write.demand([preimage, nonce, asked], { account: challenger });
      const opening = game.write.open([claimId, challenger, nonce, openingOf(DEFERRED_TRACE, tensor)]);
      await failsWith(opening, game, "OpeningMismatch");
      await at(world, (await game.read.deadlineOf([challenge.challengeId])) + 1n);
      await timeOut(world, challenge);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
    });

    it("whose steps are hashed as in the other mode cannot open them", async () => {
      await fixture();
      // A full claim over H(0, stateRoot), and a deferred one over H(scratchRoot, stateRoot).
      for (const [traceMode, committed, steps] of [
        [0, DEFERRED_TRACE, SMALL_TRACE],
        [1, SMALL_TRACE, DEFERRED_TRACE],
      ] as const) {
        const trace = { ...steps, stepTree: committed.stepTree, traceRoot: committed.traceRoot };
        const mixed = await prepare(
          world,
          { traceMode, inputsRoot: OTHER },
          { trace: { ...trace, deferred: committed.deferred } },
        );
        await commit(world, mixed);
        // The outputs cannot be shown under such a root in the mode of a deferred claim; in that of a full one they can.
        if (traceMode === 1) {
          await failsWith(reveal(world, mixed), claims, "ScratchRootShown");
          continue;
        }
        await reveal(world, mixed);
        const challenge = await openChallenge(world, mixed, challenger, demandOf(trace, stepAt(1)));
        const nodes = openingOf(SMALL_TRACE, stepAt(1));
        await failsWith(openStep(challenge, 1, nodes, claimant), game, "OpeningMismatch");
        await at(world, (await game.read.deadlineOf([challenge.challengeId])) + 1n);
        await timeOut(world, challenge);
        assert.equal(await claims.read.statusOf([mixed.claimId]), CLAIM.slashed);
      }
    });
  });

  it("leaves each side its clock: posting is a turn like any other", async () => {
    const claim = await fixture();
    const challenge = await askStep(claim, 1);
    const { challengeId } = challenge;
    const opened = (await game.read.deadlineOf([challengeId])) - CLOCK;
    await at(world, opened + 150n);
    await openStep(challenge, 1, right(1), operator);
    await demand(challenge, DEFERRED_TRACE, stepAt(1));
    const { claimantUsedSeconds } = await game.read.challengeOf([challengeId]);
    assert.equal(claimantUsedSeconds, 150);
    await at(world, opened + 202n);
    const late = openStep(challenge, 1, right(1), operator);
    await fails(late, game, "ClockExpired", [challengeId, opened + 201n]);
  });
});
