// `lockstep up` stopped and started again in the same folder goes on where it was: the same chain, contracts and claims, and
// no second round of first tasks.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import { endProcess, freePort, temporaryFolder, until } from "@lockstep/node/chain/test-chain";

const LAUNCHER = resolve(import.meta.dirname, "../../node/bin/lockstep.js");

test("lockstep up goes on in its folder after a stop", { timeout: 400_000 }, async (t) => {
  const folder = temporaryFolder("up");
  t.after(() => folder.remove());
  const dir = join(folder.path, "network");
  const port = String(await freePort());
  const first = await stoppedAfterVerdicts(t, folder.path, dir, port);
  assert.ok(!existsSync(join(dir, "network.json")), "nobody is sent to a network that does not run");
  const second = await stoppedAfterVerdicts(t, folder.path, dir, port);
  const verdicts = (said: string) => said.match(/^(honest|dishonest) claim 0x[0-9a-f]{64}: (final|slashed)$/gm);
  assert.equal(verdicts(first)?.length, 2);
  assert.deepEqual(verdicts(second), verdicts(first));
  const accounts = (said: string) => said.match(/^(requester|honest|cheat|verifier) +\w+ 0x[0-9a-fA-F]{40}$/gm);
  assert.equal(accounts(first)?.length, 4);
  assert.deepEqual(accounts(second), accounts(first));
});

// Runs until both verdicts are printed, asks it to stop, and returns what it said.
async function stoppedAfterVerdicts(t: TestContext, cwd: string, dir: string, port: string): Promise<string> {
  const words = ["up", "--dir", dir, "--port", port, "--log-level", "warn"];
  const child: ChildProcess = spawn(process.execPath, [LAUNCHER, ...words], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => endProcess(child, 30_000));
  let said = "";
  for (const from of [child.stdout, child.stderr])
    from?.setEncoding("utf8").on("data", (text: string) => (said += text));
  await until(
    "both verdicts",
    () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${said}`);
      return said.includes("Running until it is stopped");
    },
    170_000,
  );
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null], said);
  return said;
}
