import assert from "node:assert/strict";
import { test } from "node:test";
import { readLcov, tableOf } from "./coverage.ts";

const REPORT = `TN:
SF:contracts/Game.sol
DA:3,1
DA:4,0
DA:6,0
DA:9,2
DA:10,0
BRDA:4,0,0,-
end_of_record
TN:
SF:contracts/libraries/Clock.sol
DA:3,7
end_of_record
`;

test("reads which lines of a file ran, and joins missed lines with no other between them", () => {
  assert.deepEqual(readLcov(REPORT), [
    {
      file: "contracts/Game.sol",
      lines: 5,
      covered: 2,
      missed: [
        [4, 6],
        [10, 10],
      ],
    },
    { file: "contracts/libraries/Clock.sol", lines: 1, covered: 1, missed: [] },
  ]);
});

test("counts a line once, however many of its statements are reported", () => {
  const [file] = readLcov("SF:a.sol\nDA:3,0\nDA:3,2\nend_of_record\n");
  assert.deepEqual([file.lines, file.covered, file.missed], [1, 1, []]);
});

test("ends with the sum", () => {
  assert.deepEqual(tableOf(readLcov(REPORT)), [
    "contracts/Game.sol                  2/5   40.0%  4-6 10",
    "contracts/libraries/Clock.sol       1/1  100.0%",
    "all                                 3/6   50.0%",
  ]);
});
