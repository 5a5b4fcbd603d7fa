// What commitments cost: hashing alone, and runs with traces beside the same runs without. Of a trace row the value is the extra
// time as a part of the time without.
import { CHUNK_BYTES, CHUNK_JOB_WORDS, CHUNK_WORDS, HASH_BYTES, HASH_ROOM_BYTES } from "@lockstep/node/merkle";
import { bindHashJobs, hashModule, plainHasher } from "@lockstep/node/merkle";
import { BenchError, type Row } from "./rows.ts";
import { alternate } from "./timing.ts";
import { denseWords } from "./workloads.ts";

export interface CommitOptions {
  /** Only rows whose names contain this. */
  readonly only: string;
  /** How long a row is measured, in ms. */
  readonly budgetMs: number;
}

/** Measures. */
export async function commit({ only, budgetMs }: CommitOptions): Promise<Row[]> {
  const rows: Row[] = [];
  if (HASH_ROW.includes(only)) rows.push(await hashRow(budgetMs));
  return rows;
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
