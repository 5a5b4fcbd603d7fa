/**
 * The node's state on disk: SQLite through kysely over Node's own `node:sqlite`, so nothing native is built. What the
 * chain said is mirrored here as events (removed again when a block is), and what the node itself must not forget
 * (salts, sent transactions, traces it stands for) is written before it acts. A kill at any instruction loses nothing.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { Kysely, sql, SqliteDialect, type Generated, type SqliteDatabase } from "kysely";
import { LockstepError } from "../float/errors.ts";

/** A block whose logs are mirrored; kept for as long as a re-org could reach it. */
export interface BlockTable {
  number: number;
  hash: string;
}

/** One decoded log. `args` is JSON with bigints as decimal strings; the ids are copied out of it for indexes. */
export interface EventTable {
  id: Generated<number>;
  block_number: number;
  /** Unix seconds of the block. */
  block_time: number;
  log_index: number;
  transaction_hash: string;
  contract: string;
  name: string;
  args: string;
  claim_id: string | null;
  challenge_id: string | null;
  task_id: string | null;
}

/** A transaction this node sent, by the action it carries out: the same action is never sent twice. */
export interface SendTable {
  key: string;
  nonce: number;
  hash: string;
  raw: string;
  /** JSON: the hashes of the transactions this one replaces; they share its nonce. */
  earlier: string;
  status: "pending" | "confirmed" | "reverted";
  sent_at: number;
}

/** A claim this node is about to make or made. Written before the commit is sent: without the salt its bond is lost. */
export interface OwnClaimTable {
  claim_id: string;
  task_id: string;
  program_root: string;
  inputs_root: string;
  steps: number;
  salt: string;
  trace_root: string;
  output_roots: string;
  bond_wei: string;
  terms: string;
  seal: string;
  /** JSON of the injected lie, or null for an honest run. */
  tamper: string | null;
}

/** Small facts: schema version, the position of readers. */
export interface FactTable {
  key: string;
  value: string;
}

export interface NodeTables {
  block: BlockTable;
  event: EventTable;
  send: SendTable;
  own_claim: OwnClaimTable;
  fact: FactTable;
}

export type NodeDatabase = Kysely<NodeTables>;

/** Opens (and creates or migrates) the database file; `:memory:` gives one that is gone with the process. */
export async function openDatabase(path: string): Promise<NodeDatabase> {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path);
    // WAL with full synchronisation: a committed row survives a power cut, and readers never block the writer.
    file.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
    const damage = file.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (damage !== "ok") throw new Error(String(damage));
    const database = new Kysely<NodeTables>({ dialect: new SqliteDialect({ database: adapt(file) }) });
    await migrate(database, path);
    return database;
  } catch (cause) {
    file?.close();
    throw cause instanceof LockstepError ? cause : new DatabaseOpenError(path, cause);
  }
}

// Each entry brings a database from its index to the next version; entries are never edited once released.
const MIGRATIONS: readonly string[][] = [
  [
    `create table block (number integer primary key, hash text not null)`,
    `create table event (id integer primary key autoincrement, block_number integer not null, block_time integer not null,
       log_index integer not null, transaction_hash text not null, contract text not null, name text not null,
       args text not null, claim_id text, challenge_id text, task_id text, unique (block_number, log_index))`,
    `create index event_name on event (name, block_number)`,
    `create index event_claim on event (claim_id)`,
    `create index event_challenge on event (challenge_id)`,
    `create index event_task on event (task_id)`,
    `create table send (key text primary key, nonce integer not null, hash text not null, raw text not null,
       status text not null, sent_at integer not null)`,
    `create table own_claim (claim_id text primary key, task_id text not null, program_root text not null,
       inputs_root text not null, steps integer not null, salt text not null, trace_root text not null,
       output_roots text not null, bond_wei text not null, terms text not null, seal text not null, tamper text)`,
    `create index own_claim_task on own_claim (task_id)`,
  ],
  [`alter table send add column earlier text not null default '[]'`],
];

async function migrate(database: NodeDatabase, path: string): Promise<void> {
  await sql`create table if not exists fact (key text primary key, value text not null)`.execute(database);
  const version = Number((await getFact(database, "schema")) ?? 0);
  if (!(version <= MIGRATIONS.length)) throw new DatabaseVersionError(path, version, MIGRATIONS.length);
  for (let next = version; next < MIGRATIONS.length; next++) {
    await database.transaction().execute(async (transaction) => {
      for (const statement of MIGRATIONS[next] ?? []) await sql.raw(statement).execute(transaction);
      await setFact(transaction, "schema", String(next + 1));
    });
  }
}

/** Reads a fact, or undefined. */
export async function getFact(database: NodeDatabase, key: string): Promise<string | undefined> {
  return (await database.selectFrom("fact").select("value").where("key", "=", key).executeTakeFirst())?.value;
}

/** Writes a fact over an earlier one. */
export async function setFact(database: NodeDatabase, key: string, value: string): Promise<void> {
  await database
    .insertInto("fact")
    .values({ key, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}

// kysely speaks the better-sqlite3 dialect; node:sqlite lacks `reader` and takes its parameters spread.
function adapt(file: DatabaseSync): SqliteDatabase {
  return {
    close: () => file.close(),
    prepare(text) {
      const statement = file.prepare(text);
      const spread = (parameters: ReadonlyArray<unknown>) => parameters as SQLInputValue[];
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...spread(parameters)),
        run: (parameters) => statement.run(...spread(parameters)),
        iterate: (parameters) => statement.iterate(...spread(parameters)),
      };
    },
  };
}

/** The database file can't be opened or isn't one. */
export class DatabaseOpenError extends LockstepError {
  constructor(path: string, cause: unknown) {
    super(
      "DatabaseOpenError",
      `The state database ${path} can't be opened; move it away to start afresh`,
      { path },
      { cause },
    );
  }
}

/** The database was written by a newer node. */
export class DatabaseVersionError extends LockstepError {
  constructor(path: string, found: number, supported: number) {
    super(
      "DatabaseVersionError",
      `The state database ${path} has schema ${found}; this node knows up to ${supported}`,
      {
        path,
        found,
        supported,
      },
    );
  }
}
