/**
 * ResNet-50 as an ONNX graph (He et al., "Deep residual learning"; the stride is on the 3x3 convolution of a block, as in the
 * published weights of most libraries). Normalisation is a node of its own, or folded into the convolution before it.
 * Activations are [batch, channels, height, width]. Refuses numbers that are not positive and stages
 * without blocks.
 */

import type { OnnxTensor } from "../onnx/element-types.ts";
import { lazyTensor } from "../onnx/element-types.ts";
import type { OnnxModel } from "../onnx/types.ts";
import { checkShape } from "./decoder.ts";
import { float, graphWriter, int, ints } from "./graph.ts";
import type { GraphWriter } from "./graph.ts";
import { floatsOf } from "./layout.ts";
import type { WeightSource } from "./weights.ts";

export interface ResNetShape {
  /** Blocks of each of the four stages. */
  readonly blocks: readonly [number, number, number, number];
  /** Channels after the first convolution; blocks give 4, 8, 16 and 32 times as many. */
  readonly channels: number;
  readonly classes: number;
  /** Height and width of an image. */
  readonly size: number;
  readonly epsilon: number;
}

export const RESNET_50: ResNetShape = { blocks: [3, 4, 6, 3], channels: 64, classes: 1000, size: 224, epsilon: 1e-5 };

export interface ResNetOptions {
  /** Whether normalisation is folded into the convolutions. */
  readonly isFolded: boolean;
}

interface Convolution {
  readonly name: string;
  readonly norm: string;
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
  /** Deviation of the scale that follows, where weights are drawn: small at the end of a block, so that sums stay tame. */
  readonly gain: number;
}

/** The graph of a ResNet with bottleneck blocks. */
export function resnetModel(shape: ResNetShape, weights: WeightSource, options: ResNetOptions): OnnxModel {
  checkShape("resnet", shape, [
    [shape.blocks.every((count) => Number.isInteger(count) && count > 0), "a stage has no block"],
  ]);
  const { channels, classes, size, epsilon } = shape;
  const graph = graphWriter("resnet", { "": 20 });
  const image = graph.input("input", "float32", ["batch_size", 3, size, size]);
  const convolve = (input: string, draft: Convolution): string =>
    options.isFolded
      ? folded(graph, weights, epsilon, input, draft)
      : normalised(graph, weights, epsilon, input, draft);

  let x = convolve(image, { name: "conv1", norm: "bn1", from: 3, to: channels, kernel: 7, stride: 2, gain: 1 });
  x = graph.node("relu", "Relu", [x]);
  x = graph.node("maxpool", "MaxPool", [x], {
    attributes: { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) },
  });
  let from = channels;
  shape.blocks.forEach((count, stage) => {
    const inner = channels * 2 ** stage;
    for (let block = 0; block < count; block++) {
      const at = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const convolutions = [
        { from, to: inner, kernel: 1, stride: 1, gain: 1 },
        { from: inner, to: inner, kernel: 3, stride, gain: 1 },
        { from: inner, to: 4 * inner, kernel: 1, stride: 1, gain: 0.25 },
      ];
      const [first, second, third] = convolutions.map((draft, index): Convolution => ({
        ...draft,
        name: `${at}.conv${index + 1}`,
        norm: `${at}.bn${index + 1}`,
      }));
      const narrow = graph.node(`${at}.relu1`, "Relu", [convolve(x, first)]);
      const middle = graph.node(`${at}.relu2`, "Relu", [convolve(narrow, second)]);
      const wide = convolve(middle, third);
      const [name, norm] = [`${at}.downsample.0`, `${at}.downsample.1`];
      const shortcut = block === 0 ? convolve(x, { name, norm, from, to: 4 * inner, kernel: 1, stride, gain: 0.7 }) : x;
      x = graph.node(`${at}.relu3`, "Relu", [graph.node(`${at}.add`, "Add", [wide, shortcut])]);
      from = 4 * inner;
    }
  });
  const pooled = graph.node("flatten", "Flatten", [graph.node("avgpool", "GlobalAveragePool", [x])]);
  const matrix = weights.tensor("fc.weight", [classes, from], { mean: 0, deviation: 1 / Math.sqrt(from) });
  const bias = weights.tensor("fc.bias", [classes], { mean: 0, deviation: 0.01 });
  const inputs = [pooled, graph.initializer("fc.weight", matrix), graph.initializer("fc.bias", bias)];
  graph.node("output", "Gemm", inputs, { attributes: { transB: int(1) } });
  graph.output("output", "float32", ["batch_size", classes]);
  return graph.finish();
}

function kernelOf(weights: WeightSource, { name, from, to, kernel }: Convolution): OnnxTensor {
  const deviation = Math.sqrt(2 / (from * kernel * kernel));
  return weights.tensor(`${name}.weight`, [to, from, kernel, kernel], { mean: 0, deviation });
}

/** What the normalisation after a convolution is made of, each [to]. */
function statistics(
  weights: WeightSource,
  { norm, to, gain }: Convolution,
): Record<"scale" | "bias" | "mean" | "variance", OnnxTensor> {
  const vector = (part: string, mean: number, deviation: number): OnnxTensor =>
    weights.tensor(`${norm}.${part}`, [to], { mean, deviation });
  return {
    scale: vector("weight", gain, 0.1 * gain),
    bias: vector("bias", 0, 0.1),
    mean: vector("running_mean", 0, 0.1),
    variance: vector("running_var", 1, 0.05),
  };
}

function attributesOf({ kernel, stride }: Convolution) {
  const pad = (kernel - 1) / 2;
  return { kernel_shape: ints(kernel, kernel), strides: ints(stride, stride), pads: ints(pad, pad, pad, pad) };
}

function normalised(
  graph: GraphWriter,
  weights: WeightSource,
  epsilon: number,
  input: string,
  draft: Convolution,
): string {
  const { name, norm } = draft;
  const kernel = graph.initializer(`${name}.weight`, kernelOf(weights, draft));
  const made = graph.node(name, "Conv", [input, kernel], { attributes: attributesOf(draft) });
  const { scale, bias, mean, variance } = statistics(weights, draft);
  const inputs = [
    graph.initializer(`${norm}.weight`, scale),
    graph.initializer(`${norm}.bias`, bias),
    graph.initializer(`${norm}.running_mean`, mean),
    graph.initializer(`${norm}.running_var`, variance),
  ];
  return graph.node(norm, "BatchNormalization", [made, ...inputs], { attributes: { epsilon: float(epsilon) } });
}

// conv(x, w) * s + (bias - mean * s) with s = scale / sqrt(variance + epsilon), in float64 and rounded once.
function folded(graph: GraphWriter, weights: WeightSource, epsilon: number, input: string, draft: Convolution): string {
  const { name, to } = draft;
  const kernel = kernelOf(weights, draft);
  const parts = statistics(weights, draft);
  const factors = (): Float64Array => {
    const [scale, variance] = [floatsOf(parts.scale), floatsOf(parts.variance)];
    return Float64Array.from(scale, (item, channel) => item / Math.sqrt(variance[channel] + epsilon));
  };
  const scaled = lazyTensor("float32", kernel.shape, () => {
    const data = Float32Array.from(floatsOf(kernel));
    const each = data.length / to;
    factors().forEach((factor, channel) => {
      for (let i = channel * each; i < (channel + 1) * each; i++) data[i] *= factor;
    });
    return data;
  });
  const shifted = lazyTensor("float32", [to], () => {
    const [bias, mean] = [floatsOf(parts.bias), floatsOf(parts.mean)];
    return Float32Array.from(factors(), (factor, channel) => bias[channel] - mean[channel] * factor);
  });
  const inputs = [input, graph.initializer(`${name}.weight`, scaled), graph.initializer(`${name}.bias`, shifted)];
  return graph.node(name, "Conv", inputs, { attributes: attributesOf(draft) });
}
