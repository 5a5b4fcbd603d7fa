// What the benchmarks run: kernels as models of one node, and networks with drawn weights. Feeds follow from names and shapes.
import { modelOf, randomFloats, randomWords } from "@lockstep/node/onnx/fixtures";
import type { NodeSketch } from "@lockstep/node/onnx/fixtures";
import {
  GPT2_124M,
  QWEN25_05B,
  RESNET_50,
  drawnWeights,
  gpt2Model,
  qwenModel,
  resnetModel,
} from "@lockstep/node/models";
import type { OnnxModel } from "@lockstep/node/onnx";

/** A model that is run from its inputs to its outputs at once. */
export interface BenchModel {
  readonly name: string;
  /** Whether its peak memory is measured too. */
  readonly kind: "kernel" | "network";
  /** Extents of symbolic dimensions. */
  readonly dims: Readonly<Record<string, number>>;
  /** Floating-point operations of a run where the row gives GFLOP/s, else null: ms. */
  readonly operations: number | null;
  build(): OnnxModel;
}

/** A language model that makes a text token by token. */
export interface BenchDecoder {
  readonly name: string;
  readonly kind: "decoder";
  readonly layers: number;
  readonly keyHeads: number;
  readonly headSize: number;
  readonly vocabulary: number;
  build(): OnnxModel;
}

/** A graph input's data. */
export interface Feed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

const ROWS = 64;
const COLUMNS = 768;

function kernel(
  name: string,
  node: NodeSketch,
  shape: readonly number[],
  rest: Partial<Pick<BenchModel, "operations">> & { weights?: Record<string, readonly number[]>; opset?: number } = {},
): BenchModel {
  const { operations = null, weights = {}, opset = 20 } = rest;
  return {
    name,
    dims: {},
    operations,
    kind: "kernel",
    build: () =>
      modelOf({
        opset,
        nodes: [node],
        inputs: { x: { dtype: "float32", shape: [...shape] } },
        initializers: Object.fromEntries(
          Object.entries(weights).map(([weight, extents], index) => [weight, randomFloats(extents, index + 1)]),
        ),
        outputs: ["y0"],
      }),
  };
}

const product = (name: string, rows: number, inner: number, columns: number): BenchModel =>
  kernel(name, { op: "MatMul", inputs: ["x", "w"] }, [rows, inner], {
    operations: 2 * rows * inner * columns,
    weights: { w: [inner, columns] },
  });

/** Models of one node. */
export const KERNELS: readonly BenchModel[] = [
  product("gemm-512", 512, 512, 512),
  product("gemm-1024", 1024, 1024, 1024),
  product("gemv-768x3072", 1, 768, 3072),
  kernel(`softmax-${ROWS}x${COLUMNS}`, { op: "Softmax", inputs: ["x"] }, [ROWS, COLUMNS]),
  kernel(
    `layernorm-${ROWS}x${COLUMNS}`,
    { op: "LayerNormalization", inputs: ["x", "scale", "bias"] },
    [ROWS, COLUMNS],
    {
      weights: { scale: [COLUMNS], bias: [COLUMNS] },
    },
  ),
  kernel(`gelu-${ROWS}x${COLUMNS}`, { op: "Gelu", inputs: ["x"] }, [ROWS, COLUMNS]),
];

const SEED = 1;

/** Networks that are run whole. */
export const NETWORKS: readonly BenchModel[] = [
  {
    name: "gpt2-prefill64",
    kind: "network",
    dims: { batch_size: 1, sequence_length: 64 },
    operations: null,
    build: () => gpt2Model(GPT2_124M, drawnWeights({ seed: SEED }), { caches: false }),
  },
  {
    name: "resnet50",
    kind: "network",
    dims: { batch_size: 1 },
    operations: null,
    build: () => resnetModel(RESNET_50, drawnWeights({ seed: SEED }), { isFolded: true }),
  },
];

/** Decoders with caches. The weights of the second are all ones that bfloat16 represents. */
export const DECODERS: readonly BenchDecoder[] = [
  {
    name: "gpt2-decode",
    kind: "decoder",
    layers: GPT2_124M.layers,
    keyHeads: GPT2_124M.heads,
    headSize: GPT2_124M.width / GPT2_124M.heads,
    vocabulary: GPT2_124M.vocabulary,
    build: () => gpt2Model(GPT2_124M, drawnWeights({ seed: SEED }), { caches: true }),
  },
  {
    ...QWEN25_05B,
    name: "qwen05-decode",
    kind: "decoder",
    build: () =>
      qwenModel(QWEN25_05B, drawnWeights({ seed: SEED, isBfloat16: true }), { caches: true, attention: "group-query" }),
  },
];

/** Everything that is measured beside onnxruntime. */
export const MODELS: readonly (BenchModel | BenchDecoder)[] = [...KERNELS, ...DECODERS, ...NETWORKS];

/** A model of the benchmarks by its name. */
export function modelNamed(name: string): BenchModel | BenchDecoder {
  const model = MODELS.find((candidate) => candidate.name === name);
  if (model === undefined) throw new RangeError(`no model of the benchmarks is called ${name}`);
  return model;
}

/** Data for a graph input: token ids from a seed, a mask that hides nothing, positions in order, floats in [-2, 2). */
export function feedOf(name: string, shape: readonly number[], vocabulary = GPT2_124M.vocabulary, seed = 7): Feed {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const integers = (value: (index: number) => number): BigInt64Array =>
    BigInt64Array.from({ length: count }, (_, index) => BigInt(value(index)));
  const next = randomWords(seed);
  switch (name) {
    case "input_ids":
      return { name, shape, data: integers(() => next() % vocabulary) };
    case "attention_mask":
      return { name, shape, data: integers(() => 1) };
    case "position_ids":
      return { name, shape, data: integers((index) => index) };
    default:
      return { name, shape, data: Float32Array.from({ length: count }, () => next() / 2 ** 30 - 2) };
  }
}

/** The inputs that a model's file declares, with these extents for its symbolic dimensions. */
export function declaredInputs(
  model: OnnxModel,
  dims: Readonly<Record<string, number>>,
): Pick<Feed, "name" | "shape">[] {
  return model.graph.inputs.map(({ name, shape = [] }) => {
    return { name, shape: shape.map((extent) => (typeof extent === "number" ? extent : dims[extent ?? ""])) };
  });
}

/** The words of a feed, as a program takes them. */
export function wordsOf({ data }: Feed): Uint32Array {
  if (data instanceof Float32Array) return new Uint32Array(data.buffer, data.byteOffset, data.length);
  return Uint32Array.from(data, (value) => Number(value & 0xffffffffn));
}
