// The deployment script on a fresh anvil: it deploys once, changes nothing the second time, deploys anew when the chain lost
// the contracts, and refuses files and options that make no sense. Skipped where anvil has no binary.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { createPublicClient, http } from "viem";
import { claimRegistryAbi } from "@lockstep/node/abi";
import { readDeployment } from "@lockstep/node/chain/deployment";

const ROOT = join(import.meta.dirname, "..");
const ANVIL = join(ROOT, "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil");
// The first account of every development chain; it holds nothing anywhere else.
const DEPLOYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

describe("deploy", { skip: !existsSync(ANVIL) }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-deploy-test-"));
  const out = join(folder, "deployed", "chain.json");
  let anvil: ChildProcess;
  let rpcUrl: string;

  before(async () => {
    ({ anvil, rpcUrl } = await startChain("osaka", "--enable-tx-gas-limit"));
  });
  after(() => {
    anvil.kill();
    rmSync(folder, { recursive: true });
  });

  function deploy(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return deployTo(rpcUrl, ...args);
  }

  function deployTo(url: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, RPC_URL: url, DEPLOYER_KEY };
    return spawnSync(process.execPath, [join(ROOT, "scripts", "deploy.ts"), ...args], { env, encoding: "utf8" });
  }

  it("refuses unknown options with 2", () => {
    const { status, stderr } = deploy("--nowhere", "x");
    assert.equal(status, 2);
    assert.match(stderr, /--nowhere/);
    const rules = deploy("--rules", "shanghai");
    assert.equal(rules.status, 2);
    assert.match(rules.stderr, /osaka, prague, not shanghai/);
  });

  it("refuses a chain that runs neither build of the contracts, or not the one asked for", async () => {
    for (const [hardfork, args, error] of [
      ["shanghai", [], /RulesUnsupportedError: Chain 31337 has neither/],
      ["prague", ["--rules", "osaka"], /RulesNotThereError: Chain 31337 runs the prague build/],
    ] as const) {
      const older = await startChain(hardfork);
      try {
        const { status, stderr } = deployTo(older.rpcUrl, "--out", out, ...args);
        assert.equal(status, 1);
        assert.match(stderr, error);
      } finally {
        older.anvil.kill();
      }
    }
  });

  it("refuses a parameters file that is not there", () => {
    const { status, stderr } = deploy("--out", out, "--parameters", join(folder, "none.json"));
    assert.equal(status, 1);
    assert.match(stderr, /ParametersMissingError/);
  });

  it("refuses a file that is malformed or of another chain", () => {
    const bad = join(folder, "bad.json");
    writeFileSync(bad, "{}");
    const malformed = deploy("--out", bad);
    assert.equal(malformed.status, 1);
    assert.match(malformed.stderr, /DeploymentError/);
    const address = `0x${"11".repeat(20)}`;
    const names = "Token ProgramRegistry ClaimRegistry DisputeGame TaskMarket Referee StructureReferee".split(" ");
    const contracts = Object.fromEntries(names.map((name) => [name, address]));
    writeFileSync(bad, JSON.stringify({ chainId: 1, startBlock: 0, contracts }));
    const other = deploy("--out", bad);
    assert.equal(other.status, 1);
    assert.match(other.stderr, /OtherChainError: .* chain 1,.* chain 31337/);
  });

  it("deploys once, with a local chain's short times", async () => {
    const first = deploy("--out", out);
    assert.equal(first.status, 0, first.stderr);
    const deployment = readDeployment(out);
    assert.deepEqual(JSON.parse(first.stdout), deployment);
    assert.deepEqual(JSON.parse(readFileSync(out, "utf8")), deployment);
    const client = createPublicClient({ transport: http(rpcUrl) });
    const registry = { address: deployment.contracts.ClaimRegistry, abi: claimRegistryAbi };
    assert.equal(await client.readContract({ ...registry, functionName: "windowSeconds" }), 20n);
    const game = await client.readContract({ ...registry, functionName: "disputeGame" });
    assert.equal(game.toLowerCase(), deployment.contracts.DisputeGame.toLowerCase());

    const block = await client.getBlockNumber({ cacheTime: 0 });
    const second = deploy("--out", out);
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(JSON.parse(second.stdout), deployment);
    assert.equal(await client.getBlockNumber({ cacheTime: 0 }), block);
  });

  it("deploys anew when the chain does not have the contracts", () => {
    const deployment = readDeployment(out);
    const gone = `0x${"22".repeat(20)}` as const;
    writeFileSync(out, JSON.stringify({ ...deployment, contracts: { ...deployment.contracts, Referee: gone } }));
    const parameters = join(folder, "parameters.json");
    writeFileSync(parameters, JSON.stringify({ Lockstep: { windowSeconds: "77n" } }));
    const { status, stderr } = deploy("--out", out, "--parameters", parameters);
    assert.equal(status, 0, stderr);
    assert.notEqual(readDeployment(out).contracts.Referee, gone);
  });
});

async function startChain(hardfork: string, ...args: string[]): Promise<{ anvil: ChildProcess; rpcUrl: string }> {
  const port = await freePort();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const anvil = spawn(ANVIL, ["--hardfork", hardfork, "--quiet", "--port", String(port), ...args]);
  await answers(rpcUrl);
  return { anvil, rpcUrl };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

async function answers(rpcUrl: string): Promise<void> {
  const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) });
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await client.getChainId();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
