import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLayers, importsOf, type Manifest } from "./check-layers.ts";

const manifests: Record<string, Manifest> = {
  "": { name: "root", exports: [], dependencies: ["@lockstep/node", "viem"] },
  node: { name: "@lockstep/node", exports: [".", "./abi", "./roles/*"], dependencies: ["viem"] },
  indexer: { name: "@lockstep/indexer", exports: [], dependencies: ["@lockstep/node"] },
};

function problemsOf(path: string, source: string): string[] {
  return checkLayers({ manifests, files: { [path]: source } });
}

const allowed: [path: string, source: string][] = [
  ["node/src/merkle/tree.ts", `import { a } from "./path.ts"; import { b } from "../float/words.ts";`],
  ["node/src/merkle/tree.test.ts", `import { test } from "node:test";`],
  ["node/src/chain/client.ts", `import { a } from "node:fs"; import { b } from "viem/chains";`],
  ["node/src/index.ts", `export * from "./cli/main.ts";`],
  ["indexer/src/api/index.ts", `import { a } from "@lockstep/node/abi"; import { db } from "ponder:api";`],
  ["scripts/deploy.ts", `import { a } from "@lockstep/node/roles/solver";`],
];
for (const [path, source] of allowed) {
  test(`allows ${path}: ${source}`, () => assert.deepEqual(problemsOf(path, source), []));
}

const refused: [path: string, source: string, problem: string][] = [
  [
    "node/src/float/a.ts",
    `import { x } from "../ir/x.ts";`,
    "layer float imports node/src/ir/x.ts of the later layer ir",
  ],
  [
    "node/src/merkle/a.ts",
    `import type { X } from "../cli/x.ts";`,
    "layer merkle imports node/src/cli/x.ts of the later layer cli",
  ],
  ["node/src/ir/a.ts", `import { x } from "../index.ts";`, "layer ir imports node/src/index.ts, above it"],
  [
    "node/src/ir/a.ts",
    `import { x } from "../misc/x.ts";`,
    "is or imports a folder that is in no layer: node/src/misc/x.ts",
  ],
  ["node/src/onnx/a.ts", `import { readFileSync } from "node:fs";`, "portable layer onnx imports node:fs"],
  ["node/src/onnx/a.ts", `const fs = await import("node:fs");`, "portable layer onnx imports node:fs"],
  ["node/src/chain/a.ts", `import { readFileSync } from "fs";`, "imports fs without node:"],
  ["node/src/chain/a.ts", `import "left-pad";`, "imports left-pad, which @lockstep/node does not depend on"],
  [
    "indexer/src/a.ts",
    `import { x } from "../../node/src/abi/x.ts";`,
    "imports node/src/abi/x.ts by path; import @lockstep/node by name",
  ],
  [
    "scripts/a.ts",
    `import { x } from "../node/src/abi/x.ts";`,
    "imports node/src/abi/x.ts by path; import @lockstep/node by name",
  ],
  [
    "indexer/src/a.ts",
    `import { x } from "@lockstep/node/chain";`,
    "imports @lockstep/node/chain, which @lockstep/node does not export",
  ],
  [
    "node/src/cli/a.ts",
    `import { x } from "@lockstep/node/abi";`,
    "imports its own package by name, @lockstep/node/abi",
  ],
];
for (const [path, source, problem] of refused) {
  test(`refuses ${path}: ${source}`, () => assert.deepEqual(problemsOf(path, source), [`${path}: ${problem}`]));
}

const importForms = [
  "import %;",
  "import fallback, { type Named, other as renamed } from %;",
  "import * as everything from %;",
  "import {\n  many,\n  lines,\n} from %;",
  "export * from %;",
  "export { x } from %;",
  "export type { T } from %;",
  "const later = () => import(%);",
  'const url = "https://example.org"; import %;',
];
for (const form of importForms) {
  test(`reads ${JSON.stringify(form)} once`, () => {
    for (const quoted of [`"it"`, `'it'`]) {
      const line = form.replace("%", quoted);
      assert.deepEqual(importsOf(`#!/usr/bin/env node\nconst a = 1;\n${line}\n${line}`), ["it"]);
    }
  });
}

test("reads no comment and no other string", () => {
  for (const form of importForms.slice(0, -1)) {
    const line = form.replace("%", `"it"`);
    assert.deepEqual(
      importsOf(`// ${line.replaceAll("\n", "\n// ")}\n/* ${line} */\nconst a = 1; // ${line.split("\n")[0]}`),
      [],
    );
  }
  assert.deepEqual(importsOf('export const from = "it";'), []);
});
