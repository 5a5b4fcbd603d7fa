// docs/attacks.md lists every named attack with the file of its test, and nothing else is listed: what the table promises is
// tested, and what is tested is explained.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const FILES = ["time", "identity", "leaf", "money", "claims"];
const INCIDENTS = 29;

describe("docs/attacks.md", () => {
  const page = readFileSync(new URL("../../../docs/attacks.md", import.meta.url), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => /^\| (\d+|[a-z]) +\|/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map((cells) => ({ name: cells[1], file: cells[cells.length - 2], cells: cells.slice(1, -1) }));
  const nameOf = (row: string): string => `${/\d/.test(row) ? "incident" : "attack"} ${row}`;
  const tests = new Map(
    FILES.map((file) => {
      const text = readFileSync(new URL(`./${file}.test.ts`, import.meta.url), "utf8");
      return [file, [...text.matchAll(/^\s*it\(\s*"((?:incident|attack) [^ ]+) \(/gm)].map((match) => match[1])];
    }),
  );

  it("has a row for each incident, with every cell filled in", () => {
    const numbered = rows.filter(({ name }) => /\d/.test(name)).map(({ name }) => Number(name));
    assert.deepEqual(
      numbered,
      Array.from({ length: INCIDENTS }, (_, i) => i + 1),
    );
    for (const { name, cells } of rows) {
      assert.equal(cells.length, /\d/.test(name) ? 5 : 4, name);
      assert.ok(
        cells.every((cell) => cell.length > 0),
        name,
      );
    }
  });

  it("names for each row the file of its one test, and no test is without a row", () => {
    for (const [file, names] of tests) {
      const listed = rows.filter((row) => row.file === file).map(({ name }) => nameOf(name));
      assert.deepEqual(names.toSorted(), listed.toSorted(), file);
    }
    assert.deepEqual(new Set(rows.map(({ file }) => file)), new Set(FILES));
  });
});
