import assert from "node:assert/strict";
import { test } from "node:test";
import { ether, short, table, wordHex, wordValue } from "./format.ts";

test("a table's columns are as wide as their widest cell, without spaces at line ends", () => {
  assert.equal(
    table(
      ["a", "long title"],
      [
        ["wide cell", "x"],
        ["", "y"],
      ],
    ),
    "a          long title\n---------  ----------\nwide cell  x\n           y",
  );
  assert.equal(table(["a"], []), "a\n-");
});

test("words are shown in hexadecimal with all their digits", () => {
  assert.equal(wordHex(0), "0x00000000");
  assert.equal(wordHex(-1), "0xffffffff");
  assert.equal(wordHex(0x80000000), "0x80000000");
});

test("a float is shown in the fewest digits that name it", () => {
  const values: [number, string][] = [
    [0x00000000, "0"],
    [0x80000000, "-0"],
    [0x3dcccccd, "0.1"],
    [0x3f800001, "1.0000001"],
    [0x00000001, "1e-45"],
    [0x7f7fffff, "3.4028235e+38"],
    [0x7f800000, "Infinity"],
    [0xff800000, "-Infinity"],
    [0x7fc00000, "NaN"],
  ];
  for (const [word, text] of values) assert.equal(wordValue(word, "f32"), text);
  for (const [word, text] of values.slice(2, 6)) {
    assert.equal(new Uint32Array(Float32Array.of(Number(text)).buffer)[0], word, "the digits name the word");
  }
});

test("integers are signed and truth values are words", () => {
  assert.equal(wordValue(0xffffffff, "i32"), "-1");
  assert.equal(wordValue(0x7fffffff, "i32"), "2147483647");
  assert.equal(wordValue(0xffffffff, "bool"), "true");
  assert.equal(wordValue(0, "bool"), "false");
});

test("amounts and hashes", () => {
  assert.equal(ether(1_500_000_000_000_000_000n), "1.5 ETH");
  assert.equal(ether("1"), "0.000000000000000001 ETH");
  assert.equal(short("0x1234567890abcdef"), "0x12345678…");
  assert.equal(short("-"), "-");
});
