import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DatabaseOpenError, DatabaseVersionError, getFact, openDatabase, setFact } from "./database.ts";
import { temporaryFolder } from "./test-chain.ts";

// The first version's tables as they were released: migrations start from what is on users' disks.
const VERSION_1 = [
  `create table fact (key text primary key, value text not null)`,
  `insert into fact values ('schema', '1')`,
  `create table block (number integer primary key, hash text not null)`,
  `create table event (id integer primary key autoincrement, block_number integer not null, block_time integer not null,
     log_index integer not null, transaction_hash text not null, contract text not null, name text not null,
     args text not null, claim_id text, challenge_id text, task_id text, unique (block_number, log_index))`,
  `create table send (key text primary key, nonce integer not null, hash text not null, raw text not null,
     status text not null, sent_at integer not null)`,
  `create table own_claim (claim_id text primary key, task_id text not null, program_root text not null,
     inputs_root text not null, steps integer not null, salt text not null, trace_root text not null,
     output_roots text not null, bond_wei text not null, terms text not null, seal text not null, tamper text)`,
  `insert into send values ('one', 3, '0xaa', '0xbb', 'pending', 1700000000)`,
];

describe("database", () => {
  let folder: { path: string; remove(): void };
  let path: string;

  beforeEach(() => {
    folder = temporaryFolder("database");
    path = join(folder.path, "home", "state.db");
  });
  afterEach(() => folder.remove());

  it("keeps what was written, and survives a kill without being closed", async () => {
    const first = await openDatabase(path);
    await setFact(first, "key", "before");
    await setFact(first, "key", "after");
    // Not closed: its write-ahead log is still there.
    const second = await openDatabase(path);
    assert.equal(await getFact(second, "key"), "after");
    assert.equal(await getFact(second, "none"), undefined);
    assert.equal(statSync(join(folder.path, "home")).mode & 0o777, 0o700);
    await first.destroy();
    await second.destroy();
  });

  it("takes nothing over from a transaction that was broken off", async () => {
    const database = await openDatabase(path);
    const broken = database.transaction().execute(async (transaction) => {
      await setFact(transaction, "key", "value");
      throw new Error("broken off");
    });
    await assert.rejects(broken, /broken off/);
    assert.equal(await getFact(database, "key"), undefined);
    await database.destroy();
  });

  it("brings the first version to the present one and keeps its rows", async () => {
    const old = await openDatabase(path);
    await old.destroy();
    const version1 = join(folder.path, "version1.db");
    const file = new DatabaseSync(version1);
    for (const statement of VERSION_1) file.exec(statement);
    file.close();
    const migrated = await openDatabase(version1);
    const row = await migrated.selectFrom("send").selectAll().executeTakeFirstOrThrow();
    assert.deepEqual(
      { ...row },
      {
        key: "one",
        nonce: 3,
        hash: "0xaa",
        raw: "0xbb",
        status: "pending",
        sent_at: 1_700_000_000,
        earlier: "[]",
      },
    );
    await migrated.destroy();
    assert.deepEqual(schemaOf(version1), schemaOf(path), "columns as in a new database");
  });

  it("refuses a newer schema and changes nothing", async () => {
    const database = await openDatabase(path);
    await setFact(database, "schema", "99");
    await database.destroy();
    await assert.rejects(openDatabase(path), (error: unknown) => {
      assert.ok(error instanceof DatabaseVersionError);
      assert.equal(error.values["found"], 99);
      return true;
    });
    const file = new DatabaseSync(path);
    assert.equal(file.prepare("select value from fact where key = 'schema'").get()?.["value"], "99");
    file.close();
  });

  it("refuses a schema that is no number", async () => {
    const database = await openDatabase(path);
    await setFact(database, "schema", "new");
    await database.destroy();
    await assert.rejects(openDatabase(path), DatabaseVersionError);
  });

  it("refuses a file that is no database", async () => {
    const other = join(folder.path, "other.db");
    writeFileSync(other, "This is not a database, however long it may be.".repeat(100));
    await assert.rejects(openDatabase(other), (error: unknown) => {
      assert.ok(error instanceof DatabaseOpenError);
      assert.equal(error.values["path"], other);
      assert.match(error.message, /move it away/);
      return true;
    });
    await assert.rejects(openDatabase(folder.path), DatabaseOpenError);
  });

  it("refuses a damaged database", async () => {
    const database = await openDatabase(path);
    for (let index = 0; index < 200; index++) await setFact(database, `key ${index}`, "x".repeat(200));
    await database.destroy();
    const bytes = readFileSync(path);
    // Everything but the header and the schema is overwritten.
    bytes.fill(0x5a, 4096);
    writeFileSync(path, bytes);
    await assert.rejects(openDatabase(path), DatabaseOpenError);
  });
});

function schemaOf(path: string): unknown {
  const file = new DatabaseSync(path);
  const tables = ["block", "event", "send", "own_claim", "fact"];
  const columns = tables.map((table) =>
    file
      .prepare(`select name, type, "notnull", dflt_value, pk from pragma_table_info('${table}') order by name`)
      .all()
      .map((row) => ({ ...row })),
  );
  file.close();
  return columns;
}
