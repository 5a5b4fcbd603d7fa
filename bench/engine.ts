// Kernels and networks on every tier of the engine beside onnxruntime on the same threads, from the same files. A row is
// kernel/tier/threads; its ratio is above 1 where Lockstep is faster. Fails where outputs differ from onnxruntime's by more
// than TOLERANCE, or in any bit between tiers and threads.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeModel } from "@lockstep/node/models";
import type { Result, Task } from "./engine-child.ts";
import type { MemoryTask } from "./memory-child.ts";
import { MODELS } from "./models.ts";
import { BenchError, type Row } from "./rows.ts";
import { THREADS, TIERS, type Tier } from "./tiers.ts";

/** Other runtimes sum in other orders. */
const TOLERANCE = 1e-3;

export interface EngineOptions {
  /** Only rows whose names contain this. */
  readonly only: string;
  /** How long a row is measured, in ms. */
  readonly budgetMs: number;
}

/** Measures; rows of tiers that this host lacks are absent, and named on stderr. */
export async function engine(options: EngineOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-bench-"));
  try {
    const rows: Row[] = [];
    for (const model of MODELS) {
      const [wanted, memory] = [wantedRows(model, options), wantsMemory(model, options)];
      if (wanted.length === 0 && !memory) continue;
      const { model: path } = writeModel(model.build(), join(folder, model.name));
      rows.push(...(await speedRows(model, path, wanted, options)));
      if (memory) rows.push(...(await memoryRow(model, path)));
      rmSync(join(folder, model.name), { recursive: true });
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Model = (typeof MODELS)[number];

/** The rows of a tier that are wanted. */
interface Wanted {
  readonly tier: Tier;
  readonly threads: readonly number[];
}

function wantedRows({ name }: Model, { only }: EngineOptions): Wanted[] {
  return TIERS.map((tier) => {
    return { tier, threads: THREADS.filter((count) => rowName(name, tier, count).includes(only)) };
  }).filter(({ threads }) => threads.length > 0);
}

async function speedRows(
  model: Model,
  path: string,
  wanted: readonly Wanted[],
  { budgetMs }: EngineOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  const roots = new Set<string>();
  for (const { tier, threads } of wanted) {
    const task: Task = { name: model.name, path, tier, threads, budgetMs };
    const results = await inChild<Result[]>("engine-child.ts", task);
    for (const count of threads) {
      const name = rowName(model.name, tier, count);
      const result = results.find((candidate) => candidate.threads === count);
      if (result === undefined) {
        console.error(`${name}: not on this host`);
        continue;
      }
      if (!(result.difference <= TOLERANCE)) {
        throw new BenchError(
          `${name}: an output differs from onnxruntime's by ${result.difference} of its largest value`,
        );
      }
      roots.add(result.root);
      if (roots.size > 1) throw new BenchError(`${name}: other bits than on the tiers and threads before`);
      rows.push(speedRow(name, result, model.kind === "decoder" ? null : model.operations));
    }
  }
  return rows;
}

const memoryName = (model: string): string => `memory-${model}/wasm/1t`;

function wantsMemory({ name, kind }: Model, { only }: EngineOptions): boolean {
  return kind !== "kernel" && memoryName(name).includes(only);
}

// The most memory that a process took that did nothing else.
async function memoryRow({ name }: Model, path: string): Promise<Row[]> {
  const bytesOf = (runtime: MemoryTask["runtime"]): Promise<number | null> =>
    inChild("memory-child.ts", { name, path, runtime, threads: 1 } satisfies MemoryTask);
  const [own, reference] = [await bytesOf("wasm"), await bytesOf("onnxruntime")];
  if (own === null || reference === null) {
    console.error(`${memoryName(name)}: not on this host`);
    return [];
  }
  const [value, baseline] = [own / 2 ** 20, reference / 2 ** 20];
  return [{ name: memoryName(name), value, unit: "MiB", baseline, ratio: baseline / value }];
}

const rowName = (model: string, tier: string, threads: number): string => `${model}/${tier}/${threads}t`;

function speedRow(name: string, { ms, referenceMs }: Result, operations: number | null): Row {
  const ratio = referenceMs / ms;
  if (operations === null) return { name, value: ms, unit: "ms", baseline: referenceMs, ratio };
  const rate = (time: number): number => operations / time / 1e6;
  return { name, value: rate(ms), unit: "GFLOP/s", baseline: rate(referenceMs), ratio };
}

/** What a script of this folder prints as JSON, given an argument. Throws BenchError where it fails. */
export async function inChild<T>(script: string, argument: object): Promise<T> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), JSON.stringify(argument)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve(code ?? String(signal)));
  });
  if (status !== 0) throw new BenchError(`${script} ended with ${status}`);
  return JSON.parse(output) as T;
}
