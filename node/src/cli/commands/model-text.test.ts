import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { dump } from "npyjs";
import { temporaryFolder } from "../../chain/test-chain.ts";
import { tinyTokenizer } from "../../models/fixtures.ts";
import { gpt2Model } from "../../models/gpt2.ts";
import { writeModel } from "../../models/files.ts";
import { drawnWeights } from "../../models/weights.ts";
import { main } from "../main.ts";

interface Generated {
  programRoot: string;
  traceRoot: string | null;
  steps: number;
  rows: { tokens: number[]; isComplete: boolean; text: string | null }[];
  error?: { name: string };
}

async function lockstep(...words: string[]): Promise<{ code: number; result: Generated }> {
  let stdout = "";
  const streams = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => true } };
  const code = await main([...words, "--json"], streams);
  return { code, result: JSON.parse(stdout) as Generated };
}

describe("lockstep model generate", () => {
  const folder = temporaryFolder("generate");
  after(() => folder.remove());
  const shape = { layers: 1, heads: 2, width: 32, hidden: 48, vocabulary: 300, positions: 320, epsilon: 1e-5 };
  const { model } = writeModel(gpt2Model(shape, drawnWeights({ seed: 3 }), { caches: true }), folder.path);
  writeFileSync(join(folder.path, "tokenizer.json"), JSON.stringify(tinyTokenizer()));
  const generate = (...more: string[]) => lockstep("model", "generate", model, "--tokens", "5", ...more);

  it("continues texts, the same for the same seed", async () => {
    const drawn = [
      "--tokenizer",
      folder.path,
      "--prompt",
      "the claim",
      "--prompt",
      "a trace is",
      "--temperature",
      "0.9",
    ];
    const { result } = await generate(...drawn, "--seed", "7");
    assert.equal(result.rows.length, 2);
    assert.ok(result.rows.every(({ tokens, text }) => tokens.length > 0 && text !== null));
    assert.match(result.traceRoot ?? "", /^0x[0-9a-f]{64}$/);
    assert.deepEqual((await generate(...drawn, "--seed", "7")).result.rows, result.rows);
    assert.notDeepEqual((await generate(...drawn, "--seed", "8")).result.rows, result.rows);
  });

  it("continues tokens, and takes the most likely where nothing says otherwise", async () => {
    const { result } = await generate("--ids", "5,6,7", "--trace", "none");
    assert.deepEqual([result.rows.length, result.traceRoot, result.rows[0]?.text], [1, null, null]);
    const [first] = result.rows[0]?.tokens ?? [];
    const ended = await generate("--ids", "5,6,7", "--end", String(first), "--trace", "none");
    assert.deepEqual(ended.result.rows[0], { tokens: [first], isComplete: true, text: null });
    assert.equal(ended.result.steps, 1);
  });

  it("is a program like any other, that can be run with files of prompts", async () => {
    const file = (name: string, values: BigInt64Array, shape: number[]) => {
      const path = join(folder.path, name);
      writeFileSync(path, new Uint8Array(dump(values, shape)));
      return path;
    };
    const prompt = file("prompt.npy", BigInt64Array.of(0n, 5n, 6n, 7n), [1, 4]);
    const lengths = file("lengths.npy", BigInt64Array.of(3n), [1]);
    const words = ["model", "run", model, "--generate", "5", "--prompt-length", "4", "--steps", "5"];
    const run = await lockstep(...words, "--input", prompt, "--input", lengths);
    const [output] = (run.result as unknown as { outputs: { shape: number[]; values: number[] }[] }).outputs;
    assert.deepEqual(output?.shape, [1, 5]);
    const { result } = await generate("--ids", "5,6,7", "--trace", "none");
    assert.deepEqual(output?.values, result.rows[0]?.tokens);
  });

  it("stops between two tokens when it is told to", async () => {
    setTimeout(() => process.emit("SIGINT"), 1);
    const { code, result } = await generate("--ids", "5,6,7", "--tokens", "256", "--tier", "interpreted");
    assert.deepEqual([code, result.error?.name], [1, "StoppedError"]);
  });

  it("refuses what it can't read", async () => {
    const refusals = [
      [[], "MissingOptionError"],
      [["--prompt", "the"], "MissingOptionError"],
      [["--ids", "1,x"], "OptionError"],
      [["--ids", "1,999999999"], "GenerationError"],
      [["--ids", "1", "--top-p", "1.5"], "OptionError"],
      [["--ids", "1", "--seed", "-1"], "OptionError"],
    ] as const;
    for (const [words, name] of refusals) {
      const { code, result } = await generate(...words);
      assert.deepEqual([code, result.error?.name], [1, name], words.join(" "));
    }
    assert.equal((await lockstep("model", "generate", join(folder.path, "none.onnx"), "--ids", "1")).code, 1);
    const exported = await lockstep("model", "export", "llama", "--out", folder.path);
    assert.equal(exported.result.error?.name, "ArgumentError");
    assert.equal((await lockstep("model", "export", "gpt2")).result.error?.name, "MissingOptionError");
  });
});
