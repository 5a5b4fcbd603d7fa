import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { bindMultiplier, compileMultiplier } from "../engine/wasm/multiply.ts";
import type { BoundMultiplier, NativeTiles } from "../engine/wasm/multiply.ts";
import { directedWords, finiteCount, likeWords } from "../engine/wasm/fixtures.ts";
import { checkProduct, hostileWords, matrix, narrowed } from "../engine/wasm/product-fixtures.ts";
import { PANEL_COLUMNS } from "../engine/wasm/tiles.ts";
import { below, createRandom, DIRECTED_CLASSES } from "../float/directed.ts";
import { CHUNK_WORDS, HASH_BYTES, plainHasher } from "../merkle/hash.ts";
import { hasTiles, isExact, loadNative, nativeSet, openNative } from "./native.ts";
import type { NativeMemory } from "./native.ts";

const addon = loadNative();
const skip = addon === null ? "no addon was built" : false;
const PAGES = 256;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: 2 * PAGES, shared: true });
const sets = addon?.sets ?? [];

const attached = (set: string): NativeMemory => {
  assert.ok(addon !== null);
  return addon.attach(memory, set);
};
const tilesOf = (set: string): NativeMemory & NativeTiles => {
  const native = attached(set);
  assert.ok(hasTiles(native));
  return native;
};

describe("the addon", () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-native-"));
  after(() => rmSync(folder, { recursive: true }));

  it("is not there where the file is missing, is no library, or is of another version", () => {
    assert.equal(openNative(join(folder, "missing.node")), null);
    const text = join(folder, "text.node");
    writeFileSync(text, "no library");
    assert.equal(openNative(text), null);
    const other = join(folder, "other.cjs");
    writeFileSync(other, "module.exports = { version: 1, sets: [], attach() {} };");
    assert.equal(openNative(other), null);
  });

  // All tests of the addon are left out where there is none: a build that can't be used must not look like none.
  const built = join(import.meta.dirname, "../../native/build/lockstep.node");
  it("can be used where it was built", { skip: existsSync(built) ? false : "no addon was built" }, () => {
    assert.notEqual(addon, null, "npm rebuild -w @lockstep/node builds it anew");
  });

  it("is used in the widest set that passes its test", { skip }, () => {
    assert.ok(addon !== null && sets.includes("plain"));
    assert.equal(nativeSet(), sets[0] === "plain" ? null : sets[0]);
  });

  it("is refused where it is wrong in one bit", { skip }, () => {
    assert.ok(addon !== null);
    const [set] = sets;
    if (set === "plain") return;
    for (const spoiled of ["multiplyBlocks", "multiplyBlocksNarrow", "chunks", "pairs"] as const) {
      const liar = {
        sets,
        attach(shared: WebAssembly.Memory, name: string): NativeMemory {
          const honest = addon.attach(shared, name);
          const lie = (...numbers: number[]): void => {
            (honest[spoiled] as (...numbers: number[]) => void)(...numbers);
            const words = new Uint32Array(shared.buffer);
            // The output is the ninth number of a product; of a job it is its last.
            const isProduct = spoiled === "multiplyBlocks" || spoiled === "multiplyBlocksNarrow";
            const at = isProduct ? numbers[8] : words[numbers[0] / 4 + (spoiled === "chunks" ? 2 : 1)];
            words[at / 4] ^= 1;
          };
          return { ...honest, [spoiled]: lie };
        },
      };
      assert.equal(isExact(liar, set), false, spoiled);
    }
  });

  it(
    "refuses memories that are not shared, views of parts, and sets that the processor does not have",
    { skip },
    () => {
      assert.ok(addon !== null);
      assert.throws(() => addon.attach(new WebAssembly.Memory({ initial: 1 }), "plain"), RangeError);
      assert.throws(() => addon.attach(memory, "avx1024"), RangeError);
      assert.throws(() => addon.attach(memory, "a name longer than any instruction set has"), RangeError);
    },
  );

  it("refuses buffers that can be taken away, also where it is called itself", { skip }, () => {
    const file = createRequire(import.meta.url)("../../native/build/lockstep.node") as {
      attach(view: Uint8Array, set: string): { refresh(view: Uint8Array): void };
    };
    const whole = new Uint8Array(memory.buffer);
    const attachedHere = file.attach(whole, "plain");
    attachedHere.refresh(whole);
    for (const view of [new Uint8Array(65_536), new Uint8Array(memory.buffer, 16), new Uint8Array(0)]) {
      assert.throws(() => file.attach(view, "plain"), /whole shared memory/);
      assert.throws(() => attachedHere.refresh(view), /whole shared memory/);
    }
  });

  it("is loaded by threads of its own", { skip }, async () => {
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.module).then(({ loadNative }) => {
        const native = loadNative().attach(workerData.memory, "plain");
        native.chunks(4096, 1);
        parentPort.postMessage("done");
      });`;
    const words = new Uint32Array(memory.buffer);
    words.fill(7, 0, CHUNK_WORDS);
    words.set([0, CHUNK_WORDS, 8192], 1024);
    for (let thread = 0; thread < 2; thread++) {
      words.fill(0, 2048, 2056);
      const module = new URL("./native.ts", import.meta.url).href;
      const worker = new Worker(source, { eval: true, workerData: { memory, module } });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      await worker.terminate();
      const expected = new Uint8Array(HASH_BYTES);
      plainHasher.hashChunks(words.slice(0, CHUNK_WORDS), expected);
      assert.deepEqual(new Uint8Array(memory.buffer).slice(8192, 8192 + HASH_BYTES), expected);
    }
  });
});

for (const set of sets.filter((name) => name !== "plain")) {
  describe(`tiles of ${set}`, () => {
    const multiplier: BoundMultiplier = bindMultiplier(
      memory,
      compileMultiplier({ isFused: false, isShared: true }),
      tilesOf(set),
    );
    const candidates = { memory, multipliers: { [set]: multiplier } };

    it("have the interpreter's bits in every shape of rest", () => {
      for (let rows = 1; rows <= 26; rows++) {
        for (const columns of [4, 33, 64, 160]) {
          const count = [2, 7, 259][(rows + columns) % 3];
          const words = [rows * count, columns * count, rows * columns].map((length, seed) => likeWords(seed, length));
          const draft = { ...matrix(rows, columns, count), isContinued: (rows + columns) % 2 === 0 };
          const totals = checkProduct(candidates, draft, words, `${rows} ${columns} ${count}`);
          assert.equal(finiteCount(totals), totals.length);
          checkProduct(
            candidates,
            draft,
            [words[0], narrowed(words[1]), words[2]],
            `${rows} ${columns} ${count} narrow`,
          );
        }
      }
    });

    it("have them where several units are one call, of rows where they lie and of copies", () => {
      for (const [rows, columns, count, isContinued] of [
        [40, 293, 257, true],
        [6, 417, 1024, false],
      ] as const) {
        const words = [rows * count, columns * count, rows * columns].map((length, seed) => likeWords(seed, length));
        const draft = { ...matrix(rows, columns, count), isContinued };
        checkProduct(candidates, draft, [words[0], narrowed(words[1]), words[2]], `${rows} ${columns} ${count}`);
      }
    });

    it("have them over directed words, with a class of its own in every row", () => {
      const classes = Object.values(DIRECTED_CLASSES);
      const random = createRandom(15);
      const [columns, count] = [104, 2];
      const left = classes.flatMap((draw) => Array.from({ length: count }, () => draw(random)[0]));
      const right = Array.from({ length: columns * count }, (_, at) => classes[at % classes.length](random)[1]);
      const words = [left, right].map((list) => Uint32Array.from(list));
      const totals = directedWords(16, classes.length * columns);
      for (const isContinued of [false, true]) {
        const draft = { ...matrix(classes.length, columns, count), isContinued };
        checkProduct(candidates, draft, [...words, totals], "directed");
        checkProduct(candidates, draft, [words[0], narrowed(words[1]), totals], "directed, narrow");
      }
    });

    it("have them for hostile words in random shapes", () => {
      for (let seed = 101; seed <= 112; seed++) {
        const random = createRandom(seed);
        const [rows, columns, count] = [1 + below(random, 30), 4 + below(random, 200), 1 + below(random, 600)];
        const words = [rows * count, columns * count, rows * columns].map((length) => hostileWords(random, length));
        const draft = { ...matrix(rows, columns, count), isContinued: below(random, 2) === 0 };
        checkProduct(candidates, draft, words, `seed ${seed}`);
        checkProduct(candidates, draft, [words[0], narrowed(words[1]), words[2]], `seed ${seed}, narrow`);
      }
    });

    it("walk rows backwards", () => {
      const [rows, columns, count] = [14, 40, 33];
      const words = [rows * count, columns * count, 1].map((length, seed) => likeWords(seed, length));
      const draft = { ...matrix(rows, columns, count), left: [-count, 0], perStep: (rows - 1) * count };
      checkProduct(candidates, draft, words, "backwards", 1);
    });

    it("refuse products that are not in the memory, and write nothing", () => {
      const native = tilesOf(set);
      type Numbers = Parameters<typeof native.multiplyBlocks>;
      const end = memory.buffer.byteLength;
      new Uint32Array(memory.buffer).fill(0);
      const block = [0, 1024, 3, 8192, 32768, 4, 256, 256, 131072, 128, 0, 0] as const;
      const row = [0, 0, 1, 8192, 65536, 8, 512, 256, 262144, 0, 0, 0] as const;
      const wrong = (whole: readonly number[], changes: Readonly<Record<number, number>>): Numbers =>
        whole.map((number, index) => changes[index] ?? number) as Numbers;
      const blocks: Readonly<Record<number, number>>[] = [
        { 0: end - 1024 },
        { 0: end },
        { 0: 2 },
        { 0: 0xffffffff },
        { 0: 0, 1: -1024 },
        { 1: end / 2 },
        { 1: 3 },
        { 2: 0 },
        { 2: 0xffffffff },
        { 3: end - 32764 },
        { 3: 1 },
        { 4: end, 5: 8 },
        { 5: 0 },
        { 5: 0xffffffff },
        { 6: 0 },
        { 6: 0xffffffff },
        { 7: 0 },
        { 7: 0xffffffff },
        { 8: end - 128 },
        { 8: end - 4 },
        { 9: end },
        { 9: -131072 },
      ];
      for (const changes of blocks) {
        assert.throws(() => native.multiplyBlocks(...wrong(block, changes)), RangeError);
        const narrow = changes[3] === end - 32764 ? { 3: end - 16380 } : changes;
        assert.throws(() => native.multiplyBlocksNarrow(...wrong(block, narrow)), RangeError);
      }
      const rows: Readonly<Record<number, number>>[] = [
        { 0: end - 2044 },
        { 0: 1 },
        { 3: end - 131068 },
        { 4: end },
        { 5: 0 },
        { 5: 0xffffffff },
        { 6: 0 },
        { 6: 0xffffffff },
        { 7: 0 },
        { 8: end - 252 },
        { 8: 5 },
      ];
      for (const changes of rows) assert.throws(() => native.multiplyBlocks(...wrong(row, changes)), RangeError);
      const loose = native.multiplyBlocks as (...numbers: unknown[]) => void;
      assert.throws(() => loose(...block.slice(0, 10)), RangeError);
      assert.throws(() => loose(...block.map(String)), RangeError);
      assert.ok(new Uint32Array(memory.buffer).every((word) => word === 0));
      native.multiplyBlocks(...block);
      native.multiplyBlocks(...row);
    });

    it("give the same bits for any cut into blocks, rows, panels and calls that the definition leaves open", () => {
      const native = tilesOf(set);
      for (let seed = 201; seed <= 216; seed++) {
        const random = createRandom(seed);
        const [rows, panels, count] = [1 + below(random, 30), 1 + below(random, 9), 1 + below(random, 700)];
        const blockLength = 1 + below(random, 300);
        const isNarrow = seed % 2 === 0;
        const words = new Uint32Array(memory.buffer);
        const panelBytes = count * PANEL_COLUMNS * (isNarrow ? 2 : 4);
        const [panelsAt, whole, parts] = [1 << 20, 4 << 20, 5 << 20];
        const outputStride = 4 * (panels * PANEL_COLUMNS + below(random, 5));
        const outputWords = (outputStride / 4) * rows;
        const isContinued = below(random, 2);
        words.set(hostileWords(random, rows * count));
        words.set(hostileWords(random, (panels * panelBytes) / 4), panelsAt / 4);
        const before = hostileWords(random, outputWords);
        words.set(before, whole / 4);
        words.set(before, parts / 4);
        const multiply = isNarrow ? native.multiplyBlocksNarrow : native.multiplyBlocks;
        const partCount = 4 * panels;
        const sides = [0, 4 * count, rows, panelsAt, panelBytes, partCount] as const;
        multiply(...sides, count, blockLength, whole, outputStride, isContinued, 0);
        for (let k = 0; k < count; k += blockLength) {
          const size = Math.min(blockLength, count - k);
          for (let row = 0; row < rows; row++) {
            for (let panel = 0; panel < panels; panel++) {
              const from = panelsAt + panel * panelBytes + (k * panelBytes) / count;
              const to = parts + row * outputStride + 4 * PANEL_COLUMNS * panel;
              const isLater = k === 0 ? isContinued : 1;
              multiply(4 * (row * count + k), 0, 1, from, panelBytes, 4, size, size, to, 0, isLater, 0);
            }
          }
        }
        const found = words.slice(whole / 4, whole / 4 + outputWords);
        assert.deepEqual(found, words.slice(parts / 4, parts / 4 + outputWords), `seed ${seed}`);
      }
    });

    it("reach what the memory has grown by, once they have heard of it", () => {
      const native = tilesOf(set);
      const end = memory.buffer.byteLength;
      const reach = (): void => native.multiplyBlocks(end, 0, 1, end + 256, 128, 4, 1, 1, end + 1024, 0, 0, 0);
      assert.throws(reach, RangeError);
      memory.grow(1);
      assert.throws(reach, RangeError);
      native.refresh();
      reach();
    });
  });
}

for (const set of sets) {
  describe(`hashes of ${set}`, () => {
    const native = attached(set);
    const [source, hashes, table] = [0, 1 << 20, 1 << 21];

    it("are keccak256 of chunks of every number and length, and of pairs", () => {
      const random = createRandom(21);
      for (let count = 0; count <= 19; count++) {
        const words = new Uint32Array(memory.buffer);
        const lengths = Array.from({ length: count }, (_, index) => (index % 3 === 0 ? 256 : 1 + below(random, 256)));
        const chunks = lengths.map((length) => Uint32Array.from({ length }, () => random()));
        chunks.forEach((chunk, index) => {
          words.set(chunk, (source + 2000 * index) / 4);
          words.set([source + 2000 * index, chunk.length, hashes + HASH_BYTES * index], table / 4 + 3 * index);
        });
        native.chunks(table, count);
        const bytes = new Uint8Array(memory.buffer);
        const expected = new Uint8Array(HASH_BYTES);
        chunks.forEach((chunk, index) => {
          plainHasher.hashChunks(chunk, expected);
          assert.deepEqual(bytes.slice(hashes + HASH_BYTES * index, hashes + HASH_BYTES * (index + 1)), expected);
        });
        for (let index = 0; index < count; index++)
          words.set([source + 2000 * index, hashes + 32 * index], table / 4 + 2 * index);
        native.pairs(table, count);
        for (let index = 0; index < count; index++) {
          plainHasher.hashPairs(bytes.slice(source + 2000 * index, source + 2000 * index + 64), expected);
          assert.deepEqual(bytes.slice(hashes + HASH_BYTES * index, hashes + HASH_BYTES * (index + 1)), expected);
        }
      }
    });

    it("are refused for tables and jobs that are not in the memory", () => {
      const end = memory.buffer.byteLength;
      const words = new Uint32Array(memory.buffer);
      assert.throws(() => native.chunks(end - 8, 1), RangeError);
      assert.throws(() => native.chunks(0, 0xffffffff), RangeError);
      assert.throws(() => native.chunks(2, 1), RangeError);
      assert.throws(() => native.pairs(end, 1), RangeError);
      for (const job of [
        [end, 1, hashes],
        [end - 4, 2, hashes],
        [0, 0, hashes],
        [0, 257, hashes],
        [2, 4, hashes],
        [0, 256, end - 28],
        [0, 256, 0xfffffffc],
      ]) {
        words.set(job, table / 4);
        assert.throws(() => native.chunks(table, 1), RangeError, job.join());
      }
      for (const job of [
        [end - 60, hashes],
        [0, end],
      ]) {
        words.set(job, table / 4);
        assert.throws(() => native.pairs(table, 1), RangeError, job.join());
      }
    });
  });
}
