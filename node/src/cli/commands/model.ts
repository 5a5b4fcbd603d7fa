/** `lockstep model`: what an ONNX file becomes, whether it agrees with onnxruntime, what it computes. */
import { join } from "node:path";
import { z } from "zod";
import { TIERS } from "../../host/index.ts";
import type { Program } from "../../ir/index.ts";
import type { ImportedModel } from "../../onnx/index.ts";
import { checkModel } from "../check.ts";
import { defineCommand, integer, list, OptionError, text, type Flag, type Input } from "../command.ts";
import { ENGINE_FLAGS, hostOf } from "../engine-options.ts";
import { table, wordHex } from "../format.ts";
import { GENERATOR_FLAGS, IMPORT_FLAGS, importOptions, loadModel } from "../model-source.ts";
import { runModel, TRACE_FLAG, traceOption } from "../run-model.ts";
import { readInputs, toValues, writeNpy } from "../tensors.ts";

const MODEL = [{ name: "<model>", summary: "the ONNX file" }];
const INPUT_FLAG: Flag = {
  flag: "--input <file>",
  summary: "a .npy or .pb tensor, one per input in order; repeatable",
  repeat: true,
};

const tensorSchema = z.object({ name: z.string(), type: z.string(), shape: z.array(z.int()) });

export const modelInspect = defineCommand({
  path: ["model", "inspect"],
  summary: "show the program an ONNX file lowers to",
  args: MODEL,
  flags: [...IMPORT_FLAGS, ...GENERATOR_FLAGS],
  examples: ["lockstep model inspect examples/digits/digits.onnx"],
  result: z.object({
    programRoot: z.string(),
    inputs: z.array(tensorSchema),
    outputs: z.array(tensorSchema),
    slots: z.int(),
    constantWords: z.int(),
    primitives: z.array(
      z.object({
        /** A program of tokens has a segment for the prompts and others for what follows. */
        segment: z.int(),
        index: z.int(),
        operator: z.string(),
        name: z.string(),
        shape: z.array(z.int()),
        words: z.int(),
      }),
    ),
  }),
  run(input) {
    const result = withModel(input, (model) => {
      const { program } = model;
      const primitives = program.segments.flatMap(({ records }, segment) =>
        records.map((record, index) => {
          const note = program.notes?.primitives[segment]?.[index];
          return {
            segment,
            index,
            operator: note?.operator ?? "",
            name: note?.name ?? "",
            shape: [...(note?.shape ?? [])],
            words: record.length,
          };
        }),
      );
      return {
        programRoot: model.programRoot,
        inputs: model.inputs.map(toTensor),
        outputs: model.outputs.map(toTensor),
        slots: program.slots.length,
        constantWords: constantWords(program),
        primitives,
      };
    });
    const { primitives } = result;
    const segments = (primitives.at(-1)?.segment ?? 0) + 1;
    const rows = primitives.map(({ segment, index, operator, name, shape }) => {
      const place = segments === 1 ? String(index) : `${segment}.${index}`;
      return [place, operator, name, `[${shape.join(", ")}]`];
    });
    const count = `${primitives.length} primitives${segments === 1 ? "" : ` in ${segments} segments`}`;
    const lines = [
      `program ${result.programRoot}`,
      `inputs  ${result.inputs.map(describe).join(", ")}`,
      `outputs ${result.outputs.map(describe).join(", ")}`,
      `${result.slots} slots, ${result.constantWords} constant words, ${count}`,
      "",
      table(["#", "operator", "name", "shape"], rows),
    ];
    return Promise.resolve({ result, text: lines.join("\n") });
  },
});

const outputSchema = tensorSchema.extend({
  /** Left out where the tensor is written to a file. */
  values: z.array(z.union([z.number(), z.string(), z.boolean()])).optional(),
  file: z.string().optional(),
});

export const modelRun = defineCommand({
  path: ["model", "run"],
  summary: "run an ONNX file bit for bit as a claim would",
  args: MODEL,
  flags: [
    INPUT_FLAG,
    { flag: "--steps <count>", summary: "steps to run", default: "1" },
    TRACE_FLAG,
    { flag: "--out <folder>", summary: "write the outputs there, each as <name>.npy" },
    ...ENGINE_FLAGS,
    ...IMPORT_FLAGS,
    ...GENERATOR_FLAGS,
  ],
  examples: ["lockstep model run examples/digits/digits.onnx --input examples/digits/samples/input-3.npy"],
  result: z.object({
    programRoot: z.string(),
    /** Null when nothing is committed to. */
    traceRoot: z.string().nullable(),
    trace: z.enum(["full", "deferred", "none"]),
    steps: z.int(),
    tier: z.enum(TIERS),
    threads: z.int(),
    /** Of the run alone, without loading the model. */
    seconds: z.number(),
    outputs: z.array(outputSchema),
  }),
  async run(input) {
    const trace = traceOption(input);
    const steps = integer(input, "steps", 1, 2 ** 20) ?? 1;
    const folder = text(input, "out");
    const host = hostOf(input);
    const { model, close } = loadModel(input.args[0] ?? "", importOptions(input));
    try {
      const inputs = readInputs(model, list(input, "input"));
      const started = performance.now();
      const options = { inputs, steps, trace, host, signal: input.signal };
      const { run, traceRoot } = await runModel(model, options);
      const seconds = Math.round(performance.now() - started) / 1000;
      const shown: string[] = [];
      const files = fileNames(model.outputs.map(({ name }) => name));
      const outputs = model.outputs.map((tensor, index) => {
        const words = run.outputs[index] ?? new Uint32Array(0);
        const values = toValues(words.subarray(0, folder === undefined ? words.length : 64), wordType(model, index));
        const described = describe(toTensor(tensor));
        if (folder === undefined) {
          shown.push(described, `  ${values.slice(0, 64).join(" ")}`);
          return { ...toTensor(tensor), values };
        }
        const file = join(folder, `${files[index]}.npy`);
        writeNpy(file, tensor.elementType, tensor.shape, words);
        shown.push(described, `  ${file}`);
        return { ...toTensor(tensor), file };
      });
      const root = traceRoot === null ? "no trace" : `trace root ${traceRoot}`;
      const { tier, threads } = host;
      const result = { programRoot: model.programRoot, traceRoot, trace, steps, tier, threads, seconds, outputs };
      return { result, text: [root, ...shown].join("\n") };
    } finally {
      close();
    }
  },
});

const comparedSchema = tensorSchema.extend({
  /** Infinite differences, of a NaN or an infinity and something else, are null. */
  largestDifference: z.number().nullable(),
  largestRelativeDifference: z.number().nullable(),
  largestUlp: z.number(),
  element: z.int(),
  ours: z.string(),
  theirs: z.string(),
});

export const modelCheck = defineCommand({
  path: ["model", "check"],
  summary:
    "run an ONNX file here and in onnxruntime; show how far the outputs and the first tensor that parts are apart",
  args: MODEL,
  flags: [
    INPUT_FLAG,
    { flag: "--seed <number>", summary: "of the inputs drawn where none are given", default: "1" },
    {
      flag: "--threshold <part>",
      summary: "difference, as a part of a tensor's largest magnitude, from which it parts",
      default: "0.001",
    },
    ...ENGINE_FLAGS,
    ...IMPORT_FLAGS,
  ],
  examples: ["lockstep model check examples/digits/digits.onnx --input examples/digits/samples/input-3.npy"],
  result: z.object({
    programRoot: z.string(),
    outputs: z.array(comparedSchema),
    /** The first tensor, in the order of the graph, that differs beyond the threshold. */
    firstDifference: comparedSchema.extend({ operator: z.string(), node: z.string() }).nullable(),
    /** Tensors of the graph that were compared, and those that could not be. */
    compared: z.int(),
    skipped: z.array(z.string()),
    threshold: z.number(),
  }),
  async run(input) {
    const path = input.args[0] ?? "";
    const threshold = thresholdOf(input);
    const options = importOptions(input);
    const host = hostOf(input);
    const { model, close } = loadModel(path, options);
    try {
      const given = list(input, "input");
      const inputs = given.length > 0 ? readInputs(model, given) : drawInputs(model, integer(input, "seed") ?? 1);
      const found = await checkModel(path, model, { options, inputs, host, threshold, signal: input.signal });
      const outputs = found.outputs.map(toCompared);
      const { parting, compared, skipped } = found;
      const firstDifference =
        parting === null ? null : { ...toCompared(parting), operator: parting.operator, node: parting.node };
      const rows = [...outputs, ...(firstDifference === null ? [] : [firstDifference])].map((one) => [
        describe(one),
        String(one.largestDifference ?? "infinite"),
        String(one.largestRelativeDifference ?? "infinite"),
        String(one.largestUlp),
      ]);
      const verdict =
        firstDifference === null
          ? `${compared} tensors of the graph agree within ${threshold} of their largest magnitude`
          : `the first that parts: ${firstDifference.name}, made by ${firstDifference.operator} ${firstDifference.node}`;
      const skips = skipped.length === 0 ? [] : [`not compared: ${skipped.join(", ")}`];
      return {
        result: {
          programRoot: model.programRoot,
          outputs,
          firstDifference,
          compared,
          skipped: [...skipped],
          threshold,
        },
        text: [table(["tensor", "largest difference", "of the magnitude", "ulp"], rows), "", verdict, ...skips].join(
          "\n",
        ),
      };
    } finally {
      close();
    }
  },
});

function withModel<T>(input: Input, use: (model: ImportedModel) => T): T {
  const { model, close } = loadModel(input.args[0] ?? "", importOptions(input));
  try {
    return use(model);
  } finally {
    close();
  }
}

function thresholdOf(input: Input): number {
  const value = text(input, "threshold") ?? "0.001";
  const threshold = Number(value);
  if (value.trim() === "" || !(threshold >= 0) || threshold > 1) throw new OptionError("threshold", value, "0 to 1");
  return threshold;
}

// Each constant once, however many primitives read it.
function constantWords(program: Program): number {
  const lengths = new Map<string, number>();
  for (const { initial, length } of program.slots) if (initial.kind === "constant") lengths.set(initial.root, length);
  for (const { operands } of program.segments.flatMap(({ records }) => records)) {
    for (const operand of operands) if (operand.kind === "constant") lengths.set(operand.root, operand.length);
  }
  return [...lengths.values()].reduce((sum, length) => sum + length, 0);
}

// Uniform in [-1, 1) for floats, 0 or 1 for the rest: enough to compare two runtimes. Masks are ones: what is left of a row
// that is masked whole no standard says.
function drawInputs({ program, inputs }: ImportedModel, seed: number): Uint32Array[] {
  let state = seed >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const bits = new DataView(new ArrayBuffer(4));
  return program.inputs.map(({ length, type }, index) =>
    Uint32Array.from({ length }, () => {
      const drawn = /mask/i.test(inputs[index].name) ? 0.75 : next();
      if (type === "f32") {
        bits.setFloat32(0, 2 * drawn - 1);
        return bits.getUint32(0);
      }
      const bit = drawn < 0.5 ? 0 : 1;
      return type === "bool" ? -bit >>> 0 : bit;
    }),
  );
}

function wordType(model: ImportedModel, output: number): Program["outputs"][number]["type"] {
  return model.program.outputs[output]?.type ?? "f32";
}

// A name of an ONNX value may hold anything; what no file name should hold becomes an underscore, and names stay different.
function fileNames(names: readonly string[]): string[] {
  const safe = names.map((name) => name.replace(/[^\w.-]/g, "_").replace(/^\.*$|^\./, "_"));
  return safe.map((name, index) => (safe.indexOf(name) === index ? name : `${name}-${index}`));
}

function toCompared(one: Awaited<ReturnType<typeof checkModel>>["outputs"][number]): z.infer<typeof comparedSchema> {
  const { name, elementType, shape, absolute, relative, ulp, element, ours, theirs } = one;
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    name,
    type: elementType,
    shape: [...shape],
    largestDifference: finite(absolute),
    largestRelativeDifference: finite(relative),
    largestUlp: ulp,
    element,
    ours: wordHex(ours),
    theirs: wordHex(theirs),
  };
}

function toTensor({ name, elementType, shape }: ImportedModel["inputs"][number]) {
  return { name, type: String(elementType), shape: [...shape] };
}

function describe({ name, type, shape }: z.infer<typeof tensorSchema>): string {
  return `${name}: ${type}[${shape.join(", ")}]`;
}
