import assert from "node:assert/strict";
import { test } from "node:test";
import { applyMutant, mutantsOf, shuffled } from "./mutants.ts";

const bodyOf = (body: string) => `// A comment: 1 + 2\npragma solidity 0.8.37;\n\nlibrary L {\n${body}\n}\n`;
const changesOf = (body: string) =>
  mutantsOf(bodyOf(body)).map(({ operator, original, replacement }) => [operator, original, replacement]);

test("changes operators on both sides of a boundary", () => {
  assert.deepEqual(changesOf("        return a <= b + c;"), [
    ["operator", "<=", "<"],
    ["operator", "<=", ">"],
    ["operator", "+", "-"],
  ]);
});

test("changes literals by one, hexadecimal ones in their width, but no addresses", () => {
  assert.deepEqual(changesOf("    uint256 private constant A = 0x00ff;"), [
    ["literal", "0x00ff", "0x00fe"],
    ["literal", "0x00ff", "0x0100"],
  ]);
  assert.deepEqual(changesOf("    address private constant A = 0x000000000000000000000000000000000000dEaD;"), []);
});

test("removes guards, calls, assignments and events, but no declarations", () => {
  const removed = (body: string) => changesOf(body).filter(([operator]) => operator === "removal");
  assert.deepEqual(removed("        if (a > b) revert Late(a, b);"), [
    ["removal", "if (a > b) revert Late(a, b);", ""],
  ]);
  assert.deepEqual(removed("        emit Moved(a);"), [["removal", "emit Moved(a);", ""]]);
  assert.deepEqual(removed("        total += a;"), [["removal", "total += a;", ""]]);
  assert.deepEqual(removed("        _check(\n            a\n        );"), [
    ["removal", "_check(\n            a\n        );", ""],
  ]);
  assert.deepEqual(removed("        uint256 total = a;\n        Head memory head = f(a);"), []);
});

test("negates conditions and swaps arguments", () => {
  assert.deepEqual(changesOf("        if (f(a, b)) {"), [
    ["negation", "(f(a, b))", "(!(f(a, b)))"],
    ["arguments", "f(a, b", "f(b, a"],
  ]);
});

test("changes assembly by its own functions", () => {
  const body =
    '        assembly ("memory-safe") {\n            if lt(a, b) {\n                a := sub(b, f(c))\n            }\n        }';
  assert.deepEqual(changesOf(body), [
    ["negation", "if lt(a, b) {", "if iszero(lt(a, b)) {"],
    ["function", "lt", "gt"],
    ["removal", "a := sub(b, f(c))", ""],
    ["function", "sub", "add"],
    ["arguments", "sub(b, f(c))", "sub(f(c), b)"],
  ]);
});

test("leaves comments, strings, errors and what stands before the contract alone", () => {
  assert.deepEqual(
    changesOf('    error Late(uint256 a);\n    /// 1 + 2\n    /* 3 > 4 */\n    string private constant A = "5 + 6";'),
    [],
  );
});

test("a mutant is the source with one range replaced", () => {
  const source = bodyOf("        return a + b;");
  assert.equal(applyMutant(source, mutantsOf(source)[0]), source.replace("a + b", "a - b"));
});

test("the same seed draws the same order, another another, all of the same mutants", () => {
  const all = mutantsOf(bodyOf("        return a + b * c << d & e | 7;"));
  assert.deepEqual(shuffled(all, 1), shuffled(all, 1));
  assert.notDeepEqual(shuffled(all, 1), shuffled(all, 2));
  assert.deepEqual(new Set(shuffled(all, 2)), new Set(all));
});
