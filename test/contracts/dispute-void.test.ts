// Void: an auditor, where a deployment has one, hears of every commitment, may hold back its reveal while an audit runs, and
// may end it without a judgement; it can take no more than a capped fee, and has no say once a claim is revealed.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodeAbiParameters, getAddress, keccak256, type Address, type Hex } from "viem";

import {
  assertSolvent,
  at,
  BOND,
  CLAIM,
  commit,
  createWorld,
  forfeit,
  openChallenge,
  prepare,
  prove,
  reveal,
  revealByOf,
  SINK,
  type Commitment,
} from "./support/world.ts";

const ZERO: Hex = `0x${"00".repeat(32)}`;
const MAX_FEE = BOND / 4n;

describe("ClaimRegistry void", async () => {
  let auditorAddress: Address | undefined;
  const world = await createWorld({
    deployAuditor: async (viem) => {
      const { address } = await viem.deployContract("MockAuditor");
      auditorAddress = getAddress(address);
      return address;
    },
  });
  const { viem, claims, accounts, networkHelpers, client } = world;
  const { claimant, challenger, stranger, deployer } = accounts;
  assert.ok(auditorAddress !== undefined);
  const auditor = await viem.getContractAt("MockAuditor", auditorAddress);
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const failsWith = viem.assertions.revertWithCustomError;
  const emits = viem.assertions.emitWithArgs;

  async function begin(): Promise<Commitment> {
    const commitment = await prepare(world);
    await commit(world, commitment);
    return commitment;
  }
  const fixture = () => networkHelpers.loadFixture(begin);

  async function voidClaim(commitment: Commitment, feeWei: bigint): Promise<Hex> {
    const { terms, bondWei, seal, claimId } = commitment;
    const revealBy = await revealByOf(world, claimId);
    return auditor.write.void([claims.address, commitment.claimant, terms, bondWei, seal, revealBy, feeWei]);
  }

  it("tells the auditor of every commitment and reveal", async () => {
    assert.equal(getAddress(await claims.read.auditor()), auditorAddress);
    await networkHelpers.loadFixture(begin);
    const other = await prepare(world, { steps: 3, inputsRoot: keccak256("0x01") });
    const hash = await commit(world, other);
    const types = claims.abi.find((entry) => entry.type === "function" && entry.name === "commit")!.inputs;
    const termsHash = keccak256(encodeAbiParameters([types[0]], [other.terms]));
    await emits(hash, auditor, "Heard", [other.claimId, claimant, termsHash, BOND]);
    const revealed = await reveal(world, other);
    await emits(revealed, auditor, "HeardReveal", [other.claimId, other.claim.traceRoot]);
    assert.equal(await claims.read.statusOf([other.claimId]), CLAIM.revealed);
  });

  it("lets it refuse a commitment, which then locks nothing", async () => {
    await fixture();
    await auditor.write.set([true, false]);
    const held = await client.getBalance({ address: claims.address });
    const other = await prepare(world, { inputsRoot: keccak256("0x01") });
    await fails(commit(world, other), auditor, "CommitmentRefused", [other.claimId]);
    assert.equal(await client.getBalance({ address: claims.address }), held);
    const { programRoot, inputsRoot, steps } = other.terms;
    assert.equal(await claims.read.commitmentOf([claimant, programRoot, inputsRoot, steps]), ZERO);
    await auditor.write.set([false, false]);
    await commit(world, other);
    await assertSolvent(world);
  });

  it("lets it hold back a reveal while its audit runs; the time to reveal runs on", async () => {
    const commitment = await fixture();
    await auditor.write.set([false, true]);
    await fails(reveal(world, commitment), auditor, "AuditRunning", [commitment.claimId]);
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.none);
    await auditor.write.set([false, false]);
    await reveal(world, commitment);
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.revealed);
  });

  it("returns the bond less the fee, each to whom it is owed, and frees the run", async () => {
    for (const feeWei of [0n, 1n, MAX_FEE]) {
      const commitment = await fixture();
      const { claimId, terms } = commitment;
      await emits(voidClaim(commitment, feeWei), claims, "ClaimVoided", [claimId, claimant, feeWei]);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.voided);
      assert.equal(await claims.read.creditOf([claimant]), BOND - feeWei);
      assert.equal(await claims.read.creditOf([auditor.address]), feeWei);
      assert.equal(await client.getBalance({ address: SINK }), 0n);
      await assertSolvent(world);
      const { programRoot, inputsRoot, steps } = terms;
      assert.equal(await claims.read.commitmentOf([claimant, programRoot, inputsRoot, steps]), ZERO);
      await commit(world, await prepare(world, {}, { salt: keccak256("0x77") }));
      await claims.write.withdraw({ account: claimant });
      await assertSolvent(world);
    }
  });

  it("takes no more than a quarter of the bond", async () => {
    const commitment = await fixture();
    for (const feeWei of [MAX_FEE + 1n, BOND, 2n ** 256n - 1n]) {
      await fails(voidClaim(commitment, feeWei), claims, "VoidFeeTooHigh", [feeWei, MAX_FEE]);
    }
    await assertSolvent(world);
  });

  it("is the auditor's alone", async () => {
    const commitment = await fixture();
    const { terms, bondWei, seal, claimId } = commitment;
    const revealBy = await revealByOf(world, claimId);
    for (const account of [deployer, claimant, stranger]) {
      const attempt = claims.write.void([claimant, terms, bondWei, seal, revealBy, 0n], { account });
      await fails(attempt, claims, "NotAuditor", [account]);
    }
  });

  it("ends a commitment for good: not revealed, forfeited, voided or committed to again", async () => {
    const commitment = await fixture();
    const { claimId } = commitment;
    await voidClaim(commitment, 0n);
    await failsWith(reveal(world, commitment), claims, "CommitmentMismatch");
    await failsWith(voidClaim(commitment, 0n), claims, "CommitmentMismatch");
    await at(world, (await revealByOf(world, claimId)) + 1n);
    await failsWith(forfeit(world, commitment), claims, "CommitmentMismatch");
    await fails(commit(world, commitment), claims, "ClaimExists", [claimId]);
    assert.equal(await claims.read.statusOf([claimId]), CLAIM.voided);
    await assertSolvent(world);
  });

  it("names the commitment that is live, and no other", async () => {
    const commitment = await fixture();
    const { terms, bondWei, seal, claimId } = commitment;
    const revealBy = await revealByOf(world, claimId);
    const registry = claims.address;
    const tries = [
      auditor.write.void([registry, stranger, terms, bondWei, seal, revealBy, 0n]),
      auditor.write.void([registry, claimant, { ...terms, steps: 2 }, bondWei, seal, revealBy, 0n]),
      auditor.write.void([
        registry,
        claimant,
        { ...terms, moveFeeWei: terms.moveFeeWei + 1n },
        bondWei,
        seal,
        revealBy,
        0n,
      ]),
      auditor.write.void([registry, claimant, terms, bondWei + 10n ** 9n, seal, revealBy, 0n]),
      auditor.write.void([registry, claimant, terms, bondWei, ZERO, revealBy, 0n]),
      auditor.write.void([registry, claimant, terms, bondWei, seal, revealBy + 1n, 0n]),
    ];
    for (const attempt of tries) await failsWith(attempt, claims, "CommitmentMismatch");
    await assertSolvent(world);
  });

  it("comes too late for a claim that is revealed: the game alone decides on it", async () => {
    const commitment = await fixture();
    await reveal(world, commitment);
    await failsWith(voidClaim(commitment, 0n), claims, "CommitmentMismatch");
    const challenge = await openChallenge(world, commitment, challenger);
    await prove(world, challenge);
    await failsWith(voidClaim(commitment, 0n), claims, "CommitmentMismatch");
    assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.slashed);
    await assertSolvent(world);
  });

  it("is no more needed when time is up: whoever is first ends the commitment", async () => {
    const commitment = await fixture();
    const revealBy = await revealByOf(world, commitment.claimId);
    await at(world, revealBy + 1n);
    const undo = await networkHelpers.takeSnapshot();
    await voidClaim(commitment, MAX_FEE);
    await failsWith(forfeit(world, commitment), claims, "CommitmentMismatch");
    await assertSolvent(world);
    await undo.restore();
    await forfeit(world, commitment);
    await failsWith(voidClaim(commitment, 0n), claims, "CommitmentMismatch");
    assert.equal(await client.getBalance({ address: SINK }), BOND);
    await assertSolvent(world);
  });
});
