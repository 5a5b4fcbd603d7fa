// The tables that events are recorded in, each kept as a query needs it: no query reads history to answer. Lists are
// ordered by one unique number a row (`order` columns), so that a page is one range of an index. Ponder adds what it
// needs to undo blocks that a re-org removes.
import { index, onchainEnum, onchainTable, primaryKey } from "ponder";

export const taskStatus = onchainEnum("task_status", [
  "OPEN",
  "ACCEPTED",
  "DELIVERED",
  "PAID",
  "CANCELLED",
  "REFUNDED",
]);
export const claimStatus = onchainEnum("claim_status", [
  "COMMITTED",
  "REVEALED",
  "FINAL",
  "SLASHED",
  "FORFEITED",
  "VOIDED",
]);
export const disputeStatus = onchainEnum("dispute_status", [
  "CHALLENGER_TURN",
  "CLAIMANT_TURN",
  "WON",
  "LOST",
  "REFUNDED",
]);
export const moveKind = onchainEnum("move_kind", ["DEMAND", "OPEN", "OPEN_STEP", "OPEN_CHUNK", "PROVE", "TIMEOUT"]);
export const proofStatus = onchainEnum("proof_status", ["COMMITTED", "REVEALED", "FORFEITED"]);

/** Every transaction that another row names. */
export const transaction = onchainTable("transaction", (t) => ({
  transactionHash: t.hex().primaryKey(),
  blockNumber: t.bigint().notNull(),
  timestamp: t.bigint().notNull(),
  gasUsed: t.bigint().notNull(),
}));

export const program = onchainTable(
  "program",
  (t) => ({
    id: t.hex().primaryKey(),
    order: t.bigint().notNull(),
    publisher: t.hex().notNull(),
    summary: t.hex().notNull(),
    interfaceTable: t.hex().notNull(),
    bindings: t.hex().array().notNull(),
    contentHash: t.hex().notNull(),
    mirrors: t.text().array().notNull(),
    registeredIn: t.hex().notNull(),
  }),
  (table) => ({
    byOrder: index().on(table.order),
    byPublisher: index().on(table.publisher, table.order),
  }),
);

export const task = onchainTable(
  "task",
  (t) => ({
    id: t.hex().primaryKey(),
    order: t.bigint().notNull(),
    status: taskStatus("status").notNull(),
    requester: t.hex().notNull(),
    programRoot: t.hex().notNull(),
    inputsRoot: t.hex().notNull(),
    steps: t.bigint().notNull(),
    price: t.bigint().notNull(),
    deadline: t.bigint().notNull(),
    onlySolver: t.hex(),
    solver: t.hex(),
    deliverBy: t.bigint(),
    claimId: t.hex(),
    reopenings: t.integer().notNull(),
    requestedIn: t.hex().notNull(),
    acceptedIn: t.hex(),
    deliveredIn: t.hex(),
    endedIn: t.hex(),
  }),
  (table) => ({
    byOrder: index().on(table.order),
    byStatus: index().on(table.status, table.order),
    byRequester: index().on(table.requester, table.order),
    bySolver: index().on(table.solver, table.order),
    byProgram: index().on(table.programRoot, table.order),
  }),
);

/** Apart from the task, since it can be large and few queries want it. */
export const taskInput = onchainTable("task_input", (t) => ({
  taskId: t.hex().primaryKey(),
  inputData: t.hex().notNull(),
}));

export const claim = onchainTable(
  "claim",
  (t) => ({
    id: t.hex().primaryKey(),
    order: t.bigint().notNull(),
    status: claimStatus("status").notNull(),
    claimant: t.hex().notNull(),
    programRoot: t.hex().notNull(),
    inputsRoot: t.hex().notNull(),
    taskId: t.hex().notNull(),
    steps: t.integer().notNull(),
    traceMode: t.integer().notNull(),
    operator: t.hex(),
    bondWei: t.bigint().notNull(),
    moveFeeWei: t.bigint().notNull(),
    seal: t.hex().notNull(),
    revealBy: t.bigint().notNull(),
    traceRoot: t.hex(),
    outputRoots: t.hex().array(),
    salt: t.hex(),
    challengeUntil: t.bigint(),
    slashedBy: t.hex(),
    bountyWei: t.bigint(),
    bountyTo: t.hex(),
    burntWei: t.bigint(),
    voidFeeWei: t.bigint(),
    openDisputes: t.integer().notNull(),
    committedIn: t.hex().notNull(),
    revealedIn: t.hex(),
    endedIn: t.hex(),
  }),
  (table) => ({
    byOrder: index().on(table.order),
    byStatus: index().on(table.status, table.order),
    byClaimant: index().on(table.claimant, table.order),
    byProgram: index().on(table.programRoot, table.order),
    byTask: index().on(table.taskId, table.order),
  }),
);

/** The one fraud that a claim was slashed for. */
export const fraud = onchainTable("fraud", (t) => ({
  claimId: t.hex().primaryKey(),
  disputeId: t.hex(),
  prover: t.hex().notNull(),
  kind: t.integer().notNull(),
  step: t.bigint().notNull(),
  primitive: t.bigint().notNull(),
  element: t.bigint().notNull(),
  claimed: t.hex().notNull(),
  computed: t.hex().notNull(),
  provenIn: t.hex().notNull(),
}));

export const dispute = onchainTable(
  "dispute",
  (t) => ({
    id: t.hex().primaryKey(),
    order: t.bigint().notNull(),
    status: disputeStatus("status").notNull(),
    claimId: t.hex().notNull(),
    claimant: t.hex().notNull(),
    challenger: t.hex().notNull(),
    nonce: t.bigint().notNull(),
    depositWei: t.bigint().notNull(),
    payoutWei: t.bigint(),
    deadline: t.bigint(),
    demands: t.integer().notNull(),
    moveCount: t.integer().notNull(),
    openedIn: t.hex().notNull(),
    endedIn: t.hex(),
  }),
  (table) => ({
    byOrder: index().on(table.order),
    byStatus: index().on(table.status, table.order),
    byClaim: index().on(table.claimId, table.order),
    byClaimant: index().on(table.claimant, table.order),
    byChallenger: index().on(table.challenger, table.order),
  }),
);

export const move = onchainTable(
  "move",
  (t) => ({
    disputeId: t.hex().notNull(),
    /** From 0 in each dispute. */
    order: t.integer().notNull(),
    level: t.integer().notNull(),
    kind: moveKind("kind").notNull(),
    actor: t.hex().notNull(),
    section: t.integer(),
    height: t.integer(),
    step: t.bigint(),
    item: t.bigint(),
    index: t.bigint(),
    node: t.hex(),
    nodes: t.hex().array(),
    stateRoot: t.hex(),
    scratchRoot: t.hex(),
    chunk: t.hex(),
    loser: t.hex(),
    deadline: t.bigint(),
    transactionHash: t.hex().notNull(),
  }),
  (table) => ({ key: primaryKey({ columns: [table.disputeId, table.order] }) }),
);

export const proof = onchainTable(
  "proof",
  (t) => ({
    claimId: t.hex().notNull(),
    sequence: t.integer().notNull(),
    order: t.bigint().notNull(),
    status: proofStatus("status").notNull(),
    committer: t.hex().notNull(),
    commitment: t.hex().notNull(),
    committedIn: t.hex().notNull(),
    endedIn: t.hex(),
  }),
  (table) => ({
    key: primaryKey({ columns: [table.claimId, table.sequence] }),
    byClaim: index().on(table.claimId, table.order),
  }),
);

export const account = onchainTable(
  "account",
  (t) => ({
    id: t.hex().primaryKey(),
    order: t.bigint().notNull(),
    firstSeen: t.bigint().notNull(),
    claimsMade: t.integer().notNull(),
    finalClaims: t.integer().notNull(),
    slashed: t.integer().notNull(),
    forfeited: t.integer().notNull(),
    workVerified: t.bigint().notNull(),
    disputesWon: t.integer().notNull(),
    disputesLost: t.integer().notNull(),
    proofsRevealed: t.integer().notNull(),
    slashedWei: t.bigint().notNull(),
    bountiesWei: t.bigint().notNull(),
    creditedWei: t.bigint().notNull(),
    withdrawnWei: t.bigint().notNull(),
    tasksPaid: t.integer().notNull(),
    earned: t.bigint().notNull(),
    firstFinalBlock: t.bigint(),
    /** Ascending in the order of the leaderboard, null outside of it; see `standingOf`. */
    standing: t.bigint(),
  }),
  (table) => ({
    byOrder: index().on(table.order),
    byStanding: index().on(table.standing),
  }),
);

/** One row, with id "all". */
export const totals = onchainTable("totals", (t) => ({
  id: t.text().primaryKey(),
  programs: t.integer().notNull(),
  tasks: t.integer().notNull(),
  claims: t.integer().notNull(),
  finalClaims: t.integer().notNull(),
  slashedClaims: t.integer().notNull(),
  forfeitedClaims: t.integer().notNull(),
  voidedClaims: t.integer().notNull(),
  disputes: t.integer().notNull(),
  openDisputes: t.integer().notNull(),
  moves: t.integer().notNull(),
  burntWei: t.bigint().notNull(),
}));
