// The rewriting of sources for chains without CLZ: what it replaces, what it leaves alone, and what it refuses.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { ClzUnreplaceableError, deriveSources, withoutClz } from "./without-clz.ts";

const ROOT = join(import.meta.dirname, "..");
const DOT_PRODUCT = join(ROOT, "contracts/libraries/DotProduct.sol");

const bodyOf = (block: string): string =>
  `contract A { function f() internal { assembly ("memory-safe") {${block}} } }`;

describe("withoutClz", () => {
  it("leaves a source without the builtin as it is", () => {
    const source = "// CLZ, clz() and assembly { } in words\n".replace("clz()", "its kin") + bodyOf("let x := 1");
    assert.equal(withoutClz(source), source);
  });

  it("takes comments about the builtin for no use of it", () => {
    const source = `/** The clz of\n * a word. */ ${bodyOf("let x := 1")} // see without-clz.ts`;
    assert.equal(withoutClz(source), source);
  });

  it("gives every block that calls the builtin one function, and keeps the lines", () => {
    const source = `${bodyOf("\n if x { y := clz(x) }\n z := clz(clz(y))\n")}\n${bodyOf(" x := 1 ")}`;
    const rewritten = withoutClz(source);
    assert.equal(rewritten.match(/function leadingZeros\(/g)?.length, 1);
    assert.equal(rewritten.match(/leadingZeros\(/g)?.length, 4);
    assert.doesNotMatch(rewritten, /\bclz\b/);
    assert.equal(rewritten.split("\n").length, source.split("\n").length);
    assert.ok(rewritten.endsWith(bodyOf(" x := 1 ")));
  });

  it("rewrites every call of the dot product and nothing else", () => {
    const source = readFileSync(DOT_PRODUCT, "utf8");
    const rewritten = withoutClz(source);
    const calls = source.match(/\bclz\(/g)?.length ?? 0;
    assert.ok(calls > 8);
    const back = rewritten.replaceAll(/ function leadingZeros\(clzOf\)[^\n]*?\{.*? \}(?=\n)/g, "");
    assert.equal(back.replaceAll("leadingZeros(", "clz("), source);
  });

  it("refuses what it cannot replace", () => {
    for (const [source, rule] of [
      ["contract A { function clz() external {} }", /outside assembly/],
      [`${bodyOf("x := 1")} uint256 constant clz = 1;`, /outside assembly/],
      [bodyOf("let clz := 1"), /not called/],
      [bodyOf("// clz is cheap\n"), /not called/],
      ['assembly ("memory-safe") { x := clz(y)', /no end/],
      ["assembly { // }\n x := clz(y)", /no end/],
    ] as const) {
      assert.throws(
        () => withoutClz(source, "A.sol"),
        (error: unknown) =>
          error instanceof ClzUnreplaceableError && error.message.startsWith("A.sol") && rule.test(error.message),
        source,
      );
    }
  });
});

describe("deriveSources", () => {
  it("writes what differs, keeps what does not and removes what is stale", () => {
    const folder = mkdtempSync(join(tmpdir(), "lockstep-derive-"));
    try {
      const [from, to] = [join(folder, "contracts"), join(folder, "derived")];
      mkdirSync(join(from, "libraries"), { recursive: true });
      writeFileSync(join(from, "A.sol"), bodyOf(" x := clz(y) "));
      writeFileSync(join(from, "libraries", "B.sol"), "library B {}");
      deriveSources(from, to);
      assert.match(readFileSync(join(to, "A.sol"), "utf8"), /leadingZeros/);
      const written = statSync(join(to, "libraries", "B.sol")).mtimeMs;
      rmSync(join(from, "A.sol"));
      deriveSources(from, to);
      assert.ok(!existsSync(join(to, "A.sol")));

      assert.equal(statSync(join(to, "libraries", "B.sol")).mtimeMs, written);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
