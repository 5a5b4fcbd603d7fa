// The command that everybody tries first: `lockstep up --once --json` starts a whole network with real processes and
// answers with one object, in which an honest claim is final and the lie asked for was found, to the bit.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { upResult } from "@lockstep/node/cli/commands/up";
import { endProcess, temporaryFolder } from "@lockstep/node/chain/test-chain";

const LAUNCHER = resolve(import.meta.dirname, "../../node/bin/lockstep.js");

test("lockstep up --once finds the lie it was given", { timeout: 240_000 }, async (t) => {
  const folder = temporaryFolder("up");
  const words = ["up", "--once", "--json", "--lie", "0:5:0x00400000"];
  const child = spawn(process.execPath, [LAUNCHER, ...words], {
    cwd: folder.path,
    // Its own temporary folder is made under this one, so that what it leaves can be seen.
    env: { ...process.env, TMPDIR: folder.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(async () => {
    await endProcess(child, 30_000);
    folder.remove();
  });
  const output = { stdout: "", stderr: "" };
  for (const key of ["stdout", "stderr"] as const) {
    child[key].setEncoding("utf8").on("data", (text: string) => (output[key] += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, output.stderr);
  assert.equal(output.stdout.trimEnd().split("\n").length, 1, "one line on stdout");
  const { chain, honest, dishonest, leaderboard } = upResult.parse(JSON.parse(output.stdout));

  assert.equal(chain.id, 31_337);
  assert.deepEqual([honest.status, dishonest.status], ["final", "slashed"]);
  assert.equal(new Set(honest.txs).size, 3, "committed, revealed, finalised");
  const { lie, moves, rounds, gas } = dishonest;
  assert.deepEqual([lie.step, lie.primitive, lie.operator, lie.element], [0, 0, "Relu", 5]);
  assert.equal((Number(lie.claimed.hex) ^ Number(lie.computed.hex)) >>> 0, 0x0040_0000);
  assert.equal(moves[0]?.kind, "challenge");
  assert.equal(moves.at(-1)?.kind, "prove");
  assert.equal(moves.filter(({ kind }) => ["open", "openStep", "openChunk"].includes(kind)).length, rounds);
  assert.equal(moves.reduce((sum, move) => sum + BigInt(move.gas), 0n).toString(), gas);
  assert.deepEqual(
    leaderboard.map(({ rank, finalClaims, slashed }) => [rank, finalClaims, slashed]),
    [
      [1, 1, 0],
      [2, 0, 1],
    ],
  );
  await assert.rejects(fetch(chain.rpc, { method: "POST" }), "the chain is stopped");
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith("lockstep-") && existsSync(join(folder.path, name))),
    [],
    "nothing is left behind",
  );
});
