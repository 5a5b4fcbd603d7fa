// The deployment on a chain without CLZ: it takes the build without the opcode by itself, and the contracts that stand there
// hold no CLZ. Compiles every contract once more, hence not among the short tests. Skipped where anvil has no binary.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { it } from "node:test";

import { createPublicClient, hexToBytes, http } from "viem";
import { readDeployment } from "@lockstep/node/chain/deployment";

const ROOT = join(import.meta.dirname, "..", "..");
const ANVIL = join(ROOT, "node_modules", "@foundry-rs", "anvil-linux-amd64", "bin", "anvil");
// The first account of every development chain; it holds nothing anywhere else.
const DEPLOYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const CLZ = 0x1e;

/** Opcodes of runtime code up to the metadata, which starts after the last INVALID. */
function opcodesOf(code: Uint8Array): Set<number> {
  const metadata = (code[code.length - 2] << 8) | code[code.length - 1];
  const found = new Set<number>();
  for (let at = 0; at < code.length - metadata - 2; at++) {
    found.add(code[at]);
    if (code[at] >= 0x60 && code[at] <= 0x7f) at += code[at] - 0x5f;
  }
  return found;
}

it("a chain without CLZ gets the contracts without it", { skip: !existsSync(ANVIL) }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-prague-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const anvil = spawn(ANVIL, ["--hardfork", "prague", "--quiet", "--port", String(port)]);
  try {
    const client = createPublicClient({ transport: http(url) });
    for (let tries = 0; tries < 200; tries++) {
      if (await client.getChainId().catch(() => false)) break;
      await sleep(50);
    }
    const out = join(folder, "chain.json");
    const env = { ...process.env, RPC_URL: url, DEPLOYER_KEY };
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts/deploy.ts"), "--out", out], {
      env,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Rules: prague/);
    for (const [name, address] of Object.entries(readDeployment(out).contracts)) {
      const code = await client.getCode({ address });
      assert.ok(code !== undefined, name);
      assert.ok(!opcodesOf(hexToBytes(code)).has(CLZ), name);
    }
  } finally {
    anvil.kill();
    rmSync(folder, { recursive: true });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
