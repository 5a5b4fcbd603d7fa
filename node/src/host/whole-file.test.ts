import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createWholeFile } from "./whole-file.ts";

describe("whole files", () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-whole-"));
  after(() => rmSync(folder, { recursive: true }));

  it("are made with their folder, readable by their owner alone, and leave nothing beside them", () => {
    const path = join(folder, "deep", "key");
    assert.equal(createWholeFile(path, Uint8Array.of(1, 2, 3)), true);
    assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(folder, "deep")), ["key"]);
  });

  it("are never replaced", () => {
    const path = join(folder, "password");
    assert.equal(createWholeFile(path, "first"), true);
    assert.equal(createWholeFile(path, "second"), false);
    assert.equal(readFileSync(path, "utf8"), "first");
  });

  it("are refused where no folder can be", () => {
    writeFileSync(join(folder, "file"), "");
    assert.throws(() => createWholeFile(join(folder, "file", "key"), ""), { code: "EEXIST" });
    assert.deepEqual(readdirSync(folder).sort(), ["deep", "file", "password"]);
  });
});
