import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { lockHome } from "./home-lock.ts";

describe("the lock of a home", () => {
  const home = mkdtempSync(join(tmpdir(), "lockstep-lock-"));
  after(() => rmSync(home, { recursive: true }));

  it("is held by one at a time", () => {
    const release = lockHome(home);
    assert.throws(() => lockHome(home), { name: "HomeInUseError", values: { home } });
    release();
    lockHome(home)();
  });

  it("is free again when its holder was killed", async () => {
    const script = `import { lockHome } from "${new URL("./home-lock.ts", import.meta.url).href}";
      lockHome(process.argv[1]); console.log("held"); setInterval(() => undefined, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script, home]);
    await once(holder.stdout, "data");
    assert.throws(() => lockHome(home), { name: "HomeInUseError" });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    lockHome(home)();
  });
});
