// Lockstep's side of a benchmark: a model file, loaded on an engine, that is run again and again.
import type { Engine, TraceMode } from "@lockstep/node/engine";
import { sharedHasher } from "@lockstep/node/merkle";
import { openModel } from "@lockstep/node/models";
import { importModel, OWN_MODEL_LIMITS, type ImportedTensor } from "@lockstep/node/onnx";
import { feedOf, wordsOf, type Feed } from "./models.ts";

export interface Subject {
  readonly feeds: readonly Feed[];
  readonly outputs: readonly ImportedTensor[];
  /** The outputs, valid until the next run. */
  run(): readonly Uint32Array[];
}

/** Loads a model that is run from its inputs to its outputs in one step; its files are open only until it is loaded. */
export function loadSubject(
  path: string,
  dims: Readonly<Record<string, number>>,
  engine: Engine,
  trace: TraceMode = "none",
): Subject {
  const { model, close } = openModel(path);
  try {
    const { program, constants, inputs, outputs } = importModel(model, { dims, limits: OWN_MODEL_LIMITS });
    const feeds = inputs.map(({ name, shape }) => feedOf(name, shape));
    const machine = engine.load(program, {
      inputs: feeds.map(wordsOf),
      constants: (root) => constants.get(root)!,
      trace,
      hasher: sharedHasher(),
    });
    return { feeds, outputs, run: () => machine.advance(0, { tamper: null }).outputs };
  } finally {
    close();
  }
}
