// Answers every field of the schema from the tables. Rows hold most fields as they are; what is here follows a reference,
// loads a page or puts a number into the schema's form.
import type { FraudKind, Section } from "@lockstep/schema";
import { count, eq, isNotNull, lt, type PgColumn } from "ponder";
import type { Deployment } from "../../settings.ts";
import { readSummary, workOf } from "../program.ts";
import { NO_TOTALS } from "../totals.ts";
import { InvalidArgumentError, scalars } from "./arguments.ts";
import { indexedBlock } from "./progress.ts";
import { loadPage, type Source } from "./pages.ts";
import type { Database, Row, Rows, Tables } from "./rows.ts";
import type { AllResolvers } from "./typing.ts";

const FRAUD_KINDS: readonly FraudKind[] = ["ELEMENT", "SLOT", "PADDING", "RECORD"];
const SECTIONS: readonly Section[] = [
  "STEPS",
  "SCRATCH",
  "STATE",
  "SCRATCH_TENSOR",
  "STATE_TENSOR",
  "INPUT_TENSOR",
  "CONSTANT_TENSOR",
  "INPUTS",
];
/** A row names another one that is not there: the start block is too late, or the database is damaged. */
export class RowMissingError extends Error {
  readonly values: { table: string; key: string };

  constructor(table: string, key: string) {
    super(`There is no ${table} ${key}`);
    this.name = "RowMissingError";
    this.values = { table, key };
  }
}

/** The resolvers of all types and scalars over one database. */
export function createResolvers(db: Database, tables: Tables, deployment: Deployment): AllResolvers & typeof scalars {
  const { account, claim, dispute, program, proof, task, totals } = tables;

  type Where = Source<unknown>["where"];
  const newest = { descending: true, orderOf: (row: { order: bigint }) => row.order };
  const programs = (where: Where): Source<Row<"program">> => ({
    ...newest,
    name: "programs",
    column: program.order,
    where,
    select: (all, by, limit) => db.select().from(program).where(all).orderBy(by).limit(limit),
  });
  const tasks = (where: Where): Source<Row<"task">> => ({
    ...newest,
    name: "tasks",
    column: task.order,
    where,
    select: (all, by, limit) => db.select().from(task).where(all).orderBy(by).limit(limit),
  });
  const claims = (where: Where): Source<Row<"claim">> => ({
    ...newest,
    name: "claims",
    column: claim.order,
    where,
    select: (all, by, limit) => db.select().from(claim).where(all).orderBy(by).limit(limit),
  });
  const disputes = (where: Where): Source<Row<"dispute">> => ({
    ...newest,
    name: "disputes",
    column: dispute.order,
    where,
    select: (all, by, limit) => db.select().from(dispute).where(all).orderBy(by).limit(limit),
  });
  const proofs = (where: Where): Source<Row<"proof">> => ({
    ...newest,
    name: "proofs",
    column: proof.order,
    where,
    select: (all, by, limit) => db.select().from(proof).where(all).orderBy(by).limit(limit),
  });
  const accounts: Source<Row<"account">> = {
    ...newest,
    name: "accounts",
    column: account.order,
    where: [],
    select: (all, by, limit) => db.select().from(account).where(all).orderBy(by).limit(limit),
  };
  const standings: Source<Row<"account">> = {
    name: "leaderboard",
    column: account.standing,
    descending: false,
    where: [isNotNull(account.standing)],
    select: (all, by, limit) => db.select().from(account).where(all).orderBy(by).limit(limit),
    orderOf: ({ id, standing }) => present("standing", id, standing),
  };

  const rankOf = async (rows: Rows, standing: bigint) => {
    rows.spend(1);
    const [before] = await db.select({ count: count() }).from(account).where(lt(account.standing, standing));
    return (before?.count ?? 0) + 1;
  };
  const accountOf = async (rows: Rows, id: string) => present("account", id, await rows.account.load(id));
  const accountOrNull = async (rows: Rows, id: string | null) => (id === null ? null : accountOf(rows, id));
  const moment = async (rows: Rows, hash: string) => present("transaction", hash, await rows.transaction.load(hash));
  const momentOrNull = async (rows: Rows, hash: string | null) => (hash === null ? null : moment(rows, hash));

  return {
    ...scalars,
    Query: {
      deployment: async () => {
        const { Token, ProgramRegistry, ClaimRegistry, DisputeGame, Referee, StructureReferee, TaskMarket } =
          deployment.contracts;
        const indexed = await indexedBlock(db);
        return {
          chainId: deployment.chainId,
          startBlock: deployment.startBlock,
          indexedBlock: indexed?.number ?? null,
          indexedTimestamp: indexed?.timestamp ?? null,
          token: Token,
          programRegistry: ProgramRegistry,
          claimRegistry: ClaimRegistry,
          disputeGame: DisputeGame,
          referee: Referee,
          structureReferee: StructureReferee,
          taskMarket: TaskMarket,
        };
      },
      totals: async () => (await db.select().from(totals).limit(1))[0] ?? NO_TOTALS,
      node: async (_, { id }, { rows }) => {
        const key = id.toLowerCase();
        if (/^0x[0-9a-f]{40}$/.test(key)) return tagged("Account", await rows.account.load(key));
        if (!/^0x[0-9a-f]{64}$/.test(key)) throw new InvalidArgumentError("id", id, "must be a hash or an address");
        return (
          tagged("Claim", await rows.claim.load(key)) ??
          tagged("Dispute", await rows.dispute.load(key)) ??
          tagged("Task", await rows.task.load(key)) ??
          tagged("Program", await rows.program.load(key))
        );
      },
      program: (_, { id }, { rows }) => rows.program.load(id),
      programs: (_, args, { rows }) => loadPage(rows, args, programs([given(args.publisher, program.publisher)])),
      task: (_, { id }, { rows }) => rows.task.load(id),
      tasks: (_, args, { rows }) => {
        const { status, requester, solver, program: root } = args.where ?? {};
        const where = [
          status === undefined || status === null ? undefined : eq(task.status, status),
          given(requester, task.requester),
          given(solver, task.solver),
          given(root, task.programRoot),
        ];
        return loadPage(rows, args, tasks(where));
      },
      claim: (_, { id }, { rows }) => rows.claim.load(id),
      claims: (_, args, { rows }) => {
        const { status, claimant, program: root, task: taskId } = args.where ?? {};
        const where = [
          status === undefined || status === null ? undefined : eq(claim.status, status),
          given(claimant, claim.claimant),
          given(root, claim.programRoot),
          given(taskId, claim.taskId),
        ];
        return loadPage(rows, args, claims(where));
      },
      dispute: (_, { id }, { rows }) => rows.dispute.load(id),
      disputes: (_, args, { rows }) => {
        const { status, claim: claimId, claimant, challenger } = args.where ?? {};
        const where = [
          status === undefined || status === null ? undefined : eq(dispute.status, status),
          given(claimId, dispute.claimId),
          given(claimant, dispute.claimant),
          given(challenger, dispute.challenger),
        ];
        return loadPage(rows, args, disputes(where));
      },
      account: (_, { id }, { rows }) => rows.account.load(id),
      accounts: (_, args, { rows }) => loadPage(rows, args, accounts),
      leaderboard: async (_, args, { rows }) => {
        const { nodes, edges, pageInfo } = await loadPage(rows, args, standings);
        const first = nodes[0] === undefined ? 0 : await rankOf(rows, standings.orderOf(nodes[0]));
        const entries = nodes.map((node, i) => ({ ...node, rank: first + i }));
        return {
          nodes: entries,
          edges: edges.flatMap(({ cursor }, i) => (entries[i] === undefined ? [] : [{ cursor, node: entries[i] }])),
          pageInfo,
        };
      },
    },
    Program: {
      programRoot: ({ id }) => id,
      publisher: ({ publisher }, _, { rows }) => accountOf(rows, publisher),
      inputCount: ({ summary }) => readSummary(summary).inputCount,
      slotCount: ({ summary }) => readSummary(summary).slotCount,
      outputCount: ({ summary }) => readSummary(summary).outputCount,
      segments: ({ summary }) => readSummary(summary).segments,
      registered: ({ registeredIn }, _, { rows }) => moment(rows, registeredIn),
      claims: ({ id }, args, { rows }) => loadPage(rows, args, claims([eq(claim.programRoot, id)])),
    },
    Task: {
      requester: ({ requester }, _, { rows }) => accountOf(rows, requester),
      program: ({ programRoot }, _, { rows }) => rows.program.load(programRoot),
      solver: ({ solver }, _, { rows }) => accountOrNull(rows, solver),
      claim: ({ claimId }, _, { rows }) => (claimId === null ? null : rows.claim.load(claimId)),
      inputData: async ({ id }, _, { rows }) => present("task input", id, await rows.taskInput.load(id)).inputData,
      requested: ({ requestedIn }, _, { rows }) => moment(rows, requestedIn),
      accepted: ({ acceptedIn }, _, { rows }) => momentOrNull(rows, acceptedIn),
      delivered: ({ deliveredIn }, _, { rows }) => momentOrNull(rows, deliveredIn),
      ended: ({ endedIn }, _, { rows }) => momentOrNull(rows, endedIn),
    },
    Claim: {
      claimant: ({ claimant }, _, { rows }) => accountOf(rows, claimant),
      program: ({ programRoot }, _, { rows }) => rows.program.load(programRoot),
      task: ({ taskId }, _, { rows }) => rows.task.load(taskId),
      work: async ({ programRoot, steps }, _, { rows }) => {
        const run = await rows.program.load(programRoot);
        return run === null ? null : workOf(readSummary(run.summary), steps);
      },
      fraud: ({ id }, _, { rows }) => rows.fraud.load(id),
      slashedBy: ({ slashedBy }, _, { rows }) => accountOrNull(rows, slashedBy),
      bountyTo: ({ bountyTo }, _, { rows }) => accountOrNull(rows, bountyTo),
      disputes: ({ id }, args, { rows }) => loadPage(rows, args, disputes([eq(dispute.claimId, id)])),
      proofs: ({ id }, args, { rows }) => loadPage(rows, args, proofs([eq(proof.claimId, id)])),
      committed: ({ committedIn }, _, { rows }) => moment(rows, committedIn),
      revealed: ({ revealedIn }, _, { rows }) => momentOrNull(rows, revealedIn),
      ended: ({ endedIn }, _, { rows }) => momentOrNull(rows, endedIn),
    },
    Fraud: {
      kind: ({ kind, claimId }) => present("fraud kind", claimId, FRAUD_KINDS[kind]),
      step: ({ step }) => Number(step),
      primitive: ({ primitive }) => Number(primitive),
      element: ({ element }) => Number(element),
      prover: ({ prover }, _, { rows }) => accountOf(rows, prover),
      dispute: ({ disputeId }, _, { rows }) => (disputeId === null ? null : rows.dispute.load(disputeId)),
      proven: ({ provenIn }, _, { rows }) => moment(rows, provenIn),
    },
    Dispute: {
      claim: async ({ claimId }, _, { rows }) => present("claim", claimId, await rows.claim.load(claimId)),
      challenger: ({ challenger }, _, { rows }) => accountOf(rows, challenger),
      moves: ({ id }, _, { rows }) => rows.moves.load(id),
      gasUsed: async ({ id, openedIn }, _, { rows }) => {
        const moves = await rows.moves.load(id);
        // Several moves in one transaction share its gas.
        const hashes = [...new Set([openedIn, ...moves.map(({ transactionHash }) => transactionHash)])];
        const used = await Promise.all(hashes.map((hash) => moment(rows, hash)));
        return used.reduce((sum, { gasUsed }) => sum + gasUsed, 0n);
      },
      fraud: async ({ id, claimId }, _, { rows }) => {
        const found = await rows.fraud.load(claimId);
        return found?.disputeId === id ? found : null;
      },
      opened: ({ openedIn }, _, { rows }) => moment(rows, openedIn),
      ended: ({ endedIn }, _, { rows }) => momentOrNull(rows, endedIn),
    },
    Move: {
      actor: ({ actor }, _, { rows }) => accountOf(rows, actor),
      position: ({ disputeId, section, height, step, item, index }) =>
        section === null || height === null
          ? null
          : {
              section: present("section", disputeId, SECTIONS[section]),
              height,
              step: Number(step),
              item: Number(item),
              index: Number(index),
            },
      blockNumber: async ({ transactionHash }, _, { rows }) => (await moment(rows, transactionHash)).blockNumber,
      timestamp: async ({ transactionHash }, _, { rows }) => (await moment(rows, transactionHash)).timestamp,
      gasUsed: async ({ transactionHash }, _, { rows }) => (await moment(rows, transactionHash)).gasUsed,
    },
    Proof: {
      claim: async ({ claimId }, _, { rows }) => present("claim", claimId, await rows.claim.load(claimId)),
      committer: ({ committer }, _, { rows }) => accountOf(rows, committer),
      committed: ({ committedIn }, _, { rows }) => moment(rows, committedIn),
      ended: ({ endedIn }, _, { rows }) => momentOrNull(rows, endedIn),
    },
    Account: {
      address: ({ id }) => id,
      rank: ({ standing }, _, { rows }) => (standing === null ? null : rankOf(rows, standing)),
      claims: ({ id }, args, { rows }) => loadPage(rows, args, claims([eq(claim.claimant, id)])),
      disputes: ({ id }, args, { rows }) => loadPage(rows, args, disputes([eq(dispute.challenger, id)])),
      tasks: ({ id }, args, { rows }) => loadPage(rows, args, tasks([eq(task.requester, id)])),
    },
    LeaderboardEntry: {
      account: (entry) => entry,
    },
  };
}

function given(value: string | null | undefined, column: PgColumn) {
  return value === undefined || value === null ? undefined : eq(column, value);
}

function present<T>(table: string, key: string, found: T | null | undefined): T {
  if (found === undefined || found === null) throw new RowMissingError(table, key);
  return found;
}

// The name says which type of the Node interface a row is.
function tagged<Name extends string, Found extends object>(__typename: Name, row: Found | null) {
  return row === null ? null : { ...row, __typename };
}
