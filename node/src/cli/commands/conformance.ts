/** `lockstep conformance`: others' test vectors, through every reader of the scalar program and through the ONNX import. */
import { z } from "zod";
import { createWasmRunner } from "../../engine/wasm/index.ts";
import { defineCommand, integer, OptionError, text } from "../command.ts";
import { findCases } from "../conformance/cases.ts";
import { runVectors } from "../conformance/float32.ts";
import { withLocalChain } from "../conformance/local-chain.ts";
import { runCases, runNormalCases, type Progress } from "../conformance/onnx.ts";
import { chainReader, programReader, typescriptReader } from "../conformance/readers.ts";
import { ENGINE_FLAGS, hostOf } from "../engine-options.ts";
import { table, wordHex } from "../format.ts";

const READERS = ["typescript", "wasm", "chain"] as const;

const readerSchema = z.object({
  /** Lines evaluated, or left out as excluded. */
  cases: z.int(),
  mismatches: z.int(),
  /** Cases in which the standard leaves the choice open and Lockstep's differs: conversions of NaN to integers. */
  excluded: z.int(),
  /** Lines of all files; more than `cases` where the reader took an evenly spaced sample. */
  lines: z.int(),
});

export const conformanceFloat32 = defineCommand({
  path: ["conformance", "float32"],
  summary: "compare every reader of the instructions with Berkeley TestFloat vectors",
  args: [{ name: "<folder>", summary: "files of vectors, named by their function: f32_add.txt" }],
  flags: [
    {
      flag: "--chain-lines <count>",
      summary: "lines of each file that the contracts evaluate, evenly spaced",
      default: "50000",
    },
  ],
  examples: ["lockstep conformance float32 testfloat/", "testfloat_gen -level 2 f32_mulAdd > f32_mulAdd.txt"],
  result: z.object({
    readers: z.object({ typescript: readerSchema, wasm: readerSchema, chain: readerSchema }),
    mismatches: z.array(
      z.object({
        reader: z.string(),
        file: z.string(),
        line: z.int(),
        operands: z.array(z.string()),
        expected: z.string(),
        actual: z.string(),
      }),
    ),
    /** Files of TestFloat functions that Lockstep has no instruction for. */
    unsupported: z.array(z.string()),
  }),
  async run(input) {
    const linesPerFile = integer(input, "chainLines", 1) ?? 50_000;
    const report = await withLocalChain((client) =>
      runVectors(
        input.args[0] ?? "",
        [
          { name: "typescript", read: typescriptReader },
          { name: "wasm", read: programReader(createWasmRunner()) },
          { name: "chain", read: chainReader(client), linesPerFile },
        ],
        progress,
      ),
    );
    const { unsupported } = report;
    const { typescript, wasm, chain } = report.readers;
    const mismatches = report.shown.map((one) => ({
      ...one,
      operands: one.operands.map(wordHex),
      expected: wordHex(one.expected),
      actual: wordHex(one.actual),
    }));
    const rows = READERS.map((name) => {
      const { cases, mismatches: wrong, excluded, lines } = report.readers[name];
      return [name, String(cases), String(wrong), String(excluded), String(lines)];
    });
    const shown = mismatches.map(
      ({ reader, file, line, operands, expected, actual }) =>
        `${file}:${line}: ${reader} gives ${actual} for ${operands.join(" ")}, expected ${expected}`,
    );
    return {
      result: { readers: { typescript, wasm, chain }, mismatches, unsupported },
      text: [
        table(["reader", "cases", "mismatches", "excluded", "lines"], rows),
        ...shown,
        ...unsupported.map((file) => `unsupported ${file}`),
      ].join("\n"),
      exitCode: [typescript, wasm, chain].some((reader) => reader.mismatches > 0) ? 1 : 0,
    };
  },
});

export const conformanceOnnx = defineCommand({
  path: ["conformance", "onnx"],
  summary: "run cases of the ONNX backend test suite",
  args: [{ name: "<folder>", summary: "the suite, one of its groups, one case, or a folder of light models" }],
  flags: [
    {
      flag: "--weights <kind>",
      summary: "as they are, or normal: light models with weights drawn anew, against onnxruntime",
    },
    { flag: "--seed <number>", summary: "of the weights", default: "1" },
    ...ENGINE_FLAGS,
  ],
  examples: [
    "lockstep conformance onnx onnx/backend/test/data",
    "lockstep conformance onnx data/node/test_conv",
    "lockstep conformance onnx data/light --weights normal --seed 1",
  ],
  result: z.object({
    /** Ids are <group>/<case>. passed, failed and unsupported together hold every case on disk. */
    passed: z.array(z.string()),
    /** Those of the passed whose float64 tensors were run as float32. */
    narrowed: z.array(z.string()),
    failed: z.array(z.object({ id: z.string(), reason: z.string() })),
    unsupported: z.array(z.object({ id: z.string(), operator: z.string(), opset: z.int(), reason: z.string() })),
    /** With drawn weights: how many different words the outputs of each network hold. */
    distinct: z.record(z.string(), z.int()).optional(),
  }),
  async run(input) {
    const cases = findCases(input.args[0] ?? "");
    const weights = text(input, "weights");
    if (weights !== undefined && weights !== "normal") throw new OptionError("weights", weights, "normal");
    const host = hostOf(input);
    const say: Progress = (done, { failed, unsupported }) => {
      if (weights === undefined && done % 50 !== 0 && done !== cases.length) return;
      progress(`${done} of ${cases.length} cases, ${failed.length} failed, ${unsupported.length} unsupported`);
    };
    const report =
      weights === undefined
        ? runCases(cases, host.engine, say)
        : await runNormalCases(cases, integer(input, "seed", 0, 2 ** 32 - 1) ?? 1, host, say);
    const { passed, narrowed, failed, unsupported } = report;
    const lines = [
      ...unsupported.map(({ id, operator, opset, reason }) => `unsupported ${id}: ${operator} ${opset}: ${reason}`),
      ...failed.map(({ id, reason }) => `failed ${id}: ${reason}`),
      `${passed.length} passed (${narrowed.length} with float64 as float32), ${failed.length} failed, ${unsupported.length} unsupported`,
    ];
    return { result: report, text: lines.join("\n"), exitCode: failed.length > 0 ? 1 : 0 };
  },
});

// People and programs that wait see how far it is, whatever the level of the log.
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
