/**
 * The Hasher of a thread over hash jobs in a small memory of its own (spec, "Trees"). Gives the bytes of `plainHasher` for
 * every input and refuses the same buffers.
 */
import { BufferLengthError, CHUNK_BYTES, CHUNK_WORDS, HASH_BYTES } from "./hash.ts";
import type { Hasher } from "./hash.ts";
import { CHUNK_JOB_WORDS, HASH_ROOM_BYTES, PAIR_JOB_WORDS, bindHashJobs, hashModule } from "./hash-jobs.ts";

// Messages of a batch: as many as fit in 96 KiB, so that they stay in the nearest caches. Whole groups of hash jobs.
const BATCH_BYTES = 96 * CHUNK_BYTES;
const PAIR_BYTES = 2 * HASH_BYTES;
const CHUNKS = BATCH_BYTES / CHUNK_BYTES;
const PAIRS = BATCH_BYTES / PAIR_BYTES;

// Memory layout, in bytes.
const MESSAGES_AT = Math.ceil(HASH_ROOM_BYTES / 64) * 64;
const DIGESTS_AT = MESSAGES_AT + BATCH_BYTES;
const CHUNK_JOBS_AT = DIGESTS_AT + PAIRS * HASH_BYTES;
const PAIR_JOBS_AT = CHUNK_JOBS_AT + 4 * CHUNK_JOB_WORDS * CHUNKS;
const PAGES = Math.ceil((PAIR_JOBS_AT + 4 * PAIR_JOB_WORDS * PAIRS) / 65536);

let shared: Hasher | undefined;

/** The one WebAssembly hasher of this thread, made on first use: about 20 times as fast as the plain one. */
export function sharedHasher(): Hasher {
  shared ??= createWasmHasher();
  return shared;
}

/** A hasher with its own 192 KiB or so of memory. Calls must not overlap, so one instance belongs to one thread. */
export function createWasmHasher(): Hasher {
  const memory = new WebAssembly.Memory({ initial: PAGES });
  const jobs = bindHashJobs(new WebAssembly.Module(hashModule({ isShared: false }) as BufferSource), memory, 0);
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const job = [MESSAGES_AT + CHUNK_BYTES * chunk, CHUNK_WORDS, DIGESTS_AT + HASH_BYTES * chunk];
    words.set(job, CHUNK_JOBS_AT / 4 + CHUNK_JOB_WORDS * chunk);
  }
  for (let pair = 0; pair < PAIRS; pair++) {
    words.set(
      [MESSAGES_AT + PAIR_BYTES * pair, DIGESTS_AT + HASH_BYTES * pair],
      PAIR_JOBS_AT / 4 + PAIR_JOB_WORDS * pair,
    );
  }

  const hashBatches = (
    messages: Uint8Array,
    size: number,
    output: Uint8Array,
    hash: (table: number, count: number) => void,
    table: number,
  ): void => {
    const count = output.length / HASH_BYTES;
    const batch = BATCH_BYTES / size;
    for (let first = 0; first < count; first += batch) {
      const held = Math.min(batch, count - first);
      const part = messages.subarray(first * size, (first + held) * size);
      bytes.set(part, MESSAGES_AT);
      bytes.fill(0, MESSAGES_AT + part.length, MESSAGES_AT + held * size);
      hash(table, held);
      output.set(bytes.subarray(DIGESTS_AT, DIGESTS_AT + held * HASH_BYTES), first * HASH_BYTES);
    }
  };

  return {
    hashChunks(chunks, output) {
      requireBytes(output, Math.ceil(chunks.length / CHUNK_WORDS) * HASH_BYTES);
      const messages = new Uint8Array(chunks.buffer, chunks.byteOffset, chunks.byteLength);
      hashBatches(messages, CHUNK_BYTES, output, jobs.chunks, CHUNK_JOBS_AT);
    },
    hashPairs(nodes, output) {
      requireBytes(nodes, 2 * output.length);
      if (output.length % HASH_BYTES !== 0) throw new BufferLengthError(output.length, HASH_BYTES);
      hashBatches(nodes, PAIR_BYTES, output, jobs.pairs, PAIR_JOBS_AT);
    },
  };
}

function requireBytes(buffer: Uint8Array, length: number): void {
  if (buffer.length !== length) throw new BufferLengthError(buffer.length, length);
}
