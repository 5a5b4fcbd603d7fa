/** How a model becomes a program, as a manifest says: the one place where options of a manifest meet the importer. */
import { IMPORT_LIMITS, importModel } from "../onnx/index.ts";
import type { ImportedModel, ImportLimits, OnnxModel, OnnxTensor } from "../onnx/index.ts";
import { importGenerator, type GeneratorOptions } from "../onnx/generate.ts";
import type { ProgramManifest } from "./programs.ts";

/** How a model is specialised at import: what a manifest says of it, with the bound tensors themselves. */
export interface ProgramOptions extends Pick<ProgramManifest, "dims" | "state" | "generate"> {
  readonly bind?: Readonly<Record<string, OnnxTensor>>;
  /** What the import may do: what strangers' models may unless given. No part of the manifest. */
  readonly limits?: ImportLimits;
}

/** Lowers a model as its manifest says. Throws what the importer refuses. */
export function lowerModel(model: OnnxModel, options: ProgramOptions): ImportedModel {
  const { generate, bind = {}, limits = IMPORT_LIMITS } = options;
  if (generate === undefined) return importModel(model, options);
  return importGenerator(model, { ...generate, bind, limits } as GeneratorOptions);
}
