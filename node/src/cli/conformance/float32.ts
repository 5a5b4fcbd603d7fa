/**
 * Runs folders of Berkeley TestFloat vectors through several readers of the scalar program at once. Files are streamed, so
 * they may hold millions of lines; a reader may take an evenly spaced sample of each. Names what it leaves out: files of
 * functions that Lockstep has no instruction for, and other files. Refuses lines that are malformed.
 */
import { createReadStream, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { LockstepError } from "../../float/errors.ts";
import { findTestFloatOperation, readTestFloat } from "../../float/testfloat.ts";
import type { TestFloatCase, TestFloatOperation } from "../../float/testfloat.ts";
import { FileUnreadableError } from "../files.ts";
import { FolderUnreadableError } from "./cases.ts";
import { BATCH } from "./readers.ts";
import type { Reader } from "./readers.ts";

export interface ReaderDraft {
  readonly name: string;
  readonly read: Reader;
  /** At most about so many lines of each file, evenly spaced; all unless given. */
  readonly linesPerFile?: number;
}

export interface ReaderReport {
  /** Lines that the reader evaluated, or left out as excluded. */
  cases: number;
  mismatches: number;
  /** Cases in which the standard leaves the choice open and Lockstep's differs. */
  excluded: number;
  /** Lines of all files: more than `cases` where the reader took a sample. */
  lines: number;
}

/** A word that a reader got wrong. */
export interface Mismatch {
  reader: string;
  file: string;
  line: number;
  operands: number[];
  expected: number;
  actual: number;
}

export interface Float32Report {
  readers: Record<string, ReaderReport>;
  /** The first of each reader, at most {@link MAX_SHOWN}. */
  shown: Mismatch[];
  /** Files of functions that Lockstep has no instruction for. */
  unsupported: string[];
}

/** Mismatches that a report shows of each reader. */
const MAX_SHOWN = 10;

// What TestFloat can test, in any of its formats.
const TESTFLOAT_FUNCTION =
  /^(?:u?i(?:32|64)|b?f16|f32|f64|extF80|f128)_(?:add|sub|mul|mulAdd|div|rem|sqrt|(?:eq|le|lt)(?:_signaling|_quiet)?|roundToInt\w*|to_\w+)$/;

interface VectorFile {
  readonly file: string;
  readonly operation: TestFloatOperation;
  /** In bytes. */
  readonly size: number;
}

/** Streams every file of the folder through every reader; `note` hears of each that is done or left out. */
export async function runVectors(
  folder: string,
  readers: readonly ReaderDraft[],
  note: (line: string) => void,
): Promise<Float32Report> {
  const { files, unsupported } = vectorFiles(folder, note);
  const report: Float32Report = {
    readers: Object.fromEntries(readers.map(({ name }) => [name, { cases: 0, mismatches: 0, excluded: 0, lines: 0 }])),
    shown: [],
    unsupported,
  };
  for (const { file, operation, size } of files) {
    const collectors = readers.map((reader) =>
      collector(report, reader, operation, file, strideOf(operation, size, reader)),
    );
    let lines = 0;
    for await (const batch of readTestFloat(file, textOf(file))) {
      lines += batch.length;
      for (const collect of collectors) await collect.add(batch);
    }
    for (const collect of collectors) await collect.finish();
    for (const { name } of readers) report.readers[name].lines += lines;
    note(`${file}: ${lines} lines`);
  }
  return report;
}

/** All names are sorted out before the first file is read. */
function vectorFiles(
  folder: string,
  note: (line: string) => void,
): { files: readonly VectorFile[]; unsupported: string[] } {
  const files: VectorFile[] = [];
  const unsupported: string[] = [];
  for (const file of filesIn(folder)) {
    const operation = findTestFloatOperation(file);
    if (operation !== undefined) files.push({ file, operation, size: sizeOf(file) });
    else if (TESTFLOAT_FUNCTION.test(basename(file).replace(/\.[^.]*$/, ""))) {
      unsupported.push(file);
      note(`${file}: Lockstep has no instruction for this function`);
    } else note(`${file}: ignored, no TestFloat function has this name`);
  }
  if (files.length + unsupported.length === 0) throw new NoVectorsError(folder);
  return { files, unsupported };
}

function filesIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw new FolderUnreadableError(folder, cause);
  }
  return names
    .filter((name) => !name.startsWith("."))
    .toSorted()
    .map((name) => join(folder, name));
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (cause) {
    throw new FileUnreadableError(file, cause);
  }
}

async function* textOf(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Uint8Array;
  } catch (cause) {
    throw new FileUnreadableError(file, cause);
  }
}

// Lines of one function have one length, so the size of a file tells how many there are.
function strideOf({ arity, result }: TestFloatOperation, size: number, { linesPerFile }: ReaderDraft): number {
  if (linesPerFile === undefined) return 1;
  const lineBytes = 9 * arity + (result === "bool" ? 2 : 9) + 3;
  return Math.max(1, Math.ceil(size / lineBytes / linesPerFile));
}

interface Collector {
  add(batch: readonly TestFloatCase[]): Promise<void>;
  finish(): Promise<void>;
}

/** Gathers cases into batches for a reader and compares what it gives. */
function collector(
  report: Float32Report,
  { name, read }: ReaderDraft,
  operation: TestFloatOperation,
  file: string,
  stride: number,
): Collector {
  const counts = report.readers[name];
  let held: TestFloatCase[] = [];
  const flush = async (): Promise<void> => {
    if (held.length === 0) return;
    const columns = Array.from({ length: operation.arity }, (_, column) =>
      Uint32Array.from(held, ({ operands }) => operands[column]),
    );
    const found = await read(
      operation,
      columns,
      Uint32Array.from(held, ({ expected }) => expected),
    );
    held.forEach(({ line, operands, expected }, index) => {
      if (found[index] === expected >>> 0) return;
      counts.mismatches++;
      if (report.shown.filter(({ reader }) => reader === name).length < MAX_SHOWN) {
        report.shown.push({ reader: name, file, line, operands, expected, actual: found[index] });
      }
    });
    held = [];
  };
  return {
    async add(batch) {
      for (const one of batch) {
        if ((one.line - 1) % stride !== 0) continue;
        counts.cases++;
        if (one.excluded) counts.excluded++;
        else if (held.push(one) === BATCH) await flush();
      }
    },
    finish: flush,
  };
}

/** A folder holds no vectors. */
export class NoVectorsError extends LockstepError {
  constructor(folder: string) {
    super("NoVectorsError", `${folder} holds no TestFloat file`, { folder });
  }
}
