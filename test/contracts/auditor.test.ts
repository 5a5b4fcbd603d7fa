// The auditor's part of ClaimRegistry: it hears of commitments and reveals, can stop both, and may void a commitment and
// nothing else. Refuses calls by others, fees above a quarter of the bond, and commitments that have ended.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodeAbiParameters, encodeFunctionData, keccak256, parseAbiParameters, type Hex } from "viem";

import { ZERO } from "./support/trace.ts";
import {
  assertSolvent,
  at,
  BOND,
  CLAIM,
  commit,
  createWorld,
  forfeit,
  PARAMETERS,
  prepare,
  reveal,
  revealByOf,
  revealedClaim,
  SMALL_TRACE,
  type Commitment,
} from "./support/world.ts";

const UNKNOWN = keccak256("0xff");
const MAX_FEE = BOND / 4n;

describe("ClaimRegistry with an auditor", async () => {
  const plain = await createWorld();
  const { viem, programs, referee, networkHelpers } = plain;
  const auditor = await viem.deployContract("MockAuditor");
  const claims = await viem.deployContract("ClaimRegistry", [
    programs.address,
    PARAMETERS.minBondWei,
    PARAMETERS.minMoveFeeWei,
    Number(PARAMETERS.revealSeconds),
    Number(PARAMETERS.windowSeconds),
    Number(PARAMETERS.proofRevealSeconds),
    auditor.address,
  ]);
  const game = await viem.deployContract("DisputeGame", [
    claims.address,
    referee.address,
    referee.address,
    PARAMETERS.challengeFloorWei,
    PARAMETERS.proofBondWei,
    PARAMETERS.clockSeconds,
  ]);
  await claims.write.bindDisputeGame([game.address]);
  const world = { ...plain, claims, game };
  const { claimant, stranger } = world.accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;
  const fixture = () => networkHelpers.loadFixture(begin);
  async function begin(): Promise<void> {}

  async function committed(): Promise<Commitment & { revealBy: bigint }> {
    await fixture();
    const commitment = await prepare(world);
    await commit(world, commitment);
    return { ...commitment, revealBy: await revealByOf(world, commitment.claimId) };
  }

  const voidCommitment = ({ terms, seal, revealBy }: Commitment & { revealBy: bigint }, feeWei: bigint) =>
    auditor.write.void([claims.address, claimant, terms, BOND, seal, revealBy, feeWei]);
  const liveOf = ({ terms }: Commitment) =>
    claims.read.commitmentOf([claimant, terms.programRoot, terms.inputsRoot, terms.steps]);

  it("names its auditor, or none", async () => {
    assert.equal((await claims.read.auditor()).toLowerCase(), auditor.address);
    assert.equal(BigInt(await plain.claims.read.auditor()), 0n);
  });

  it("tells it of every commitment and reveal", async () => {
    await fixture();
    const commitment = await prepare(world);
    const { terms, claimId } = commitment;
    const encoded = encodeAbiParameters(
      parseAbiParameters("(bytes32, bytes32, uint32, uint8, address, bytes32, uint256)"),
      [
        [
          terms.programRoot,
          terms.inputsRoot,
          terms.steps,
          terms.traceMode,
          terms.operator,
          terms.taskId,
          terms.moveFeeWei,
        ],
      ],
    );
    await emits(commit(world, commitment), auditor, "Heard", [claimId, claimant, keccak256(encoded), BOND]);
    await emits(reveal(world, commitment), auditor, "HeardReveal", [claimId, SMALL_TRACE.traceRoot]);
  });

  it("lets it stop a commitment, and a reveal while an audit runs", async () => {
    await fixture();
    const commitment = await prepare(world);
    await auditor.write.set([true, true]);
    await fails(commit(world, commitment), auditor, "CommitmentRefused", [commitment.claimId]);
    assert.equal(await liveOf(commitment), ZERO);
    await auditor.write.set([false, true]);
    await commit(world, commitment);
    await fails(reveal(world, commitment), auditor, "AuditRunning", [commitment.claimId]);
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.none);
    await auditor.write.set([false, false]);
    await reveal(world, commitment);
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.revealed);
    await assertSolvent(world);
  });

  it("voids a commitment: the bond goes back, less the fee", async () => {
    const commitment = await committed();
    await emits(voidCommitment(commitment, MAX_FEE), claims, "ClaimVoided", [commitment.claimId, claimant, MAX_FEE]);
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.voided);
    assert.equal(await claims.read.creditOf([claimant]), BOND - MAX_FEE);
    assert.equal(await claims.read.creditOf([auditor.address]), MAX_FEE);
    assert.equal(await liveOf(commitment), ZERO);
    await assertSolvent(world);

    await fails(commit(world, commitment), claims, "ClaimExists", [commitment.claimId]);
    await commit(world, await prepare(world, {}, { salt: UNKNOWN }));
    await assertSolvent(world);
  });

  it("refuses a fee above a quarter of the bond", async () => {
    const commitment = await committed();
    await fails(voidCommitment(commitment, MAX_FEE + 1n), claims, "VoidFeeTooHigh", [MAX_FEE + 1n, MAX_FEE]);
    await voidCommitment(commitment, 0n);
    assert.equal(await claims.read.creditOf([claimant]), BOND);
  });

  it("is voided by the auditor alone, and by nobody where there is none", async () => {
    const { terms, seal, revealBy } = await committed();
    const args = [claimant, terms, BOND, seal, revealBy, 0n] as const;
    await fails(claims.write.void(args, { account: stranger }), claims, "NotAuditor", [stranger]);
    await fails(claims.write.void(args, { account: claimant }), claims, "NotAuditor", [claimant]);
    await fails(plain.claims.write.void(args, { account: stranger }), plain.claims, "NotAuditor", [stranger]);
  });

  it("voids nothing that is not committed, of other terms or at another time", async () => {
    const commitment = await committed();
    const { terms, seal, revealBy, claimId } = commitment;
    const refuses = async (data: Hex) => {
      const call = plain.viem
        .getWalletClients()
        .then(([wallet]) => wallet.sendTransaction({ to: auditor.address, data }));
      await viem.assertions.revertWithCustomError(call, claims, "CommitmentMismatch");
    };
    const data = (changed: Partial<typeof terms>, bondWei: bigint, until: bigint) =>
      encodeFunctionData({
        abi: auditor.abi,
        functionName: "void",
        args: [claims.address, claimant, { ...terms, ...changed }, bondWei, seal, until, 0n],
      });
    await refuses(data({ moveFeeWei: terms.moveFeeWei + 1n }, BOND, revealBy));
    await refuses(data({ steps: 2 }, BOND, revealBy));
    await refuses(data({}, 2n * BOND, revealBy));
    await refuses(data({}, BOND, revealBy + 1n));
    await reveal(world, commitment);
    await refuses(data({}, BOND, revealBy));
    assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
    await assertSolvent(world);
  });

  it("can't void what was forfeited", async () => {
    const commitment = await committed();
    await at(world, commitment.revealBy + 1n);
    await forfeit(world, commitment);
    await viem.assertions.revertWithCustomError(voidCommitment(commitment, 0n), claims, "CommitmentMismatch");
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.forfeited);
  });

  it("has no part in a claim after its reveal", async () => {
    await fixture();
    const { claim, claimId } = await revealedClaim(world);
    await auditor.write.set([true, true]);
    const [, challengeUntil] = await claims.read.headOf([claimId]);
    await at(world, challengeUntil + PARAMETERS.proofRevealSeconds + 1n);
    await claims.write.finalize([claim]);
    assert.equal(await claims.read.creditOf([claimant]), BOND);
    await assertSolvent(world);
  });
});
