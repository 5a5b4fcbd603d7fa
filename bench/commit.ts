// What commitments cost: hashing alone, and runs with traces beside the same runs without. Of a trace row the value is the extra
// time as a part of the time without.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TraceMode } from "@lockstep/node/engine";
import { CHUNK_BYTES, CHUNK_JOB_WORDS, CHUNK_WORDS, HASH_BYTES, HASH_ROOM_BYTES } from "@lockstep/node/merkle";
import { bindHashJobs, hashModule, plainHasher } from "@lockstep/node/merkle";
import { writeModel } from "@lockstep/node/models";
import { executions, openGeneration } from "./generation.ts";
import { modelNamed } from "./models.ts";
import { BenchError, type Row } from "./rows.ts";
import { engineOf } from "./tiers.ts";
import { alternate, median } from "./timing.ts";
import { denseWords } from "./workloads.ts";

export interface CommitOptions {
  /** Only rows whose names contain this. */
  readonly only: string;
  /** How long a row is measured, in ms. */
  readonly budgetMs: number;
}

/** Runs of GPT-2 that are measured with a trace and without. */
interface TraceRow {
  readonly name: string;
  readonly trace: TraceMode;
  /** Tokens of the prompt, and the steps that are timed: the prompt itself is step 0. */
  readonly prompt: number;
  readonly first: number;
  readonly steps: number;
  /** Runs of each side beside a first one for the compilers; a long prompt settles them too. */
  readonly runs: number;
  readonly isWarm: boolean;
}

/** Steps between two snapshots of the state, as executions have it. */
const SNAPSHOT_STEPS = 32;

const TRACE_ROWS: readonly TraceRow[] = [
  { name: "trace-full-decode", trace: "full", prompt: 48, first: 1, steps: 32, runs: 4, isWarm: false },
  { name: "trace-full-decode-1024", trace: "full", prompt: 928, first: 1, steps: 96, runs: 1, isWarm: true },
  { name: "trace-full-prefill64", trace: "full", prompt: 64, first: 0, steps: 1, runs: 7, isWarm: false },
  { name: "trace-deferred-decode", trace: "deferred", prompt: 48, first: 1, steps: 32, runs: 4, isWarm: false },
];

/** Measures, on the plain WebAssembly tier and one thread. */
export async function commit({ only, budgetMs }: CommitOptions): Promise<Row[]> {
  const rows: Row[] = [];
  if (HASH_ROW.includes(only)) rows.push(await hashRow(budgetMs));
  const wanted = TRACE_ROWS.filter(({ name }) => name.includes(only));
  if (wanted.length === 0) return rows;
  const folder = mkdtempSync(join(tmpdir(), "lockstep-bench-"));
  try {
    const { model: path } = writeModel(modelNamed(TRACED).build(), folder);
    for (const row of wanted) rows.push(await traceRow(row, path));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return rows;
}

const TRACED = "gpt2-decode";
// Both sides take their steps in turn.
async function traceRow({ name, trace, prompt, first, steps, runs, isWarm }: TraceRow, path: string): Promise<Row> {
  const decoder = modelNamed(TRACED);
  const engine = engineOf("wasm", 1);
  if (decoder.kind !== "decoder" || engine === null) throw new BenchError(`${name}: no decoder or no engine`);
  const generation = openGeneration(path, decoder, { prompt, tokens: first + steps, logits: false });
  const modes: readonly TraceMode[] = ["none", trace];
  const sides = modes.map((mode) => {
    return {
      start: executions(generation, engine, mode, first + steps),
      ordinary: [] as number[],
      snapshot: [] as number[],
    };
  });
  for (let run = isWarm ? 1 : 0; run <= runs; run++) {
    const running = sides.map(({ start }) => start());
    for (const execution of running) for (let step = 0; step < first; step++) execution.advance();
    for (let step = first; step < first + steps; step++) {
      for (const [index, execution] of running.entries()) {
        const start = performance.now();
        execution.advance();
        const { ordinary, snapshot } = sides[index];
        const times = (step + 1) % SNAPSHOT_STEPS === 0 ? snapshot : ordinary;
        if (run > 0) times.push(performance.now() - start);
      }
    }
  }
  generation.close();
  // What a step takes on average: one in 32 makes a snapshot. Medians, so that what else the machine does counts little.
  const [without, traced] = sides.map(({ ordinary, snapshot }) => {
    if (snapshot.length === 0) return median(ordinary);
    return ((SNAPSHOT_STEPS - 1) * median(ordinary) + median(snapshot)) / SNAPSHOT_STEPS;
  });
  return { name, value: traced / without - 1, unit: "of the time without", baseline: null, ratio: null };
}

const HASH_ROW = "hash-1k/wasm/1t";
/** 12 MiB, more than the caches next to a core hold; whole groups of jobs. */
const CHUNKS = 12_288;
/** The plain hasher is that much slower. */
const PLAIN_CHUNKS = 256;

// Chunks of 1 KiB on one thread, beside the plain hasher that defines the bits.
async function hashRow(budgetMs: number): Promise<Row> {
  const wordsAt = Math.ceil(HASH_ROOM_BYTES / 64) * 64;
  const hashesAt = wordsAt + CHUNKS * CHUNK_BYTES;
  const tableAt = hashesAt + CHUNKS * HASH_BYTES;
  const pages = Math.ceil((tableAt + 4 * CHUNK_JOB_WORDS * CHUNKS) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const jobs = bindHashJobs(new WebAssembly.Module(hashModule({ isShared: true }) as BufferSource), memory, 0);
  const words = denseWords(CHUNKS * CHUNK_WORDS, 1);
  const table = Array.from({ length: CHUNKS }, (_, chunk) => {
    return [wordsAt + CHUNK_BYTES * chunk, CHUNK_WORDS, hashesAt + HASH_BYTES * chunk];
  });
  const view = new Uint32Array(memory.buffer);
  view.set(words, wordsAt / 4);
  view.set(table.flat(), tableAt / 4);
  const plainWords = words.subarray(0, PLAIN_CHUNKS * CHUNK_WORDS);
  const plainHashes = new Uint8Array(PLAIN_CHUNKS * HASH_BYTES);
  const [ms, plainMs] = await alternate(
    [{ run: () => jobs.chunks(tableAt, CHUNKS) }, { run: () => plainHasher.hashChunks(plainWords, plainHashes) }],
    { budgetMs, rounds: 5 },
  );
  const hashes = new Uint8Array(memory.buffer).slice(hashesAt, hashesAt + plainHashes.length);
  if (Buffer.compare(hashes, plainHashes) !== 0)
    throw new BenchError(`${HASH_ROW}: other hashes than the plain hasher's`);
  const rate = (chunks: number, time: number): number => (chunks * CHUNK_BYTES) / time / 1e3;
  const [value, baseline] = [rate(CHUNKS, ms), rate(PLAIN_CHUNKS, plainMs)];
  return { name: HASH_ROW, value, unit: "MB/s", baseline, ratio: value / baseline };
}
