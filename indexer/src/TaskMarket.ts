// Records tasks from request to their end.
import { ponder } from "ponder:registry";
import schema from "ponder:schema";
import { addTotals, changeAccount, orderOf, orNull, recordTransaction } from "./recording.ts";

ponder.on("TaskMarket:TaskRequested", async ({ event, context }) => {
  const { taskId, requester, programRoot, inputsRoot, steps, price, deadline, solver, inputData } = event.args;
  await changeAccount(context, event, requester);
  await context.db.insert(schema.task).values({
    id: taskId,
    order: orderOf(event),
    status: "OPEN",
    requester,
    programRoot,
    inputsRoot,
    steps: BigInt(steps),
    price,
    deadline,
    onlySolver: orNull(solver),
    reopenings: 0,
    requestedIn: await recordTransaction(context, event),
  });
  await context.db.insert(schema.taskInput).values({ taskId, inputData });
  await addTotals(context, { tasks: 1 });
});

ponder.on("TaskMarket:TaskAccepted", async ({ event, context }) => {
  const { taskId, solver, deliverBy } = event.args;
  await changeAccount(context, event, solver);
  const acceptedIn = await recordTransaction(context, event);
  await context.db.update(schema.task, { id: taskId }).set({ status: "ACCEPTED", solver, deliverBy, acceptedIn });
});

ponder.on("TaskMarket:TaskDelivered", async ({ event, context }) => {
  const { taskId, claimId } = event.args;
  const deliveredIn = await recordTransaction(context, event);
  await context.db.update(schema.task, { id: taskId }).set({ status: "DELIVERED", claimId, deliveredIn });
});

ponder.on("TaskMarket:TaskPaid", async ({ event, context }) => {
  const { taskId, solver, amount } = event.args;
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.task, { id: taskId }).set({ status: "PAID", endedIn });
  await changeAccount(context, event, solver, ({ tasksPaid, earned }) => ({
    tasksPaid: tasksPaid + 1,
    earned: earned + amount,
  }));
});

ponder.on("TaskMarket:TaskReopened", async ({ event, context }) => {
  await context.db.update(schema.task, { id: event.args.taskId }).set(({ reopenings }) => ({
    status: "OPEN",
    solver: null,
    deliverBy: null,
    claimId: null,
    acceptedIn: null,
    deliveredIn: null,
    reopenings: reopenings + 1,
  }));
});

ponder.on("TaskMarket:TaskCancelled", async ({ event, context }) => {
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.task, { id: event.args.taskId }).set({ status: "CANCELLED", endedIn });
});

ponder.on("TaskMarket:TaskRefunded", async ({ event, context }) => {
  const endedIn = await recordTransaction(context, event);
  await context.db.update(schema.task, { id: event.args.taskId }).set({ status: "REFUNDED", endedIn });
});
