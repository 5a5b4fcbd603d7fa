// Records disputes move by move, fraud and the commitments to direct proofs, and what the game owes and pays.
import { ponder } from "ponder:registry";
import schema from "ponder:schema";
import { numberToHex } from "viem";
import {
  addTotals,
  changeAccount,
  orderOf,
  orNull,
  recordTransaction,
  type AnyContext,
  type AnyEvent,
} from "./recording.ts";

type DisputeRow = typeof schema.dispute.$inferSelect;
type MoveRow = typeof schema.move.$inferSelect;
type PositionArgs = { section: number; height: number; step: number; item: number; index: number };

ponder.on("DisputeGame:ChallengeOpened", async ({ event, context }) => {
  const { challengeId, claimId, challenger, nonce, depositWei } = event.args;
  await changeAccount(context, event, challenger);
  const { claimant } = await context.db
    .update(schema.claim, { id: claimId })
    .set(({ openDisputes }) => ({ openDisputes: openDisputes + 1 }));
  await context.db.insert(schema.dispute).values({
    id: challengeId,
    order: orderOf(event),
    // The first demand is the next event of the transaction.
    status: "CLAIMANT_TURN",
    claimId,
    claimant,
    challenger,
    nonce,
    depositWei,
    demands: 0,
    moveCount: 0,
    openedIn: await recordTransaction(context, event),
  });
  await addTotals(context, { disputes: 1, openDisputes: 1 });
});

ponder.on("DisputeGame:NodeDemanded", async ({ event, context }) => {
  const { challengeId, position, node, claimantDeadline: deadline } = event.args;
  const dispute = await context.db
    .update(schema.dispute, { id: challengeId })
    .set(({ demands }) => ({ status: "CLAIMANT_TURN", deadline, demands: demands + 1 }));
  await recordMove(context, event, dispute, {
    kind: "DEMAND",
    level: dispute.demands - 1,
    actor: dispute.challenger,
    ...rowOf(position),
    node,
    deadline,
  });
});

ponder.on("DisputeGame:NodeOpened", async ({ event, context }) => {
  const { challengeId, position, node, nodes, opener, challengerDeadline: deadline } = event.args;
  const dispute = await context.db
    .update(schema.dispute, { id: challengeId })
    .set({ status: "CHALLENGER_TURN", deadline });
  await recordMove(context, event, dispute, {
    kind: "OPEN",
    level: dispute.demands - 1,
    actor: opener,
    ...rowOf(position),
    node,
    nodes: [...nodes],
    deadline,
  });
});

ponder.on("DisputeGame:StepOpened", async ({ event, context }) => {
  const { challengeId, step, stateRoot, scratchRoot, nodes, opener, challengerDeadline: deadline } = event.args;
  const dispute = await context.db
    .update(schema.dispute, { id: challengeId })
    .set({ status: "CHALLENGER_TURN", deadline });
  await recordMove(context, event, dispute, {
    kind: "OPEN_STEP",
    level: dispute.demands - 1,
    actor: opener,
    ...rowOf({ section: 0, height: 0, step: 0, item: 0, index: step }),
    stateRoot,
    scratchRoot,
    nodes: [...nodes],
    deadline,
  });
});

ponder.on("DisputeGame:ChunkOpened", async ({ event, context }) => {
  const { challengeId, position, node, chunk, opener, challengerDeadline: deadline } = event.args;
  const dispute = await context.db
    .update(schema.dispute, { id: challengeId })
    .set({ status: "CHALLENGER_TURN", deadline });
  await recordMove(context, event, dispute, {
    kind: "OPEN_CHUNK",
    level: dispute.demands - 1,
    actor: opener,
    ...rowOf(position),
    node,
    chunk,
    deadline,
  });
});

ponder.on("DisputeGame:FraudProven", async ({ event, context }) => {
  const { claimId, challengeId, prover, kind, step, primitive, element, claimed, computed } = event.args;
  const disputeId = orNull(challengeId);
  await changeAccount(context, event, prover);
  await context.db.insert(schema.fraud).values({
    claimId,
    disputeId,
    prover,
    kind,
    step: BigInt(step),
    primitive: BigInt(primitive),
    element: BigInt(element),
    claimed: numberToHex(claimed, { size: 4 }),
    computed: numberToHex(computed, { size: 4 }),
    provenIn: await recordTransaction(context, event),
  });
  if (disputeId === null) return;
  const dispute = await context.db.update(schema.dispute, { id: disputeId }).set({ status: "WON", deadline: null });
  await recordMove(context, event, dispute, { kind: "PROVE", level: dispute.demands, actor: prover });
});

ponder.on("DisputeGame:ChallengeTimedOut", async ({ event, context }) => {
  const { challengeId, loser } = event.args;
  // Whose turn it was says who lost: claimant and challenger can be one account.
  const dispute = await context.db
    .update(schema.dispute, { id: challengeId })
    .set(({ status }) => ({ status: status === "CLAIMANT_TURN" ? "WON" : "LOST", deadline: null }));
  await recordMove(context, event, dispute, {
    kind: "TIMEOUT",
    level: dispute.demands,
    actor: event.transaction.from,
    loser,
  });
});

ponder.on("DisputeGame:ChallengeClosed", async ({ event, context }) => {
  const { challengeId, claimId, payoutWei } = event.args;
  const endedIn = await recordTransaction(context, event);
  const { status, claimant, challenger } = await context.db.update(schema.dispute, { id: challengeId }).set((row) => ({
    status: row.status === "WON" || row.status === "LOST" ? row.status : "REFUNDED",
    payoutWei,
    deadline: null,
    endedIn,
  }));
  await context.db
    .update(schema.claim, { id: claimId })
    .set(({ openDisputes }) => ({ openDisputes: openDisputes - 1 }));
  await addTotals(context, { openDisputes: -1 });
  if (status === "REFUNDED") return;
  const [winner, loser] = status === "WON" ? [challenger, claimant] : [claimant, challenger];
  await changeAccount(context, event, winner, ({ disputesWon }) => ({ disputesWon: disputesWon + 1 }));
  await changeAccount(context, event, loser, ({ disputesLost }) => ({ disputesLost: disputesLost + 1 }));
});

ponder.on("DisputeGame:ProofCommitted", async ({ event, context }) => {
  const { claimId, committer, commitment, sequence } = event.args;
  await changeAccount(context, event, committer);
  await context.db.insert(schema.proof).values({
    claimId,
    sequence: Number(sequence),
    order: orderOf(event),
    status: "COMMITTED",
    committer,
    commitment,
    committedIn: await recordTransaction(context, event),
  });
});

ponder.on("DisputeGame:ProofRevealed", async ({ event, context }) => {
  const { claimId, committer, sequence } = event.args;
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.proof, { claimId, sequence: Number(sequence) }).set({ status: "REVEALED", endedIn });
  await changeAccount(context, event, committer, ({ proofsRevealed }) => ({ proofsRevealed: proofsRevealed + 1 }));
});

ponder.on("DisputeGame:ProofForfeited", async ({ event, context }) => {
  const { claimId, sequence } = event.args;
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.proof, { claimId, sequence: Number(sequence) }).set({ status: "FORFEITED", endedIn });
});

ponder.on("DisputeGame:BountySettled", async ({ event, context }) => {
  const { claimId, winner, amountWei } = event.args;
  await changeAccount(context, event, winner, (row) => ({ bountiesWei: row.bountiesWei + amountWei }));
  await context.db.update(schema.claim, { id: claimId }).set({ bountyTo: winner });
});

ponder.on("DisputeGame:Credited", async ({ event, context }) => {
  const { account, amountWei } = event.args;
  await changeAccount(context, event, account, (row) => ({ creditedWei: row.creditedWei + amountWei }));
});

ponder.on("DisputeGame:Withdrawn", async ({ event, context }) => {
  const { account, amountWei } = event.args;
  await changeAccount(context, event, account, (row) => ({ withdrawnWei: row.withdrawnWei + amountWei }));
});

type NewMove = Pick<MoveRow, "kind" | "level" | "actor"> & Partial<MoveRow>;

async function recordMove(context: AnyContext, event: AnyEvent, dispute: DisputeRow, made: NewMove): Promise<void> {
  await changeAccount(context, event, made.actor);
  await context.db.insert(schema.move).values({
    ...made,
    disputeId: dispute.id,
    order: dispute.moveCount,
    transactionHash: await recordTransaction(context, event),
  });
  await context.db.update(schema.dispute, { id: dispute.id }).set({ moveCount: dispute.moveCount + 1 });
  await addTotals(context, { moves: 1 });
}

function rowOf({ section, height, step, item, index }: PositionArgs) {
  return { section, height, step: BigInt(step), item: BigInt(item), index: BigInt(index) };
}
