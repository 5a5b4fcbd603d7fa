/**
 * The native addon (node/native): the same panels and the same bits as the WebAssembly tiles, in the processor's widest
 * vectors, and hashes in more lanes. It is there where the installation found a compiler. An instruction set is used only
 * after it equalled the interpreter here; an addon of another version is as good as none.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { interpreterRunner } from "../engine/index.ts";
import { recogniseContraction } from "../engine/wasm/contraction.ts";
import { bindMultiplier, compileMultiplier, isPackable, type NativeTiles } from "../engine/wasm/multiply.ts";
import { multiplyOnce } from "../engine/wasm/once.ts";
import { PANEL_COLUMNS, panelRowBytes, PART_COLUMNS } from "../engine/wasm/tiles.ts";
import { below, createRandom, wordOf } from "../float/directed.ts";
import { buildScalar, outputLength, type PatternDigits } from "../ir/index.ts";
import { plainHasher, CHUNK_WORDS, HASH_BYTES } from "../merkle/hash.ts";
import { selfTestCases, type TestCase } from "./self-test.ts";

/** The version of the addon that fits this code; `node/native/build.js` compiles it in. */
const NATIVE_VERSION = 2;

const ADDON = join(import.meta.dirname, "../../native/build/lockstep.node");

/** The addon's functions over one shared memory. All check their addresses and throw RangeError. */
export interface NativeMemory extends Partial<NativeTiles> {
  /** Takes notice of growth of the memory. Cheap, to be called before the others. */
  refresh(): void;
  /** Tables of jobs as in merkle/hash-jobs.ts. */
  chunks(table: number, count: number): void;
  pairs(table: number, count: number): void;
}

/** An addon that was loaded, for this thread. */
export interface NativeAddon {
  /** Instruction sets that this processor has, the widest first; "plain" only hashes. */
  readonly sets: readonly string[];
  /** The functions of an instruction set over a memory, which must be shared: others move when they grow. */
  attach(memory: WebAssembly.Memory, set: string): NativeMemory;
}

/** What the file exports. */
interface AddonExports {
  readonly version: unknown;
  readonly sets: readonly string[];
  attach(view: Uint8Array, set: string): NativeMemory & { refresh(view: Uint8Array): void };
}

let loaded: NativeAddon | null | undefined;

/** The addon, or null where there is none that fits. Loads it on first use; what it computes is not tested yet. */
export function loadNative(): NativeAddon | null {
  if (loaded === undefined) loaded = existsSync(ADDON) ? openNative(ADDON) : null;
  return loaded;
}

/** The addon in a file; null where it can't be loaded here or is of another version. */
export function openNative(path: string): NativeAddon | null {
  let file: AddonExports;
  try {
    file = createRequire(import.meta.url)(path) as AddonExports;
  } catch {
    // Built for another platform, or cut short: the tiers without it remain.
    return null;
  }
  if (file.version !== NATIVE_VERSION) return null;
  return {
    sets: [...file.sets],
    attach(memory, set) {
      if (!isShared(memory.buffer)) throw new RangeError("the addon works on shared memories");
      let { byteLength } = memory.buffer;
      const functions = file.attach(new Uint8Array(memory.buffer), set);
      return {
        ...functions,
        refresh() {
          const grown = memory.buffer;
          if (grown.byteLength === byteLength) return;
          functions.refresh(new Uint8Array(grown));
          byteLength = grown.byteLength;
        },
      };
    },
  };
}

const isShared = (buffer: ArrayBufferLike): boolean => buffer instanceof SharedArrayBuffer;

let fastest: string | null | undefined;

/** The widest instruction set that gives the interpreter's bits and hashes here; null where none does. Tested on first use. */
export function nativeSet(): string | null {
  if (fastest === undefined) {
    const addon = loadNative();
    fastest = addon?.sets.find((set) => set !== "plain" && isExact(addon, set)) ?? null;
  }
  return fastest;
}

/** Whether an instruction set gives the interpreter's bits in every dot product of the self-test, and keccak's hashes. */
export function isExact(addon: NativeAddon, set: string): boolean {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const native = addon.attach(memory, set);
  return (
    hasTiles(native) && multipliesExactly(memory, native) && addsBlocks(memory, native) && hashesExactly(memory, native)
  );
}

/** Whether the instruction set multiplies too. */
export function hasTiles(native: NativeMemory): native is NativeMemory & NativeTiles {
  return native.multiplyBlocks !== undefined;
}

function multipliesExactly(memory: WebAssembly.Memory, native: NativeTiles): boolean {
  const multiplier = bindMultiplier(memory, compileMultiplier({ isFused: false, isShared: true }), native);
  return [...selfTestCases(), ...rowCases()].every(({ scalar, operands }) => {
    const lengths = operands.map(({ length }) => length);
    const contraction = recogniseContraction(scalar, lengths);
    // An epilogue is none of the addon's.
    if (contraction === null || !contraction.isBare) return true;
    const areSame = (given: readonly Uint32Array[], forms: readonly ("none" | "wide" | "narrow")[]): boolean => {
      const expected = new Uint32Array(outputLength(scalar));
      interpreterRunner.run(scalar, 0, given, expected);
      // Where there is a total to start from, it is the last operand.
      const totals = contraction.totalInit === null ? expected.map(() => 0xdeadbeef) : given[given.length - 1];
      return forms.every((panels) => {
        const found = multiplyOnce(memory, multiplier, { contraction, operands: given, totals, panels });
        return found !== null && expected.every((word, index) => word === found[index]);
      });
    };
    if (!isPackable(contraction)) return areSame(operands, ["none"]);
    const narrowed = operands.map((words, operand) =>
      operand === contraction.columns.operand ? words.map((word) => word & 0xffff0000) : words,
    );
    return areSame(operands, ["none", "wide"]) && areSame(narrowed, ["narrow"]);
  });
}

/** Words whose products and sums are NaN, infinite, subnormal or zeros of either sign. */
const SPECIAL = [0x7f800000, 0xff800000, 0xffc00001, 0x7fa00000, 0, 0x80000000, 0x00010000, 0x80010000, 0x7f7f0000];

/** Products of every number of rows that a tile may have, since each is code of its own, with special words in the last. */
function rowCases(): TestCase[] {
  const random = createRandom(4);
  const ordinary = (): number => wordOf(random(), 124 + below(random, 8), random());
  const [columns, count] = [33, 9];
  return Array.from({ length: 14 }, (_, index) => {
    const rows = Math.min(13, index + 1);
    const isSpecial = (at: number): boolean => index === 13 && at % 7 === 0;
    const words = (length: number): Uint32Array =>
      Uint32Array.from({ length }, (_, at) => (isSpecial(at) ? SPECIAL[below(random, SPECIAL.length)] : ordinary()));
    const scalar = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [rows, columns] }, (b) => {
      const [left, right] = b.digits.map((digit) => b.mulI(digit, count));
      const pattern: PatternDigits = [[count, 1]];
      const [total] = b.loop({
        count,
        carried: [{ type: "f32", init: 0 }],
        body: ({ carried }) => [b.fma(b.load(0, left, pattern), b.load(1, right, pattern), carried[0])],
        combine: ([sum], [block]) => [b.add(sum, block)],
      });
      return total;
    });
    return { name: `${rows} rows`, scalar, operands: [words(rows * count), words(columns * count)] };
  });
}

// That a product over three blocks, the last of them short, is what its blocks give one by one: for every number of rows that a
// tile may have, over panels that are taken together and one that is left.
function addsBlocks(memory: WebAssembly.Memory, native: NativeTiles): boolean {
  const random = createRandom(5);
  const all = new Uint32Array(memory.buffer);
  const [count, blockLength, panels] = [22, 8, 7];
  const [panelsAt, whole, parts] = [65536, 131072, 196608];
  const outputStride = 4 * PANEL_COLUMNS * panels;
  const draw = (): number => (below(random, 29) === 0 ? SPECIAL[below(random, SPECIAL.length)] : random() & 0xbfffffff);
  for (let at = 0; at < parts / 4; at++) all[at] = draw();
  for (const [multiply, form] of [
    [native.multiplyBlocks, "wide"],
    [native.multiplyBlocksNarrow, "narrow"],
  ] as const) {
    const rowBytes = panelRowBytes(form);
    const right = [count * rowBytes, (PANEL_COLUMNS / PART_COLUMNS) * panels] as const;
    for (let rows = 1; rows <= 13; rows++) {
      for (const isContinued of [0, 1]) {
        const words = (outputStride / 4) * rows;
        all.copyWithin(parts / 4, whole / 4, whole / 4 + words);
        multiply(0, 4 * count, rows, panelsAt, ...right, count, blockLength, whole, outputStride, isContinued, 0);
        for (let k = 0; k < count; k += blockLength) {
          const size = Math.min(blockLength, count - k);
          const isLater = k === 0 ? isContinued : 1;
          const from = panelsAt + k * rowBytes;
          multiply(4 * k, 4 * count, rows, from, ...right, size, size, parts, outputStride, isLater, 0);
        }
        for (let at = 0; at < words; at++) if (all[whole / 4 + at] !== all[parts / 4 + at]) return false;
      }
    }
  }
  return true;
}

const CHUNKS = 13;

// One chunk more than a multiple of the lanes of every set, the last of them short, and the pairs of their hashes.
function hashesExactly(memory: WebAssembly.Memory, { chunks, pairs }: NativeMemory): boolean {
  const random = createRandom(3);
  const words = Uint32Array.from({ length: CHUNKS * CHUNK_WORDS - 100 }, () => random());
  const expected = new Uint8Array(CHUNKS * HASH_BYTES);
  plainHasher.hashChunks(words, expected);
  const pairCount = Math.floor(CHUNKS / 2);
  const parents = new Uint8Array(pairCount * HASH_BYTES);
  plainHasher.hashPairs(expected.subarray(0, 2 * parents.length), parents);
  const all = new Uint32Array(memory.buffer);
  const [hashes, above, table, pairTable] = [65536, 66560, 67584, 68608];
  all.set(words);
  for (let index = 0; index < CHUNKS; index++) {
    const held = Math.min(CHUNK_WORDS, words.length - index * CHUNK_WORDS);
    all.set([4 * index * CHUNK_WORDS, held, hashes + index * HASH_BYTES], table / 4 + 3 * index);
  }
  for (let index = 0; index < pairCount; index++) {
    all.set([hashes + 2 * index * HASH_BYTES, above + index * HASH_BYTES], pairTable / 4 + 2 * index);
  }
  chunks(table, CHUNKS);
  pairs(pairTable, pairCount);
  const found = new Uint8Array(memory.buffer);
  return (
    expected.every((byte, index) => byte === found[hashes + index]) &&
    parents.every((byte, index) => byte === found[above + index])
  );
}
