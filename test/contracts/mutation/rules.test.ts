// Clock and Bonds by their numbers, on both sides of every boundary, beside the proofs of test/smt: each test here notices a
// change of a rule that no dispute would notice in the amounts it happens to use.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { getAddress } from "viem";

const SINK = getAddress("0x000000000000000000000000000000000000dead");

describe("rules of clocks and bonds", async () => {
  const { viem } = await network.create();
  const rules = await viem.deployContract("RulesHarness");
  const client = await viem.getPublicClient();

  it("test_deadline_partOfTheBudgetUsed_isWhatIsLeftAfterTheStart", async () => {
    assert.equal(await rules.read.deadline([1000n, 30n, 100n]), 1070n);
    assert.equal(await rules.read.deadline([1000n, 100n, 100n]), 1000n);
    assert.equal(await rules.read.deadline([1000n, 0n, 100n]), 1100n);
  });

  it("test_used_aTurn_addsItsSeconds", async () => {
    assert.equal(await rules.read.used([1000n, 30n, 1007n]), 37n);
    assert.equal(await rules.read.used([1000n, 30n, 1000n]), 30n);
    assert.equal(await rules.read.used([0n, 0n, 0xff_ffffn]), 0xff_ffffn);
  });

  it("test_parts_aBond_areQuartersRoundedDown", async () => {
    for (const part of [rules.read.bounty, rules.read.maxCompensation, rules.read.maxAuditFee]) {
      assert.equal(await part([4000n]), 1000n);
      assert.equal(await part([4003n]), 1000n);
      assert.equal(await part([3n]), 0n);
    }
  });

  it("test_fees_aBond_areA512thOfIt", async () => {
    assert.equal(await rules.read.maxMoveFee([512n * 7n]), 7n);
    assert.equal(await rules.read.maxMoveFee([512n * 7n - 1n]), 6n);
    assert.equal(await rules.read.minBond([7n]), 512n * 7n);
  });

  it("test_paidDemandLimit_aFee_isHowOftenItGoesIntoAQuarter", async () => {
    assert.equal(await rules.read.paidDemandLimit([512n, 1n]), 128n);
    assert.equal(await rules.read.paidDemandLimit([4000n, 3n]), 333n);
  });

  it("test_deposit_aFee_isSixteenOfItAndTheFloor", async () => {
    assert.equal(await rules.read.deposit([5n, 3n]), 83n);
    assert.equal(await rules.read.deposit([0n, 3n]), 3n);
  });

  it("test_burn_coin_goesToTheSink", async () => {
    const [wallet] = await viem.getWalletClients();
    await wallet.sendTransaction({ to: rules.address, value: 10n });
    await rules.write.burn([7n]);
    assert.equal(await client.getBalance({ address: rules.address }), 3n);
    assert.equal(await client.getBalance({ address: SINK }), 7n);
  });

  it("test_burn_moreThanThereIs_isRefused", async () => {
    await viem.assertions.revertWithCustomErrorWithArgs(rules.write.burn([4n]), rules, "BurnRefused", [4n]);
  });
});
