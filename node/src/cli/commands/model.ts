/** `lockstep model`: what an ONNX file becomes, whether it agrees with onnxruntime, what it computes. */
import { z } from "zod";
import { execute, traceRootOf } from "../../engine/index.ts";
import { sharedHost } from "../../host/index.ts";
import { validateProgram, type Program } from "../../ir/index.ts";
import { eachConstant, importModel, parseModel, type ImportedModel } from "../../onnx/index.ts";
import { defineCommand, integer, list, type Flag, type Input } from "../command.ts";
import { table } from "../format.ts";
import { readUserFile } from "../files.ts";
import { runReference } from "../onnxruntime.ts";
import { readInputs, toValues } from "../tensors.ts";
import { IMPORT_FLAGS, importOptions } from "./program.ts";

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
  flags: IMPORT_FLAGS,
  examples: ["lockstep model inspect examples/digits/digits.onnx"],
  result: z.object({
    programRoot: z.string(),
    inputs: z.array(tensorSchema),
    outputs: z.array(tensorSchema),
    slots: z.int(),
    constantWords: z.int(),
    primitives: z.array(
      z.object({ index: z.int(), operator: z.string(), name: z.string(), shape: z.array(z.int()), words: z.int() }),
    ),
  }),
  run(input) {
    const model = load(input);
    const { program } = model;
    const primitives = (program.segments[0]?.records ?? []).map((record, index) => {
      const note = program.notes?.primitives[0]?.[index];
      return {
        index,
        operator: note?.operator ?? "",
        name: note?.name ?? "",
        shape: [...(note?.shape ?? [])],
        words: record.length,
      };
    });
    const result = {
      programRoot: model.programRoot,
      inputs: model.inputs.map(toTensor),
      outputs: model.outputs.map(toTensor),
      slots: program.slots.length,
      constantWords: [...eachConstant(model.constants)].reduce((sum, [, words]) => sum + words.length, 0),
      primitives,
    };
    const rows = primitives.map((one) => [String(one.index), one.operator, one.name, `[${one.shape.join(", ")}]`]);
    const text = [
      `program ${result.programRoot}`,
      `inputs  ${result.inputs.map(describe).join(", ")}`,
      `outputs ${result.outputs.map(describe).join(", ")}`,
      `${result.slots} slots, ${result.constantWords} constant words, ${primitives.length} primitives`,
      "",
      table(["#", "operator", "name", "shape"], rows),
    ].join("\n");
    return Promise.resolve({ result, text });
  },
});

const outputSchema = tensorSchema.extend({ values: z.array(z.union([z.number(), z.string(), z.boolean()])) });

export const modelRun = defineCommand({
  path: ["model", "run"],
  summary: "run an ONNX file bit for bit as a claim would",
  args: MODEL,
  flags: [INPUT_FLAG, { flag: "--steps <count>", summary: "steps to run", default: "1" }, ...IMPORT_FLAGS],
  examples: ["lockstep model run examples/digits/digits.onnx --input examples/digits/samples/input-3.npy"],
  result: z.object({ programRoot: z.string(), traceRoot: z.string(), outputs: z.array(outputSchema) }),
  async run(input) {
    const model = load(input);
    const { run, traceRoot } = runModel(
      model,
      readInputs(model, list(input, "input")),
      integer(input, "steps", 1, 2 ** 20) ?? 1,
    );
    const outputs = model.outputs.map((tensor, index) => ({
      ...toTensor(tensor),
      values: toValues(run.outputs[index] ?? new Uint32Array(0), model.program.outputs[index]?.type ?? "f32"),
    }));
    const text = outputs.map((one) => `${describe(one)}\n  ${one.values.slice(0, 64).join(" ")}`).join("\n");
    return { result: { programRoot: model.programRoot, traceRoot, outputs }, text: `trace root ${traceRoot}\n${text}` };
  },
});

export const modelCheck = defineCommand({
  path: ["model", "check"],
  summary: "run an ONNX file here and in onnxruntime and show the largest difference",
  args: MODEL,
  flags: [
    INPUT_FLAG,
    { flag: "--seed <number>", summary: "of the inputs drawn where none are given", default: "1" },
    ...IMPORT_FLAGS,
  ],
  result: z.object({
    programRoot: z.string(),
    outputs: z.array(tensorSchema.extend({ largestDifference: z.number(), largestRelativeDifference: z.number() })),
  }),
  async run(input) {
    const path = input.args[0] ?? "";
    const model = load(input);
    const given = list(input, "input");
    const inputs = given.length > 0 ? readInputs(model, given) : drawInputs(model.program, integer(input, "seed") ?? 1);
    const { run } = runModel(model, inputs, 1);
    const reference = await runReference(path, model, inputs);
    const outputs = model.outputs.map((tensor, index) => {
      const type = model.program.outputs[index]?.type ?? "f32";
      const ours = toValues(run.outputs[index] ?? new Uint32Array(0), type).map(Number);
      return { ...toTensor(tensor), ...differences(ours, reference[index] ?? []) };
    });
    const rows = outputs.map((one) => [
      describe(one),
      String(one.largestDifference),
      String(one.largestRelativeDifference),
    ]);
    return {
      result: { programRoot: model.programRoot, outputs },
      text: table(["output", "largest difference", "largest relative difference"], rows),
    };
  },
});

function load(input: Input): ImportedModel {
  const model = importModel(parseModel(readUserFile(input.args[0] ?? "")), importOptions(input));
  validateProgram(model.program);
  return model;
}

function runModel(model: ImportedModel, inputs: readonly Uint32Array[], steps: number) {
  const run = execute(model.program, {
    inputs,
    steps,
    engine: sharedHost().engine,
    constants: (root) => model.constants.get(root) ?? new Uint32Array(0),
  });
  return { run, traceRoot: traceRootOf(run) };
}

// Uniform in [-1, 1) for floats, 0 or 1 for the rest: enough to compare two runtimes.
function drawInputs(program: Program, seed: number): Uint32Array[] {
  let state = seed >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const bits = new DataView(new ArrayBuffer(4));
  return program.inputs.map(({ length, type }) =>
    Uint32Array.from({ length }, () => {
      const drawn = next();
      if (type === "f32") {
        bits.setFloat32(0, 2 * drawn - 1);
        return bits.getUint32(0);
      }
      const bit = drawn < 0.5 ? 0 : 1;
      return type === "bool" ? -bit >>> 0 : bit;
    }),
  );
}

function differences(ours: readonly number[], theirs: readonly number[]) {
  let largestDifference = 0;
  let largestRelativeDifference = 0;
  ours.forEach((value, index) => {
    const other = theirs[index] ?? Number.NaN;
    if (Object.is(value, other) || value === other || (Number.isNaN(value) && Number.isNaN(other))) return;
    const difference = Math.abs(value - other);
    largestDifference = Math.max(largestDifference, difference);
    largestRelativeDifference = Math.max(largestRelativeDifference, difference / Math.max(Math.abs(other), 1e-30));
  });
  return { largestDifference, largestRelativeDifference };
}

function toTensor({ name, elementType, shape }: ImportedModel["inputs"][number]) {
  return { name, type: String(elementType), shape: [...shape] };
}

function describe({ name, type, shape }: z.infer<typeof tensorSchema>): string {
  return `${name}: ${type}[${shape.join(", ")}]`;
}
