/**
 * Models as files: an ONNX file with its weights beside it, as the ONNX specification's external data, each tensor at a
 * multiple of 4,096 bytes. Weights are written and read one tensor at a time; none are held. Refuses to replace files.
 */

import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { LockstepError } from "../float/errors.ts";
import { parseModel } from "../onnx/model.ts";
import { serializeModel } from "../onnx/serialize.ts";
import { rawBytes } from "../onnx/tensor.ts";
import type { LoadExternal } from "../onnx/tensor.ts";
import type { OnnxModel } from "../onnx/types.ts";

const ALIGNMENT = 4096;
/** Smaller tensors stay in the model's file, where shape inference can see them. */
const EXTERNAL_BYTES = 1024;
/** The most that one call reads or writes: below what systems allow. */
const PIECE_BYTES = 2 ** 28;

export interface WrittenModel {
  readonly model: string;
  /** The file of the weights. */
  readonly data: string;
  readonly dataBytes: number;
}

/** Writes `<folder>/<name>.onnx` and `<name>.onnx.data`. Throws ModelFileError where one is there already. */
export function writeModel(model: OnnxModel, folder: string, name = "model"): WrittenModel {
  const location = `${name}.onnx.data`;
  const paths = { model: join(folder, `${name}.onnx`), data: join(folder, location) };
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw unusable(folder, cause);
  }
  const file = opened(paths.model, "wx");
  let data: number | undefined;
  let end = 0;
  try {
    const target = (data = opened(paths.data, "wx"));
    const bytes = serializeModel(model, (tensor) => {
      if (tensor.dtype === "string") return undefined;
      const raw = rawBytes(tensor);
      if (raw.length < EXTERNAL_BYTES) return undefined;
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      writeAll(target, raw, offset);
      end = offset + raw.length;
      return { location, offset, length: raw.length };
    });
    writeAll(file, bytes, 0);
  } catch (error) {
    // Half a model would be in the way of the next attempt.
    rmSync(paths.model);
    if (data !== undefined) rmSync(paths.data);
    throw error;
  } finally {
    closeSync(file);
    if (data !== undefined) closeSync(data);
  }
  return { ...paths, dataBytes: end };
}

/** A model read from a file; its external data are read when they are used. */
export interface OpenModel {
  readonly model: OnnxModel;
  /** Closes the files of the weights. A lazy tensor that is used afterwards opens them again. */
  close(): void;
}

/** Reads an ONNX file and, as they are used, the files beside it. Throws ModelFileError, and what parseModel throws. */
export function openModel(path: string): OpenModel {
  const files = externalFiles(dirname(path));
  try {
    return { model: parseModel(readWhole(path), files.load), close: files.close };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** What reads ranges of the files in a folder, each opened once. */
function externalFiles(folder: string): { load: LoadExternal; close: () => void } {
  const open = new Map<string, number>();
  return {
    load(location, offset, length) {
      const path = join(folder, location);
      let file = open.get(location);
      if (file === undefined) {
        file = opened(path, "r");
        open.set(location, file);
      }
      return readRange(file, path, offset, length);
    },
    close() {
      for (const file of open.values()) closeSync(file);
      open.clear();
    },
  };
}

/** `length` bytes from `offset`. Throws ModelFileError where the file ends before. */
export function readRange(file: number, path: string, offset: number, length: number): Uint8Array {
  const size = fstatSync(file).size;
  // Before the memory is asked for: a length comes from a file.
  if (offset + length > size)
    throw new ModelFileError(path, `it ends before ${offset + length} bytes`, { size, offset, length });
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const read = readSync(file, bytes, done, Math.min(PIECE_BYTES, length - done), offset + done);
    if (read === 0) throw new ModelFileError(path, "it was cut while it was read", { offset, length });
    done += read;
  }
  return bytes;
}

/** Opens a file that the caller closes. */
export function opened(path: string, flags: "r" | "wx"): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function writeAll(file: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, Math.min(PIECE_BYTES, bytes.length - done), offset + done);
  }
}

function unusable(path: string, cause: unknown): ModelFileError {
  const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return new ModelFileError(path, reason, { reason }, { cause });
}

/** A file of a model that cannot be read or written. */
export class ModelFileError extends LockstepError {
  constructor(path: string, reason: string, values: Record<string, unknown>, options?: { cause?: unknown }) {
    super("ModelFileError", `${path}: ${reason}`, { path, ...values }, options);
  }
}
