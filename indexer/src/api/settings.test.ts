// What the indexer's settings accept and refuse. Here, since Ponder runs every file of src but those of src/api.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { chooseDatabase } from "../../database.ts";
import { IndexerSettingsError, readDeployment, readSettings } from "../../settings.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-settings-"));
const path = join(folder, "31337.json");
const address = `0x${"aB".repeat(20)}`;
const contracts = {
  Token: address,
  ProgramRegistry: address,
  ClaimRegistry: address,
  Referee: address,
  StructureReferee: address,
  DisputeGame: address,
  TaskMarket: address,
};
const valid = { chainId: 31337, startBlock: 4, contracts };
const write = (content: unknown) => {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

describe("settings", () => {
  after(() => rmSync(folder, { recursive: true }));

  it("reads a deployment with addresses in lower case", () => {
    const { chainId, startBlock, contracts: read } = readDeployment(write(valid));
    assert.deepEqual([chainId, startBlock, read.TaskMarket], [31337, 4, address.toLowerCase()]);
  });

  it("reads the environment", () => {
    const environment = { RPC_URL: "http://127.0.0.1:1", LOCKSTEP_DEPLOYMENT: write(valid) };
    assert.deepEqual(readSettings(environment).database, { kind: "pglite", directory: resolve(".lockstep/indexer") });
    const url = "postgresql://user@host/name";
    assert.deepEqual(readSettings({ ...environment, DATABASE_URL: url }).database, {
      kind: "postgres",
      connectionString: url,
    });
  });

  for (const [what, content, rule] of [
    ["no JSON", "{", /JSON/],
    ["a list", [], /./],
    ["a chain that is no number", { ...valid, chainId: "31337" }, /./],
    ["a negative start", { ...valid, startBlock: -1 }, /./],
    ["a missing contract", { ...valid, contracts: { ...contracts, Referee: undefined } }, /./],
    ["a short address", { ...valid, contracts: { ...contracts, Token: "0x12" } }, /40 hexadecimal digits/],
  ] as const) {
    it(`refuses a deployment with ${what}`, () => {
      assert.throws(
        () => readDeployment(write(content)),
        (error) =>
          error instanceof IndexerSettingsError && rule.test(error.values.rule) && error.message.includes(path),
      );
    });
  }

  it("refuses a deployment that is not there", () => {
    assert.throws(() => readDeployment(join(folder, "none.json")), IndexerSettingsError);
  });

  for (const [setting, environment] of [
    ["RPC_URL", { LOCKSTEP_DEPLOYMENT: path }],
    ["RPC_URL", { LOCKSTEP_DEPLOYMENT: path, RPC_URL: "127.0.0.1:8545" }],
    ["LOCKSTEP_DEPLOYMENT", { RPC_URL: "http://127.0.0.1:1" }],
    ["LOCKSTEP_DEPLOYMENT", { RPC_URL: "http://127.0.0.1:1", LOCKSTEP_DEPLOYMENT: "" }],
    ["DATABASE_URL", { RPC_URL: "http://127.0.0.1:1", LOCKSTEP_DEPLOYMENT: path, DATABASE_URL: "mysql://a" }],
  ] as const) {
    it(`refuses ${setting} in ${JSON.stringify(environment)}`, () => {
      assert.throws(
        () => readSettings(environment),
        (error) => error instanceof IndexerSettingsError && error.values.setting === setting,
      );
    });
  }

  it("refuses an endpoint that does not answer", async () => {
    const settings = readSettings({ RPC_URL: "http://127.0.0.1:1", LOCKSTEP_DEPLOYMENT: write(valid) });
    await assert.rejects(chooseDatabase(settings, folder, []), IndexerSettingsError);
  });
});
