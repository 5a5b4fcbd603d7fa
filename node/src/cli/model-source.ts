/**
 * Models that users name: an ONNX file with what stands beside it, and the flags that specialise it at import. Whatever the
 * flags say is part of the program that comes out.
 */
import { importModel, parseModel, serializeModel, MalformedModelError } from "../onnx/index.ts";
import type { ImportedModel, OnnxTensor } from "../onnx/index.ts";
import { openModel } from "../models/index.ts";
import { validateProgram } from "../ir/index.ts";
import { list, OptionError, type Flag, type Input } from "./command.ts";
import { readUserFile, requireReadable } from "./files.ts";
import { readTensorFile } from "./tensors.ts";

/** Flags that specialise a model at import; they are part of its program. */
export const IMPORT_FLAGS: readonly Flag[] = [
  { flag: "--dim <name=size>", summary: "size of a symbolic dimension; repeatable", repeat: true },
  { flag: "--bind <input=file>", summary: "fix an input to a .npy or .pb tensor; repeatable", repeat: true },
  {
    flag: "--state <input=output>",
    summary: "an input that holds an output of the step before; repeatable",
    repeat: true,
  },
];

/** What the import flags say. */
export interface ModelOptions {
  dims: Record<string, number>;
  bind: Record<string, OnnxTensor>;
  state: { input: string; output: string }[];
}

/** Reads the import flags, and the files that they name. */
export function importOptions(input: Input): ModelOptions {
  const pairs = (name: string) =>
    list(input, name).map((text) => {
      const at = text.indexOf("=");
      if (at < 1 || at === text.length - 1) throw new OptionError(name, text, "name=value");
      return [text.slice(0, at), text.slice(at + 1)] as const;
    });
  const dims = Object.fromEntries(
    pairs("dim").map(([name, size]) => {
      if (!/^[1-9]\d{0,8}$/.test(size)) throw new OptionError("dim", `${name}=${size}`, "a positive whole size");
      return [name, Number(size)];
    }),
  );
  const bind = Object.fromEntries(pairs("bind").map(([name, path]) => [name, readTensorFile(path)]));
  return { dims, bind, state: pairs("state").map(([from, to]) => ({ input: from, output: to })) };
}

/** An imported model. Its constants may still be read from the files beside the model: close it when it is done with. */
export interface LoadedModel {
  readonly model: ImportedModel;
  close(): void;
}

/** Opens, lowers and validates a model. */
export function loadModel(path: string, options: ModelOptions): LoadedModel {
  const opened = openUserModel(path);
  try {
    const model = importModel(opened.model, options);
    validateProgram(model.program);
    return { model, close: opened.close };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** The model in one file: as it is, or with the weights beside it taken in. */
export function readWholeModel(path: string): Uint8Array {
  const bytes = readUserFile(path);
  try {
    parseModel(bytes);
    return bytes;
  } catch (error) {
    if (!(error instanceof MalformedModelError)) throw error;
    const opened = openUserModel(path);
    try {
      return serializeModel(opened.model);
    } finally {
      opened.close();
    }
  }
}

// A file that can't be read is refused as any other file that users name.
function openUserModel(path: string): ReturnType<typeof openModel> {
  requireReadable(path);
  return openModel(path);
}
