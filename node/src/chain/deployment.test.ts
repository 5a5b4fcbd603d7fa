import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createPublicClient, custom, type Hex } from "viem";
import { DeploymentError, readDeployment, type Deployment } from "./deployment.ts";
import { checkDeployment, ContractMissingError, WrongChainError } from "./protocol.ts";
import { COUNTER, startTestChain, temporaryFolder, type TestChain } from "./test-chain.ts";

const NAMES = [
  "Token",
  "ProgramRegistry",
  "ClaimRegistry",
  "DisputeGame",
  "TaskMarket",
  "Referee",
  "StructureReferee",
] as const;
const ADDRESS = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const contracts = Object.fromEntries(NAMES.map((name) => [name, ADDRESS]));
const valid = { chainId: 31_337, startBlock: 0, contracts };

describe("deployment file", () => {
  const folder = temporaryFolder("deployment");
  after(() => folder.remove());

  const read = (content: unknown) => {
    const path = join(folder.path, "31337.json");
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return readDeployment(path);
  };

  it("is read, with any extra contract left out", () => {
    assert.deepEqual(read({ ...valid, contracts: { ...contracts, Other: "0x" } }), valid);
  });

  const malformed: [string, unknown, RegExp][] = [
    ["no JSON", "{", /not JSON/],
    ["no object", "[]", /expected object/],
    ["another type of chain id", { ...valid, chainId: "31337" }, /chainId/],
    ["no start block", { ...valid, startBlock: undefined }, /startBlock/],
    ["a negative start block", { ...valid, startBlock: -1 }, /startBlock/],
    ["a contract left out", { ...valid, contracts: { ...contracts, DisputeGame: undefined } }, /DisputeGame/],
    ["a cut address", { ...valid, contracts: { ...contracts, Token: "0x5fbd" } }, /not an address/],
  ];
  for (const [what, content, rule] of malformed) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => read(content),
        (error: unknown) => {
          assert.ok(error instanceof DeploymentError);
          assert.match(String(error.values["rule"]), rule);
          return true;
        },
      );
    });
  }

  it("is refused when it is not there", () => {
    assert.throws(() => readDeployment(join(folder.path, "none.json")), DeploymentError);
  });
});

describe("deployment on a chain", () => {
  let chain: TestChain;
  let there: Hex;

  before(async () => {
    chain = await startTestChain();
    there = await chain.create(COUNTER);
  });
  after(() => chain.stop());

  const deployed = (missing: Partial<Deployment["contracts"]> = {}): Deployment => {
    const all = Object.fromEntries(NAMES.map((name) => [name, there])) as Deployment["contracts"];
    return { ...valid, contracts: { ...all, ...missing } };
  };

  it("is accepted with code at every address", async () => {
    await checkDeployment(chain.client, deployed());
  });

  it("is refused on another chain", async () => {
    const client = createPublicClient({ transport: custom({ request: () => Promise.resolve("0x1") }) });
    await assert.rejects(checkDeployment(client, deployed()), (error: unknown) => {
      assert.ok(error instanceof WrongChainError);
      assert.deepEqual(error.values, { expected: 31_337, found: 1 });
      return true;
    });
  });

  it("is refused with an address that has no code", async () => {
    const missing = deployed({ TaskMarket: `0x${"12".repeat(20)}` });
    await assert.rejects(checkDeployment(chain.client, missing), (error: unknown) => {
      assert.ok(error instanceof ContractMissingError);
      assert.equal(error.values["contract"], "TaskMarket");
      return true;
    });
  });
});
