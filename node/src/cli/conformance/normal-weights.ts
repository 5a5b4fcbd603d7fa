/**
 * The suite's light networks hold constant weights, so that a thousand outputs are a few numbers. Here every float32 constant
 * is replaced by normals drawn from a seed, scaled so that activations keep their size, and the outputs are compared with
 * onnxruntime's on the same file. Refuses (as failed) networks whose outputs are not nearly all different.
 */
import { readFileSync } from "node:fs";
import { execute } from "../../engine/index.ts";
import { createRandom } from "../../float/directed.ts";
import type { Host } from "../../host/index.ts";
import { difference, importModel, parseModel, serializeModel, SUITE_TOLERANCE } from "../../onnx/index.ts";
import type { OnnxModel, OnnxNode, OnnxTensor, Tolerance } from "../../onnx/index.ts";
import { knownFromWords, sizeOf } from "../../onnx/values.ts";
import { runReference } from "../onnxruntime.ts";

/** Of an output, at least so many words are different ones, or nine tenths of a shorter one. */
const LEAST_DISTINCT = 900;

/** In deviations: what lies below the mean by more is rare. */
const RAISED = 3;

/** What came of a network: how many different words its outputs hold, and why they are not those of onnxruntime. */
export interface NormalResult {
  readonly distinct: number;
  readonly failure: string | null;
}

/** Runs one network here and in onnxruntime. The input is arange(n) / n, as the suite has it. */
export async function runNormalCase(
  path: string,
  seed: number,
  host: Host,
  tolerance: Tolerance = SUITE_TOLERANCE,
): Promise<NormalResult> {
  const model = calibrated(withNormalWeights(parseModel(readFileSync(path)), seed), host);
  const { imported, inputs, outputs } = runHere(model, host);
  const given = imported.inputs.map((tensor, index) => ({ ...tensor, words: inputs[index] }));
  const names = imported.outputs.map(({ name }) => name);
  const reference = await runReference(serializeModel(model), given, names);
  let distinct = Number.MAX_SAFE_INTEGER;
  let failure: string | null = null;
  imported.outputs.forEach(({ name, elementType, shape }, index) => {
    const words = outputs[index];
    const found = new Set(words).size;
    distinct = Math.min(distinct, found);
    const least = Math.min(LEAST_DISTINCT, Math.ceil(0.9 * words.length));
    const theirs = reference[index]?.words ?? new Uint32Array(0);
    const expected = knownFromWords(elementType, shape, theirs);
    const reason = difference(knownFromWords(elementType, shape, words), expected, tolerance);
    if (reason !== null) failure ??= `output ${name}: ${reason}`;
    if (found < least) failure ??= `output ${name} holds ${found} different words, fewer than ${least}`;
  });
  return { distinct, failure };
}

function runHere(model: OnnxModel, { engine }: Host) {
  const imported = importModel(model);
  const inputs = imported.program.inputs.map(({ length }) => {
    const values = Float32Array.from({ length }, (_, index) => index / length);
    return new Uint32Array(values.buffer);
  });
  const { constants, program } = imported;
  const constant = (root: `0x${string}`) => constants.get(root) ?? new Uint32Array(0);
  const { outputs } = execute(program, { inputs, steps: 1, engine, constants: constant, trace: "none" });
  return { imported, inputs, outputs };
}

/**
 * A network grows or shrinks its signal by some power, and a softmax over large numbers gives zeros and a one. The weights of
 * the last contraction are divided so that what goes into the softmax has deviation 1; where a Relu stands between, the biases
 * are moved up, since all that it cuts off is the same zero.
 */
function calibrated(model: OnnxModel, host: Host): OnnxModel {
  const { graph } = model;
  const softmax = graph.nodes.find(({ opType }) => opType === "Softmax");
  const last = softmax === undefined ? undefined : contractionBefore(graph.nodes, softmax.inputs[0]);
  if (softmax === undefined || last === undefined) return model;
  const outputs = [{ name: softmax.inputs[0], kind: "unknown" as const }];
  const [words] = runHere({ ...model, graph: { ...graph, outputs } }, host).outputs;
  const logits = new Float32Array(words.buffer, words.byteOffset, words.length);
  const mean = logits.reduce((sum, value) => sum + value, 0) / logits.length;
  const deviation = Math.sqrt(logits.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logits.length);
  const initializers = new Map(graph.initializers);
  for (const name of last.node.inputs.slice(1)) {
    const tensor = initializers.get(name);
    if (tensor?.dtype !== "float32") continue;
    const shift = last.isClipped && tensor.shape.length === 1 ? RAISED : 0;
    initializers.set(name, { ...tensor, data: tensor.data.map((value) => value / deviation + shift) });
  }
  return { ...model, graph: { ...graph, initializers } };
}

function contractionBefore(
  nodes: readonly OnnxNode[],
  name: string,
  isClipped = false,
): { node: OnnxNode; isClipped: boolean } | undefined {
  const node = nodes.find(({ outputs }) => outputs.includes(name));
  if (node === undefined) return undefined;
  if (["Conv", "Gemm", "MatMul"].includes(node.opType)) return { node, isClipped };
  return contractionBefore(nodes, node.inputs[0], isClipped || node.opType === "Relu");
}

/** The model with every float32 constant drawn anew. */
export function withNormalWeights(model: OnnxModel, seed: number): OnnxModel {
  const next = normals(seed);
  const { graph } = model;
  const initializers = new Map<string, OnnxTensor>();
  for (const [name, tensor] of graph.initializers) {
    initializers.set(name, tensor.dtype === "float32" ? drawn(graph.nodes, name, tensor.shape, next) : tensor);
  }
  const nodes = graph.nodes.filter((node) => {
    const shape = constantShape(node, graph.initializers);
    if (shape === undefined) return true;
    initializers.set(node.outputs[0], drawn(graph.nodes, node.outputs[0], shape, next));
    return false;
  });
  // Since IR version 4 a constant need not be listed as an input.
  const irVersion = Math.max(4, model.irVersion);
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  return { ...model, irVersion, graph: { ...graph, nodes, inputs, initializers } };
}

// The shape of a node that makes a float32 constant, or undefined.
function constantShape(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>): number[] | undefined {
  const value = node.attributes.get("value");
  if (value?.type !== "tensor" || value.value.dtype !== "float32") return undefined;
  if (node.opType === "Constant") return value.value.shape;
  const shape = initializers.get(node.inputs[0] ?? "")?.data;
  return node.opType === "ConstantOfShape" && shape instanceof BigInt64Array ? Array.from(shape, Number) : undefined;
}

// Weights of a contraction by its fan-in, as networks are initialised; the rest near what leaves a signal as it is.
function drawn(nodes: readonly OnnxNode[], name: string, shape: number[], next: () => number): OnnxTensor {
  const { node, input } = userOf(nodes, name);
  const scale = scaleOf(node, input, shape);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => scale(next()));
  return { dtype: "float32", shape, data };
}

function scaleOf(node: OnnxNode | undefined, input: number, shape: readonly number[]): (normal: number) => number {
  const opType = node?.opType ?? "";
  if (opType === "BatchNormalization" && input === 4) return (normal) => 0.5 + Math.abs(normal);
  if ((opType === "BatchNormalization" && input === 1) || opType === "Mul") return (normal) => 1 + 0.1 * normal;
  if (shape.length < 2 || (opType !== "Conv" && opType !== "Gemm" && opType !== "MatMul")) {
    return (normal) => 0.1 * normal;
  }
  const transposed = node?.attributes.get("transB");
  const columnsFirst = opType === "Conv" || (transposed?.type === "int" && transposed.value === 1n);
  const fanIn = columnsFirst ? sizeOf(shape.slice(1)) : shape[0];
  const deviation = Math.sqrt(2 / fanIn);
  return (normal) => deviation * normal;
}

// What reads a constant, seen through nodes that only give it another shape.
function userOf(nodes: readonly OnnxNode[], name: string): { node: OnnxNode | undefined; input: number } {
  const node = nodes.find(({ inputs }) => inputs.includes(name));
  const onlyShapes = node !== undefined && ["Unsqueeze", "Reshape", "Identity", "Transpose"].includes(node.opType);
  if (onlyShapes) return userOf(nodes, node.outputs[0]);
  return { node, input: node?.inputs.indexOf(name) ?? -1 };
}

// Box and Muller, in pairs.
function normals(seed: number): () => number {
  const random = createRandom(seed);
  let second: number | undefined;
  return () => {
    if (second !== undefined) {
      const held = second;
      second = undefined;
      return held;
    }
    const radius = Math.sqrt(-2 * Math.log((random() + 1) / 2 ** 32));
    const angle = (2 * Math.PI * random()) / 2 ** 32;
    second = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
