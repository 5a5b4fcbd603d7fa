import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

test("logs go to stderr, with what errors say and without what must stay secret", () => {
  const code = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, "main.ts"))};
    import { LockstepError } from ${JSON.stringify(join(import.meta.dirname, "../float/errors.ts"))};
    const log = createLogger("info");
    log.debug("not at this level");
    log.warn({ error: new LockstepError("ExampleError", "what is wrong", { amountWei: 5n }) }, "typed");
    log.warn({ error: new TypeError("another") }, "plain");
    log.warn({ error: "a text" }, "no error");
    log.info({ password: "hunter2", wallet: { privateKey: "0xkey" }, row: { raw: "0xsigned" } }, "secrets");
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "");
  const lines = stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ["typed", "plain", "no error", "secrets"],
  );
  const [typed, plain, text] = lines.map(({ error }) => error);
  assert.deepEqual(typed, { name: "ExampleError", message: "what is wrong", values: { amountWei: "5" } });
  assert.equal((plain as { message: string }).message, "another");
  assert.match((plain as { stack: string }).stack, /TypeError: another/);
  assert.equal(text, "a text");
  assert.doesNotMatch(stderr, /hunter2|0xkey|0xsigned/);
});
