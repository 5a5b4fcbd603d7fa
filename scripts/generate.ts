// Writes the committed generated files, or with --check compares them with what would be written and fails on the first
// difference, missing or stale file. The list of generators is here; each names the files it owns.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { abiGenerator } from "./generators/abi.ts";
import { calibrationGenerator } from "./generators/calibration.ts";
import type { Generator } from "./generators/generator.ts";
import { harnessGenerator } from "./generators/harness.ts";
import { onnxGenerator } from "./generators/onnx.ts";
import { operatorsGenerator } from "./generators/operators.ts";
import { opcodesGenerator } from "./generators/opcodes.ts";
import { schemaGenerator } from "./generators/schema.ts";
import { specFunctionsGenerator } from "./generators/spec-functions.ts";
import { vectorsGenerator } from "./generators/vectors.ts";

const GENERATORS: Generator[] = [
  onnxGenerator,
  schemaGenerator,
  opcodesGenerator,
  calibrationGenerator,
  specFunctionsGenerator,
  operatorsGenerator,
  vectorsGenerator,
  abiGenerator,
  harnessGenerator,
];

/** What differs between the folder `root` and a generator's outputs. */
export interface Difference {
  path: string;
  kind: "missing" | "changed" | "stale";
}

/** Runs one generator and returns how the files under `root` differ; `write` makes them equal. */
export async function runGenerator(generator: Generator, root: string, write: boolean): Promise<Difference[]> {
  const differences: Difference[] = [];
  const outputs = await generator.outputs();
  const owned = new Set(generator.owns.flatMap((pattern) => globSync(pattern, { cwd: root })).map(toSlashes));
  for (const { path, content } of outputs) {
    owned.delete(path);
    const file = join(root, path);
    const present = existsSync(file);
    if (present && readFileSync(file, "utf8") === content) continue;
    differences.push({ path, kind: present ? "changed" : "missing" });
    if (!write) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  for (const path of [...owned].sort()) {
    differences.push({ path, kind: "stale" });
    if (write) rmSync(join(root, path));
  }
  return differences;
}

function toSlashes(path: string): string {
  return path.split(sep).join("/");
}

if (import.meta.main) {
  const checking = process.argv.includes("--check");
  let count = 0;
  for (const stage of ["before-build", "after-build"] as const) {
    if (stage === "after-build") {
      const build = spawnSync("hardhat", ["build"], { stdio: ["ignore", checking ? "ignore" : "inherit", "inherit"] });
      if (build.status !== 0) throw new Error(`hardhat build ended with ${build.status ?? build.error?.message}`);
    }
    for (const generator of GENERATORS.filter((one) => one.stage === stage)) {
      for (const { path, kind } of await runGenerator(generator, ".", !checking)) {
        count += 1;
        console.log(`${generator.name}: ${path} ${checking ? `is ${kind}` : `was ${kind}`}`);
      }
    }
  }
  if (checking && count > 0) {
    console.error(`${count} generated files differ; run npm run generate`);
    process.exitCode = 1;
  }
}
