/**
 * Runs folders of Berkeley TestFloat vectors through several readers of the scalar program at once. Files are streamed, so
 * they may hold millions of lines; a reader may take an evenly spaced sample of each. Refuses files that are no TestFloat
 * function known here, and lines that are malformed.
 */
import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { LockstepError } from "../../float/errors.ts";
import { findTestFloatOperation, readTestFloat, UnknownTestFloatFileError } from "../../float/testfloat.ts";
import type { TestFloatCase, TestFloatOperation } from "../../float/testfloat.ts";
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
}

/** Mismatches that a report shows of each reader. */
const MAX_SHOWN = 10;

/** Streams every file of the folder through every reader. */
export async function runVectors(
  folder: string,
  readers: readonly ReaderDraft[],
  progress: (file: string, lines: number) => void,
): Promise<Float32Report> {
  const report: Float32Report = {
    readers: Object.fromEntries(readers.map(({ name }) => [name, { cases: 0, mismatches: 0, excluded: 0, lines: 0 }])),
    shown: [],
  };
  for (const file of vectorFiles(folder)) {
    const operation = findTestFloatOperation(file);
    if (operation === undefined) throw new UnknownTestFloatFileError(file);
    const collectors = readers.map((reader) => collector(report, reader, operation, file, strideOf(file, reader)));
    let lines = 0;
    for await (const batch of readTestFloat(file, createReadStream(file))) {
      lines += batch.length;
      for (const collect of collectors) await collect.add(batch);
    }
    for (const collect of collectors) await collect.finish();
    for (const { name } of readers) report.readers[name].lines += lines;
    progress(file, lines);
  }
  return report;
}

/** All files are checked before the first is read. */
function vectorFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw new FolderUnreadableError(folder, cause);
  }
  const files = names
    .filter((name) => !name.startsWith("."))
    .toSorted()
    .map((name) => join(folder, name));
  if (files.length === 0) throw new NoVectorsError(folder);
  for (const file of files) if (findTestFloatOperation(file) === undefined) throw new UnknownTestFloatFileError(file);
  return files;
}

// Lines of one function have one length, so the size of a file tells how many there are.
function strideOf(file: string, { linesPerFile }: ReaderDraft): number {
  if (linesPerFile === undefined) return 1;
  const operation = findTestFloatOperation(file);
  const lineBytes = 9 * (operation?.arity ?? 1) + (operation?.result === "bool" ? 2 : 9) + 3;
  return Math.max(1, Math.ceil(statSync(file).size / lineBytes / linesPerFile));
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
