/** Small networks of the families that published models are of: decoders of text with their caches, and a residual network. */
import { below, type Random } from "../../float/directed.ts";
import { toBits } from "../../float/words.ts";
import { drawnWeights, gpt2Model, qwenModel, resnetModel, type QwenShape } from "../../models/index.ts";
import { importGenerator, type GeneratorSampling } from "../../onnx/generate.ts";
import { importModel, type OnnxModel } from "../../onnx/index.ts";
import { once, type FuzzModel, type Kind } from "./model.ts";

const drawn = drawnWeights({ seed: 5 });

const ROTARY_SHAPE: QwenShape = {
  layers: 1,
  width: 32,
  heads: 4,
  keyHeads: 2,
  headSize: 8,
  hidden: 40,
  vocabulary: 53,
  positions: 64,
  epsilon: 1e-6,
  base: 1e4,
  hasBias: true,
  isTied: true,
};

/** By the name in the report. */
export const NETWORK_KINDS: Readonly<Record<string, Kind>> = {
  generator: decoder(
    () =>
      gpt2Model({ layers: 1, heads: 2, width: 32, hidden: 48, vocabulary: 61, positions: 320, epsilon: 1e-5 }, drawn, {
        caches: true,
      }),
    { batch: 2, prompt: 5, tokens: 6, sampling: { mode: "gumbel", temperature: 0.8, topK: 20 }, endTokens: [60] },
  ),
  // RMS normalisation, rotary positions, two heads of queries to one of keys, SwiGLU.
  "rotary decoder": decoder(() => qwenModel(ROTARY_SHAPE, drawn, { caches: true, attention: "group-query" }), {
    batch: 1,
    prompt: 4,
    tokens: 5,
    sampling: { mode: "greedy" },
    endTokens: [52],
  }),
  "residual network": residualNetwork,
};

interface DecoderPlan {
  readonly batch: number;
  readonly prompt: number;
  readonly tokens: number;
  readonly sampling: GeneratorSampling;
  /** One, the last of the vocabulary. */
  readonly endTokens: readonly [number];
}

/** A decoder with caches in slots, that chooses its tokens. */
function decoder(make: () => OnnxModel, plan: DecoderPlan): Kind {
  const imported = once(() => importGenerator(make(), plan));
  const { batch, prompt, tokens, endTokens } = plan;
  return (random) => {
    const { program, constants, inputs } = imported();
    const given: Readonly<Record<string, Uint32Array>> = {
      prompt: Uint32Array.from({ length: batch * prompt }, () => below(random, endTokens[0])),
      lengths: Uint32Array.from({ length: batch }, () => 1 + below(random, prompt)),
      seed: Uint32Array.of(random(), random()),
    };
    return {
      program,
      inputs: inputs.map(({ name }) => given[name]),
      steps: 1 + below(random, tokens),
      constant: (root) => constants.get(root) ?? new Uint32Array(0),
    };
  };
}

const importedResidual = once(() => {
  const shape = { blocks: [1, 1, 1, 1], channels: 2, classes: 5, size: 32, epsilon: 1e-5 } as const;
  return importModel(resnetModel(shape, drawn, { isFolded: false }), { dims: { batch_size: 1 } });
});

/** Four bottleneck blocks with their normalisations and shortcuts over a small image. */
function residualNetwork(random: Random): FuzzModel {
  const { program, constants } = importedResidual();
  const image = Uint32Array.from({ length: program.inputs[0].length }, () => toBits(random() / 2 ** 31 - 1));
  return { program, inputs: [image], steps: 1, constant: (root) => constants.get(root) ?? new Uint32Array(0) };
}
