import assert from "node:assert/strict";
import { test } from "node:test";
import { completeLock } from "./complete-lock.ts";

test("adds an entry for each platform package the lock lacks", () => {
  const { lock, report } = completeLock({
    packages: {
      "": {},
      "node_modules/tool": {
        dev: true,
        optionalDependencies: {
          "@tool/darwin-arm64": "1.2.3",
          "@tool/linux-arm64-musl": "^1.2.3",
          "@tool/linux-x64": "1.2.3",
        },
      },
      "node_modules/@tool/linux-x64": { version: "1.2.3" },
    },
  });
  assert.deepEqual(report, { added: ["@tool/darwin-arm64", "@tool/linux-arm64-musl"], freed: [], problems: [] });
  assert.deepEqual(lock.packages["node_modules/@tool/darwin-arm64"], {
    version: "1.2.3",
    cpu: ["arm64"],
    dev: true,
    optional: true,
    os: ["darwin"],
  });
  assert.deepEqual(lock.packages["node_modules/@tool/linux-arm64-musl"]?.libc, ["musl"]);
});

test("finds a platform package nested in the one that asks for it", () => {
  const { report } = completeLock({
    packages: {
      "node_modules/a/node_modules/tool": { optionalDependencies: { "tool-win32-x64": "1.0.0" } },
      "node_modules/a/node_modules/tool-win32-x64": { version: "1.0.0" },
    },
  });
  assert.deepEqual(report.added, []);
});

test("takes the engines out of optional platform packages only", () => {
  const engines = { node: ">= 22" };
  const { lock, report } = completeLock({
    packages: {
      "node_modules/a-linux-x64": { version: "1.0.0", optional: true, os: ["linux"], engines },
      "node_modules/b": { version: "1.0.0", optional: true, engines },
      "node_modules/c": { version: "1.0.0", os: ["linux"], engines },
    },
  });
  assert.deepEqual(report.freed, ["a-linux-x64"]);
  assert.deepEqual(lock.packages["node_modules/a-linux-x64"], { version: "1.0.0", optional: true, os: ["linux"] });
  assert.deepEqual(lock.packages["node_modules/b"]?.engines, engines);
  assert.deepEqual(lock.packages["node_modules/c"]?.engines, engines);
});

test("completing twice changes nothing more", () => {
  const once = completeLock({
    packages: { "": { optionalDependencies: { "x-darwin-x64": "1.0.0" } }, b: {}, a: {} },
  });
  assert.deepEqual(Object.keys(once.lock.packages), ["", "a", "b", "node_modules/x-darwin-x64"]);
  const twice = completeLock(once.lock);
  assert.deepEqual(twice.lock, once.lock);
  assert.deepEqual(twice.report, { added: [], freed: [], problems: [] });
});

test("names what it cannot complete", () => {
  const { lock, report } = completeLock({
    packages: { "": { optionalDependencies: { "x-linux-x64": "1.0.0", "x-darwin-x64": "1 || 2" } } },
  });
  assert.deepEqual(report.problems, [
    "x-linux-x64@1.0.0: needed on linux-x64 but not in the lock",
    "x-darwin-x64@1 || 2: not one version, so no entry can name it",
  ]);
  assert.deepEqual(Object.keys(lock.packages), [""]);
});
