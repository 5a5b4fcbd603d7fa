// TaskMarket: requests, reservations, deliveries, payment by final claims, reopening after a slash, and refunds.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  encodeAbiParameters,
  keccak256,
  parseAbiParameters,
  parseSignature,
  zeroAddress,
  type Address,
  type Hex,
} from "viem";

import {
  at,
  challengeUntilOf,
  CLAIM,
  commit,
  createWorld,
  now,
  openChallenge,
  PARAMETERS,
  prepare,
  prove,
  reveal,
  revealedClaim,
  SMALL_TRACE,
  type Claim,
  type Commitment,
} from "./support/world.ts";

const TASK = { none: 0, open: 1, accepted: 2, delivered: 3, paid: 4, cancelled: 5, refunded: 6 } as const;
const PRICE = 1_000n;
const UNKNOWN = keccak256("0xff");
const INPUTS_ROOT = SMALL_TRACE.inputsRoot;
const LIFETIME = 10_000n;

interface Request {
  programRoot: Hex;
  inputsRoot: Hex;
  steps: number;
  price: bigint;
  deadline: bigint;
  solver: Address;
}

describe("TaskMarket", async () => {
  const world = await createWorld();
  const { viem, claims, accounts, networkHelpers } = world;
  const { deployer: requester, claimant: solver, challenger, second, stranger } = accounts;
  const token = await viem.deployContract("TestToken");
  const market = await viem.deployContract("TaskMarket", [
    claims.address,
    token.address,
    Number(PARAMETERS.acceptSeconds),
  ]);
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;

  async function begin(): Promise<void> {
    await token.write.mint([requester, 10n * PRICE]);
    await token.write.approve([market.address, 10n * PRICE]);
  }

  async function requestOf(changes: Partial<Request> = {}): Promise<Request> {
    return {
      programRoot: SMALL_TRACE.program.programRoot,
      inputsRoot: INPUTS_ROOT,
      steps: 3,
      price: PRICE,
      deadline: (await now(world)) + LIFETIME,
      solver: zeroAddress,
      ...changes,
    };
  }

  async function openTask(changes: Partial<Request> = {}) {
    await networkHelpers.loadFixture(begin);
    const terms = await requestOf(changes);
    await market.write.request([terms, "0x0102"]);
    const [event] = await market.getEvents.TaskRequested({}, { fromBlock: "latest" });
    return { taskId: event.args.taskId!, ...terms };
  }

  async function acceptedTask(changes: Partial<Request> = {}) {
    const task = await openTask(changes);
    await market.write.accept([task.taskId], { account: solver });
    return { ...task, deliverBy: (await market.read.taskOf([task.taskId])).deliverBy };
  }

  async function deliveredTask() {
    const task = await acceptedTask();
    const commitment = await revealedClaim(world, { taskId: task.taskId });
    await market.write.deliver([task.taskId, commitment.claim], { account: solver });
    return { ...task, commitment, claimId: commitment.claimId };
  }

  const deliver = (taskId: Hex, { claim }: { claim: Claim }, account = solver) =>
    market.write.deliver([taskId, claim], { account });
  const statusOf = async (taskId: Hex) => (await market.read.taskOf([taskId])).status;

  async function finalize({ claim, claimId }: Commitment): Promise<void> {
    await at(world, (await challengeUntilOf(world, claimId)) + PARAMETERS.proofRevealSeconds + 1n);
    await claims.write.finalize([claim]);
  }

  async function slash(commitment: Commitment): Promise<void> {
    await prove(world, await openChallenge(world, commitment, challenger));
  }

  /** What the market holds is the price of every task that has not ended. */
  async function assertEscrow(tasks: number): Promise<void> {
    assert.equal(await token.read.balanceOf([market.address]), BigInt(tasks) * PRICE);
  }

  describe("deployment", () => {
    it("refuses acceptances that last no time", async () => {
      await viem.assertions.revertWithCustomError(
        viem.deployContract("TaskMarket", [claims.address, token.address, 0]),
        market,
        "ParameterBelowFloor",
      );
    });
  });

  describe("request", () => {
    it("refuses no price, steps that nobody can claim, a passed deadline, and tokens that are not there", async () => {
      await networkHelpers.loadFixture(begin);
      await fails(market.write.request([await requestOf({ price: 0n }), "0x"]), market, "PriceZero", []);
      for (const steps of [0, 2 ** 20 + 1]) {
        const unanswerable = market.write.request([await requestOf({ steps }), "0x"]);
        await fails(unanswerable, market, "StepsOutOfRange", [steps, 2 ** 20]);
      }
      const deadline = (await now(world)) - 1n;
      await fails(market.write.request([await requestOf({ deadline }), "0x"]), market, "DeadlinePassed", [deadline]);
      const poor = market.write.request([await requestOf(), "0x"], { account: stranger });
      await fails(poor, token, "ERC20InsufficientAllowance", [market.address, 0n, PRICE]);
    });

    it("refuses tokens that lose some on the way", async () => {
      await networkHelpers.loadFixture(begin);
      const leaky = await viem.deployContract("FeeToken");
      const other = await viem.deployContract("TaskMarket", [claims.address, leaky.address, 1]);
      await leaky.write.approve([other.address, PRICE]);
      const request = other.write.request([await requestOf(), "0x"]);
      await fails(request, other, "PriceNotReceived", [PRICE, PRICE - 1n]);
    });

    it("escrows the price and publishes the terms and the inputs", async () => {
      await networkHelpers.loadFixture(begin);
      const terms = await requestOf({ solver });
      const hash = await market.write.request([terms, "0x0102"]);
      const [event] = await market.getEvents.TaskRequested({}, { fromBlock: "latest" });
      await emits(hash, market, "TaskRequested", [
        event.args.taskId!,
        requester,
        terms.programRoot,
        terms.inputsRoot,
        terms.steps,
        PRICE,
        terms.deadline,
        solver,
        "0x0102",
      ]);
      assert.deepEqual(await market.read.taskOf([event.args.taskId!]), {
        status: TASK.open,
        requester,
        onlySolver: solver,
        solver: zeroAddress,
        deadline: terms.deadline,
        deliverBy: 0n,
        steps: 3,
        price: PRICE,
        programRoot: terms.programRoot,
        inputsRoot: INPUTS_ROOT,
        claimId: `0x${"00".repeat(32)}`,
      });
      await assertEscrow(1);
    });

    it("gives equal requests ids of their own", async () => {
      const { taskId, deadline } = await openTask();
      await market.write.request([await requestOf({ deadline }), "0x0102"]);
      const [event] = await market.getEvents.TaskRequested({}, { fromBlock: "latest" });
      assert.notEqual(event.args.taskId, taskId);
      assert.equal(await market.read.taskCount(), 2n);
      await assertEscrow(2);
    });

    async function permitOf(value: bigint, deadline: bigint) {
      const [wallet] = await viem.getWalletClients();
      const signature = await wallet.signTypedData({
        domain: {
          name: "Lockstep Test Token",
          version: "1",
          chainId: await wallet.getChainId(),
          verifyingContract: token.address,
        },
        types: {
          Permit: [
            { name: "owner", type: "address" },
            { name: "spender", type: "address" },
            { name: "value", type: "uint256" },
            { name: "nonce", type: "uint256" },
            { name: "deadline", type: "uint256" },
          ],
        },
        primaryType: "Permit",
        message: { owner: requester, spender: market.address, value, nonce: 0n, deadline },
      });
      const { r, s, yParity } = parseSignature(signature);
      return { v: 27 + yParity, r, s };
    }

    it("takes a permit in the same transaction, used before or not", async () => {
      for (const usedBefore of [false, true]) {
        await networkHelpers.loadFixture(begin);
        await token.write.approve([market.address, 0n]);
        const terms = await requestOf();
        const { v, r, s } = await permitOf(PRICE, terms.deadline);
        if (usedBefore) await token.write.permit([requester, market.address, PRICE, terms.deadline, v, r, s]);
        await market.write.requestWithPermit([terms, "0x", terms.deadline, v, r, s]);
        await assertEscrow(1);
      }
    });

    it("refuses a permit that is not the requester's", async () => {
      await networkHelpers.loadFixture(begin);
      await token.write.approve([market.address, 0n]);
      const terms = await requestOf();
      const { v, r, s } = await permitOf(PRICE + 1n, terms.deadline);
      const request = market.write.requestWithPermit([terms, "0x", terms.deadline, v, r, s]);
      await fails(request, token, "ERC20InsufficientAllowance", [market.address, 0n, PRICE]);
    });
  });

  describe("accept", () => {
    it("refuses tasks that are unknown, taken, for another or past their deadline", async () => {
      const { taskId, deadline } = await openTask({ solver });
      const accept = (id: Hex, account: Address) => market.write.accept([id], { account });
      await fails(accept(UNKNOWN, solver), market, "TaskStatusUnfit", [UNKNOWN, TASK.none]);
      await fails(accept(taskId, second), market, "SolverNotAllowed", [taskId, solver, second]);
      await accept(taskId, solver);
      const { deliverBy } = await market.read.taskOf([taskId]);
      await fails(accept(taskId, solver), market, "TaskReserved", [taskId, solver, deliverBy]);
      await at(world, deadline + 1n);
      await fails(accept(taskId, solver), market, "DeadlinePassed", [deadline]);
    });

    it("reserves the task, not past its deadline", async () => {
      const { taskId, deadline } = await openTask();
      const hash = await market.write.accept([taskId], { account: solver });
      const deliverBy = (await now(world)) + PARAMETERS.acceptSeconds;
      await emits(hash, market, "TaskAccepted", [taskId, solver, deliverBy]);
      await at(world, deadline - 1n);
      await market.write.accept([taskId], { account: second });
      const task = await market.read.taskOf([taskId]);
      assert.deepEqual([task.solver, task.deliverBy], [second, deadline]);
    });

    it("binds nobody once it lapsed", async () => {
      const { taskId, deliverBy } = await acceptedTask();
      await at(world, deliverBy + 1n);
      await market.write.accept([taskId], { account: second });
      const commitment = await revealedClaim(world, { taskId });
      await fails(deliver(taskId, commitment), market, "NotSolver", [taskId, second, solver]);
    });
  });

  describe("deliver", () => {
    it("refuses tasks that are not accepted, others than the solver, and late claims", async () => {
      const open = await openTask();
      const unknown = await prepare(world);
      await fails(deliver(open.taskId, unknown), market, "TaskStatusUnfit", [open.taskId, TASK.open]);
      const { taskId, deliverBy } = await acceptedTask();
      await fails(deliver(taskId, unknown, second), market, "NotSolver", [taskId, solver, second]);
      const commitment = await revealedClaim(world, { taskId });
      await at(world, deliverBy + 1n);
      await fails(deliver(taskId, commitment), market, "DeliveryTooLate", [taskId, deliverBy]);
    });

    it("refuses claims that are unknown, not revealed or slashed", async () => {
      const { taskId } = await acceptedTask();
      const claim = await prepare(world, { taskId });
      await fails(deliver(taskId, claim), market, "ClaimNotDeliverable", [claim.claimId, CLAIM.none]);
      await commit(world, claim);
      await fails(deliver(taskId, claim), market, "ClaimNotDeliverable", [claim.claimId, CLAIM.none]);
      await reveal(world, claim);
      await slash(claim);
      await fails(deliver(taskId, claim), market, "ClaimNotDeliverable", [claim.claimId, CLAIM.slashed]);
    });

    it("refuses claims of another claimant", async () => {
      const { taskId } = await acceptedTask();
      const theirs = await revealedClaim(world, { taskId }, { claimant: second });
      await fails(deliver(taskId, theirs), market, "ClaimantMismatch", [theirs.claimId, solver, second]);

      const posing = await revealedClaim(world, { taskId, inputsRoot: UNKNOWN }, { claimant: stranger });
      const claim = { ...posing.claim, claimant: solver };
      const posedId = await claims.read.idOf([claim]);
      await fails(deliver(taskId, { claim }), market, "ClaimNotDeliverable", [posedId, CLAIM.none]);
    });

    it("refuses claims of other inputs, steps, programs and tasks", async () => {
      const { taskId } = await acceptedTask();
      const ofInputs = await revealedClaim(world, { taskId, inputsRoot: UNKNOWN });
      await fails(deliver(taskId, ofInputs), market, "ClaimMismatch", [ofInputs.claimId, INPUTS_ROOT, UNKNOWN]);
      const untied = await revealedClaim(world);
      await fails(deliver(taskId, untied), market, "ClaimMismatch", [untied.claimId, taskId, `0x${"00".repeat(32)}`]);
      const ofSteps = await acceptedTask({ steps: 4 });
      const threeSteps = await revealedClaim(world, { taskId: ofSteps.taskId });
      await viem.assertions.revertWithCustomError(deliver(ofSteps.taskId, threeSteps), market, "ClaimMismatch");
      const ofProgram = await acceptedTask({ programRoot: UNKNOWN });
      const other = await revealedClaim(world, { taskId: ofProgram.taskId });
      await fails(deliver(ofProgram.taskId, other), market, "ClaimMismatch", [
        other.claimId,
        UNKNOWN,
        SMALL_TRACE.program.programRoot,
      ]);
    });

    it("takes a revealed claim until its window closes", async () => {
      const { taskId } = await acceptedTask();
      const first = await revealedClaim(world, { taskId });
      await emits(deliver(taskId, first), market, "TaskDelivered", [taskId, first.claimId, solver]);
      await fails(deliver(taskId, first), market, "TaskStatusUnfit", [taskId, TASK.delivered]);

      const late = await acceptedTask();
      const claim = await revealedClaim(world, { taskId: late.taskId });
      const challengeUntil = await challengeUntilOf(world, claim.claimId);
      await at(world, challengeUntil - 1n);
      await market.write.accept([late.taskId], { account: solver });
      const undo = await networkHelpers.takeSnapshot();
      await at(world, challengeUntil);
      await deliver(late.taskId, claim);
      await undo.restore();
      await at(world, challengeUntil + 1n);
      const closed: [Hex, bigint] = [claim.claimId, challengeUntil];
      await fails(deliver(late.taskId, claim), market, "ClaimWindowClosed", closed);
    });

    it("refuses a claim made final before its task, whose id anyone can foresee, exists", async () => {
      await networkHelpers.loadFixture(begin);
      const terms = await requestOf();
      const taskId = await foreseenId(terms);
      const early = await revealedClaim(world, { taskId });
      await finalize(early);
      await market.write.request([terms, "0x"]);
      await market.write.accept([taskId], { account: solver });
      await fails(deliver(taskId, early), market, "ClaimNotDeliverable", [early.claimId, CLAIM.final]);
    });

    /** The id of the market's first task. */
    async function foreseenId(terms: Request): Promise<Hex> {
      const chainId = BigInt(await world.client.getChainId());
      const types = parseAbiParameters([
        "uint256, address, address, uint256, Terms",
        "struct Terms { bytes32 programRoot; bytes32 inputsRoot; uint32 steps; uint256 price; uint64 deadline; address solver; }",
      ]);
      return keccak256(encodeAbiParameters(types, [chainId, market.address, requester, 0n, terms]));
    }
  });

  describe("settle", () => {
    it("refuses tasks without a delivery and claims that can still be disputed", async () => {
      const { taskId } = await acceptedTask();
      await fails(market.write.settle([taskId]), market, "TaskStatusUnfit", [taskId, TASK.accepted]);
      const delivered = await deliveredTask();
      await fails(market.write.settle([delivered.taskId]), market, "ClaimUndecided", [
        delivered.claimId,
        CLAIM.revealed,
      ]);
    });

    it("pays the solver of a final claim, after the deadline too", async () => {
      const { taskId, commitment, deadline } = await deliveredTask();
      await finalize(commitment);
      await at(world, deadline + 1n);
      await fails(market.write.refund([taskId]), market, "TaskStatusUnfit", [taskId, TASK.delivered]);
      const hash = await market.write.settle([taskId], { account: stranger });
      await emits(hash, market, "TaskPaid", [taskId, solver, PRICE]);
      assert.equal(await token.read.balanceOf([solver]), PRICE);
      await fails(market.write.settle([taskId]), market, "TaskStatusUnfit", [taskId, TASK.paid]);
      await assertEscrow(0);
    });

    it("opens the task again when the claim is slashed", async () => {
      const { taskId, commitment, claimId } = await deliveredTask();
      await slash(commitment);
      await emits(market.write.settle([taskId]), market, "TaskReopened", [taskId, claimId]);
      await market.write.accept([taskId], { account: second });
      const honest = await revealedClaim(world, { taskId }, { claimant: second });
      await deliver(taskId, honest, second);
      await finalize(honest);
      await market.write.settle([taskId]);
      assert.equal(await token.read.balanceOf([second]), PRICE);
      await assertEscrow(0);
    });
  });

  describe("cancel and refund", () => {
    it("lets the requester alone cancel, while nobody holds the task", async () => {
      const { taskId } = await openTask();
      const stolen = market.write.cancel([taskId], { account: stranger });
      await fails(stolen, market, "NotRequester", [taskId, requester, stranger]);
      await emits(market.write.cancel([taskId]), market, "TaskCancelled", [taskId]);
      await fails(market.write.cancel([taskId]), market, "TaskStatusUnfit", [taskId, TASK.cancelled]);
      await assertEscrow(0);
      const held = await acceptedTask();
      const cancel = market.write.cancel([held.taskId]);
      await fails(cancel, market, "TaskReserved", [held.taskId, solver, held.deliverBy]);
      await at(world, held.deliverBy + 1n);
      await market.write.cancel([held.taskId]);
      await assertEscrow(0);
    });

    it("refunds after the deadline, called by anyone", async () => {
      const { taskId, deadline } = await acceptedTask();
      await at(world, deadline);
      await fails(market.write.refund([taskId]), market, "DeadlinePending", [taskId, deadline]);
      await at(world, deadline + 1n);
      const hash = await market.write.refund([taskId], { account: stranger });
      await emits(hash, market, "TaskRefunded", [taskId, requester, PRICE]);
      assert.equal(await statusOf(taskId), TASK.refunded);
      assert.equal(await token.read.balanceOf([requester]), 10n * PRICE);
      await assertEscrow(0);
    });

    it("refuses a refund before the deadline", async () => {
      const { taskId, deadline } = await openTask();
      await fails(market.write.refund([taskId]), market, "DeadlinePending", [taskId, deadline]);
    });

    it("refunds a reopened task whose deadline passed", async () => {
      const { taskId, commitment, deadline } = await deliveredTask();
      await slash(commitment);
      await at(world, deadline + 1n);
      await market.write.settle([taskId]);
      await market.write.refund([taskId]);
      await assertEscrow(0);
    });
  });
});
