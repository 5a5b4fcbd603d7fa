// Lockstep's side where a language model makes tokens: the program of a decoder's file, and a machine that is run step by step.
import { createExecution, type Engine, type Execution, type TraceMode } from "@lockstep/node/engine";
import { sharedHasher } from "@lockstep/node/merkle";
import { openModel } from "@lockstep/node/models";
import { OWN_MODEL_LIMITS } from "@lockstep/node/onnx";
import type { ImportedModel } from "@lockstep/node/onnx";
import { importGenerator } from "@lockstep/node/onnx/generate";
import { feedOf, wordsOf, type BenchDecoder } from "./models.ts";

export interface GenerationOptions {
  /** Tokens of the prompt. */
  readonly prompt: number;
  /** Steps that a run can have. */
  readonly tokens: number;
  /** Whether the logits of the last position are an output too, which a trace then holds. */
  readonly logits: boolean;
}

/** A program that makes tokens, most likely ones, from a prompt of drawn ones. */
export interface Generation {
  readonly prompt: readonly number[];
  readonly imported: ImportedModel;
  readonly inputs: readonly Uint32Array[];
  close(): void;
}

/** What one step gave. */
export interface Made {
  /** Of the last position. */
  readonly logits: Uint32Array;
  /** All tokens so far. */
  readonly tokens: Uint32Array;
}

/** The program of a decoder's file, which stays open: weights are read when an engine loads them. */
export function openGeneration(path: string, { vocabulary }: BenchDecoder, options: GenerationOptions): Generation {
  const { model, close } = openModel(path);
  const imported = importGenerator(model, { limits: OWN_MODEL_LIMITS, ...options });
  const prompt = wordsOf(feedOf("input_ids", [1, options.prompt], vocabulary));
  const given = new Map([
    ["prompt", prompt],
    ["lengths", Uint32Array.of(options.prompt)],
  ]);
  return { prompt: [...prompt], imported, inputs: imported.inputs.map(({ name }) => given.get(name)!), close };
}

/**
 * A machine on which any step can be run at any time; what it computes is right where steps follow each other from 0. The
 * program gives logits.
 */
export function loadSteps({ imported, inputs }: Generation, engine: Engine): (step: number) => Made {
  const { program, constants, outputs } = imported;
  const place = (name: string): number => outputs.findIndex((output) => output.name === name);
  const [logits, tokens] = [place("logits"), place("tokens")];
  const constant = (root: `0x${string}`): Uint32Array => constants.get(root)!;
  const machine = engine.load(program, { inputs, constants: constant, trace: "none", hasher: sharedHasher() });
  return (step) => {
    const made = machine.advance(step, { tamper: null }).outputs;
    return { logits: made[logits], tokens: made[tokens] };
  };
}

/** Starts executions of one program, one after the other, on one machine: loading it takes longer than most runs. */
export function executions(
  { imported, inputs }: Generation,
  engine: Engine,
  trace: TraceMode,
  steps: number,
): () => Execution {
  const { program, constants } = imported;
  const constant = (root: `0x${string}`): Uint32Array => constants.get(root)!;
  const machine = engine.load(program, { inputs, constants: constant, trace, hasher: sharedHasher() });
  const loaded: Engine = {
    load() {
      machine.restore(null);
      return machine;
    },
  };
  return () => createExecution(program, { inputs, constants: constant, steps, trace, engine: loaded });
}
