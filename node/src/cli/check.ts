/**
 * `lockstep model check`: an ONNX file here and in onnxruntime. Beside the outputs it compares what lies between: the tensors
 * of the graph are made outputs of the same file for both, in its order and some hundreds at a time, until one parts
 * beyond a threshold. Tensors that a program cannot give are skipped, and named.
 */
import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { LockstepError } from "../float/errors.ts";
import type { Host } from "../host/index.ts";
import { importModel, MalformedModelError, OWN_MODEL_LIMITS, parseModel } from "../onnx/index.ts";
import type { ImportedModel, OnnxModel } from "../onnx/index.ts";
import { GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema } from "../onnx/proto/onnx_pb.ts";
import { openModel } from "../models/index.ts";
import { apart, type Apart } from "./compare.ts";
import { readUserFile, writeUserFile } from "./files.ts";
import type { ModelOptions } from "./model-source.ts";
import { runReference } from "./onnxruntime.ts";
import { runModel } from "./run-model.ts";
import { StoppedError } from "./stop.ts";

/** A tensor, compared. */
export interface Compared extends Apart {
  readonly name: string;
  readonly elementType: string;
  readonly shape: readonly number[];
  /** The words at the element that differs most. */
  readonly ours: number;
  readonly theirs: number;
}

/** The first tensor of the graph that parts, with the node that makes it. */
export interface Parting extends Compared {
  readonly operator: string;
  readonly node: string;
}

export interface CheckOptions {
  readonly options: ModelOptions;
  readonly inputs: readonly Uint32Array[];
  readonly host: Host;
  /** The largest difference that is none, as a part of the tensor's largest magnitude. */
  readonly threshold: number;
  /** Ends the comparison with StoppedError. */
  readonly signal: AbortSignal;
}

export interface CheckResult {
  readonly outputs: readonly Compared[];
  readonly parting: Parting | null;
  /** Tensors of the graph that were compared, the first that parts included. */
  readonly compared: number;
  /** Those that a program or onnxruntime cannot give. */
  readonly skipped: readonly string[];
}

// A program has at most 512 slots and outputs.
const BATCH = 400;

/** Compares the outputs of the model, and then every tensor of its graph until one parts. */
export async function checkModel(path: string, model: ImportedModel, options: CheckOptions): Promise<CheckResult> {
  const names = model.outputs.map(({ name }) => name);
  const outputs = (await compare(path, model, names, options)).filter((one) => one !== null);
  const opened = openModel(path);
  try {
    const made = opened.model.graph.nodes.flatMap((node) =>
      node.outputs.filter((name) => name !== "").map((name) => ({ name, node })),
    );
    const skipped: string[] = [];
    let compared = 0;
    for (let first = 0; first < made.length; first += BATCH) {
      const batch = made.slice(first, first + BATCH);
      // Lowering takes its time, and a signal is heard in a pause alone.
      await new Promise((resolve) => setImmediate(resolve));
      if (options.signal.aborted) throw new StoppedError();
      const exposed = expose(
        opened.model,
        batch.map(({ name }) => name),
        options.options,
        skipped,
      );
      if (exposed === null) continue;
      const wanted = exposed.outputs.map(({ name }) => name);
      const found = await withExposed(path, opened.model, wanted, (source) =>
        compare(source, exposed, wanted, options),
      );
      for (const [index, one] of found.entries()) {
        if (one === null) {
          skipped.push(wanted[index]);
          continue;
        }
        compared++;
        if (!isParted(one, options.threshold)) continue;
        const node = batch.find(({ name }) => name === one.name)?.node;
        const parting = { ...one, operator: node?.opType ?? "", node: node?.name ?? "" };
        return { outputs, parting, compared, skipped };
      }
    }
    return { outputs, parting: null, compared, skipped };
  } finally {
    opened.close();
  }
}

// Integers and bools are exact; what is not finite is never near anything else.
function isParted({ absolute, relative, elementType }: Compared, threshold: number): boolean {
  return elementType === "float32" ? relative > threshold : absolute > 0;
}

/** Compares outputs by name; null for one that onnxruntime gives in a type that no program holds. */
async function compare(
  source: string | Uint8Array,
  model: ImportedModel,
  names: readonly string[],
  { inputs, host, options, signal }: CheckOptions,
): Promise<(Compared | null)[]> {
  const { run } = await runModel(model, { inputs, steps: 1, host, trace: "none", signal });
  const given = model.inputs.map((tensor, index) => ({ ...tensor, words: inputs[index] }));
  const reference = await runReference(source, given, names, options.bind);
  return model.outputs.map(({ name, elementType, shape }, index) => {
    const theirs = reference[index];
    if (theirs === null) return null;
    const words = run.outputs[index];
    if (theirs.words.length !== words.length) throw new ReferenceShapeError(name, shape, theirs.shape);
    const distance = apart(model.program.outputs[index].type, words, theirs.words);
    const { element } = distance;
    return { name, elementType, shape, ...distance, ours: words[element], theirs: theirs.words[element] };
  });
}

/** The model with other outputs, without those that it cannot have; null where none is left. */
function expose(
  model: OnnxModel,
  names: readonly string[],
  options: ModelOptions,
  skipped: string[],
): ImportedModel | null {
  let wanted = [...names];
  while (wanted.length > 0) {
    const outputs = wanted.map((name) => ({ name, kind: "unknown" as const }));
    try {
      return importModel({ ...model, graph: { ...model.graph, outputs } }, { limits: OWN_MODEL_LIMITS, ...options });
    } catch (error) {
      const name = error instanceof LockstepError ? error.values["name"] : undefined;
      if (typeof name !== "string" || !wanted.includes(name)) throw error;
      skipped.push(name);
      wanted = wanted.filter((other) => other !== name);
    }
  }
  return null;
}

/**
 * Gives the file with more outputs: fields of a protobuf message that come twice are merged, so that they are written behind
 * it. A model with weights in other files has to lie beside them while it is read.
 */
async function withExposed<T>(
  path: string,
  { graph }: OnnxModel,
  names: readonly string[],
  use: (source: string | Uint8Array) => Promise<T>,
): Promise<T> {
  const declared = new Set(graph.outputs.map(({ name }) => name));
  const output = names.filter((name) => !declared.has(name)).map((name) => create(ValueInfoProtoSchema, { name }));
  const more = create(ModelProtoSchema, { graph: create(GraphProtoSchema, { output }) });
  const bytes = new Uint8Array(Buffer.concat([readUserFile(path), toBinary(ModelProtoSchema, more)]));
  if (isWhole(bytes)) return use(bytes);
  const beside = join(dirname(path), `.${process.pid}.${basename(path)}`);
  try {
    writeUserFile(beside, bytes);
    return await use(beside);
  } finally {
    rmSync(beside, { force: true });
  }
}

function isWhole(bytes: Uint8Array): boolean {
  try {
    parseModel(bytes);
    return true;
  } catch (error) {
    if (error instanceof MalformedModelError && error.values["rule"] === "external-missing") return false;
    throw error;
  }
}

/** onnxruntime gives a tensor of another size. */
export class ReferenceShapeError extends LockstepError {
  constructor(name: string, ours: readonly number[], theirs: readonly number[]) {
    const message = `${name} has shape [${ours.join(", ")}] here and [${theirs.join(", ")}] in onnxruntime`;
    super("ReferenceShapeError", message, { name, ours, theirs });
  }
}
