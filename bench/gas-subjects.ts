// The runs that disputes are measured on: small models, and GPT-2 of the published shape with drawn weights. No byte of the
// inputs of the small ones is zero: calldata costs by its bytes, a zero byte a quarter of another.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execute, interpreterEngine, type Engine, type Run, type Tamper } from "@lockstep/node/engine";
import type { TraceMode } from "@lockstep/node/engine";
import { GPT2_124M, drawnWeights, gpt2Model } from "@lockstep/node/models";
import { importModel, OWN_MODEL_LIMITS, parseModel, type ImportedModel } from "@lockstep/node/onnx";
import { importGenerator } from "@lockstep/node/onnx/generate";
import { feedOf, wordsOf } from "./models.ts";
import { BenchError } from "./rows.ts";
import { engineOf } from "./tiers.ts";
import { denseWords, type Workload } from "./workloads.ts";

/** A program that disputes are about. */
export interface Subject {
  /** In the names of rows. */
  readonly name: string;
  /** The run, with a lie in it if one is given. */
  run(options?: { tamper?: Tamper; trace?: TraceMode }): Run;
}

const EXAMPLES = join(import.meta.dirname, "..", "examples");

/** A recurrent model over 64 steps, so that the walk through the steps opens 32 nodes at once. */
export function mlpSubject(): Subject {
  return subjectOf("mlp", example("mlp/mlp.onnx", 64, [{ input: "state", output: "next" }]));
}

/** An image classifier. */
export function digitsSubject(): Subject {
  return subjectOf("digits", example("digits/digits.onnx", 1, []));
}

/** One that the interpreter runs. */
export function subjectOf(name: string, workload: Workload): Subject {
  return { name, run: (options) => runOf(workload, interpreterEngine, options) };
}

/** Tokens of the prompt, and of the text that follows: every step reads one token and makes one. */
const PROMPT = 1;
const TOKENS = 32;
// Opening a step runs all steps since the snapshot before it.
const SNAPSHOT_STEPS = 4;

/** GPT-2 (124M) that continues a text by 32 tokens in 32 steps. All runs share one machine. */
export function gpt2Subject(): Subject {
  const engine = engineOf("wasm", 1);
  if (engine === null) throw new BenchError("this host does not run WebAssembly as it should");
  const model = gpt2Model(GPT2_124M, drawnWeights({ seed: 1 }), { caches: true });
  const imported = importGenerator(model, { limits: OWN_MODEL_LIMITS, prompt: PROMPT, tokens: TOKENS });
  const workload = { ...imported, constants: kept(imported.constants), steps: TOKENS, inputs: promptOf(imported) };
  const machine = shared(engine);
  return { name: "gpt2", run: (options) => runOf(workload, machine, options) };
}

function promptOf({ inputs }: ImportedModel): Uint32Array[] {
  const given = new Map([
    ["prompt", wordsOf(feedOf("input_ids", [1, PROMPT], GPT2_124M.vocabulary))],
    ["lengths", Uint32Array.of(PROMPT)],
  ]);
  return inputs.map(({ name }) => given.get(name)!);
}

// Drawn weights are drawn again whenever they are asked for.
function kept(constants: Workload["constants"]): Workload["constants"] {
  const words = new Map<`0x${string}`, Uint32Array>();
  return {
    ...constants,
    get(root) {
      const found = words.get(root) ?? constants.get(root);
      if (found !== undefined) words.set(root, found);
      return found;
    },
  };
}

// Machines of a program hold its weights; runs follow each other on one.
function shared(engine: Engine): Engine {
  let machine: ReturnType<Engine["load"]> | undefined;
  return {
    load(program, options) {
      machine ??= engine.load(program, options);
      machine.restore(null);
      return machine;
    },
  };
}

function example(path: string, steps: number, state: readonly { input: string; output: string }[]): Workload {
  const { program, constants } = importModel(parseModel(readFileSync(join(EXAMPLES, path))), { state });
  const inputs = program.inputs.map(({ length }, index) => denseWords(length, index + 1));
  return { program, steps, inputs, constants };
}

function runOf(
  { program, steps, inputs, constants }: Workload,
  engine: Engine,
  { tamper, trace = "full" }: { tamper?: Tamper; trace?: TraceMode } = {},
): Run {
  const constant = (root: `0x${string}`) => constants.get(root) ?? new Uint32Array(0);
  const told = tamper === undefined ? {} : { tamper };
  return execute(program, {
    steps,
    inputs,
    constants: constant,
    engine,
    trace,
    snapshotSteps: SNAPSHOT_STEPS,
    ...told,
  });
}
