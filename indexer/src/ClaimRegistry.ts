// Records claims from commitment to their end, and what the registry owes and pays.
import { ponder } from "ponder:registry";
import schema from "ponder:schema";
import { readSummary, workOf } from "./program.ts";
import { addTotals, changeAccount, orderOf, orNull, recordTransaction } from "./recording.ts";

ponder.on("ClaimRegistry:ClaimCommitted", async ({ event, context }) => {
  const { claimId, claimant, operator, ...terms } = event.args;
  await changeAccount(context, event, claimant, ({ claimsMade }) => ({ claimsMade: claimsMade + 1 }));
  await context.db.insert(schema.claim).values({
    ...terms,
    id: claimId,
    order: orderOf(event),
    status: "COMMITTED",
    claimant,
    operator: orNull(operator),
    openDisputes: 0,
    committedIn: await recordTransaction(context, event),
  });
  await addTotals(context, { claims: 1 });
});

ponder.on("ClaimRegistry:ClaimRevealed", async ({ event, context }) => {
  const { claimId, traceRoot, outputRoots, salt, challengeUntil } = event.args;
  const revealedIn = await recordTransaction(context, event);
  await context.db
    .update(schema.claim, { id: claimId })
    .set({ status: "REVEALED", traceRoot, outputRoots: [...outputRoots], salt, challengeUntil, revealedIn });
});

ponder.on("ClaimRegistry:ClaimFinalized", async ({ event, context }) => {
  const { claimId, claimant } = event.args;
  const endedIn = await recordTransaction(context, event);
  const { programRoot, steps } = await context.db
    .update(schema.claim, { id: claimId })
    .set({ status: "FINAL", endedIn });
  // Work that nobody could re-run is not verified.
  const program = await context.db.find(schema.program, { id: programRoot });
  const work = program === null ? 0n : workOf(readSummary(program.summary), steps);
  await changeAccount(context, event, claimant, ({ finalClaims, workVerified, firstFinalBlock }) => ({
    finalClaims: finalClaims + 1,
    workVerified: workVerified + work,
    firstFinalBlock: firstFinalBlock ?? event.block.number,
  }));
  await addTotals(context, { finalClaims: 1 });
});

ponder.on("ClaimRegistry:ClaimForfeited", async ({ event, context }) => {
  const { claimId, claimant, burntWei } = event.args;
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.claim, { id: claimId }).set({ status: "FORFEITED", burntWei, endedIn });
  await changeAccount(context, event, claimant, ({ forfeited, slashedWei }) => ({
    forfeited: forfeited + 1,
    slashedWei: slashedWei + burntWei,
  }));
  await addTotals(context, { forfeitedClaims: 1, burntWei });
});

ponder.on("ClaimRegistry:ClaimVoided", async ({ event, context }) => {
  const { claimId, feeWei } = event.args;
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.claim, { id: claimId }).set({ status: "VOIDED", voidFeeWei: feeWei, endedIn });
  await addTotals(context, { voidedClaims: 1 });
});

ponder.on("ClaimRegistry:ClaimSlashed", async ({ event, context }) => {
  const { claimId, claimant, prover, bountyWei, burntWei } = event.args;
  const endedIn = await recordTransaction(context, event);
  const { bondWei } = await context.db
    .update(schema.claim, { id: claimId })
    .set({ status: "SLASHED", slashedBy: prover, bountyWei, burntWei, endedIn });
  await changeAccount(context, event, prover);
  await changeAccount(context, event, claimant, ({ slashed, slashedWei }) => ({
    slashed: slashed + 1,
    slashedWei: slashedWei + bondWei,
  }));
  await addTotals(context, { slashedClaims: 1, burntWei });
});

ponder.on("ClaimRegistry:Credited", async ({ event, context }) => {
  const { account, amountWei } = event.args;
  await changeAccount(context, event, account, (row) => ({ creditedWei: row.creditedWei + amountWei }));
});

ponder.on("ClaimRegistry:Withdrawn", async ({ event, context }) => {
  const { account, amountWei } = event.args;
  await changeAccount(context, event, account, (row) => ({ withdrawnWei: row.withdrawnWei + amountWei }));
});
