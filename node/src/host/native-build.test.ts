// The script that builds the addon at an installation, in a folder of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

describe("the build of the addon", () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-build-"));
  after(() => rmSync(folder, { recursive: true }));
  copyFileSync(join(import.meta.dirname, "../../native/build.js"), join(folder, "build.js"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const built = join(folder, "build/lockstep.node");

  it("takes away what an earlier one built where it fails, and is no failure of the installation", () => {
    mkdirSync(join(folder, "build"));
    writeFileSync(built, "of earlier sources");
    // No compiler can be found; where there are no headers beside this Node either, that comes first.
    const options = { env: { PATH: "", CXX: "" }, encoding: "utf8" } as const;
    const { status, stdout } = spawnSync(process.execPath, [join(folder, "build.js"), "--verbose"], options);
    assert.equal(status, 0);
    assert.match(stdout, /^no (C\+\+ compiler was|headers of Node were) found/);
    assert.equal(existsSync(built), false);
  });
});
