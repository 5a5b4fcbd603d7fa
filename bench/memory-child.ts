// The peak memory of a process that loads one model from its file on one runtime and runs it once, or for a decoder reads a prompt
// and makes a token. Takes a MemoryTask as JSON, prints bytes, or null where this host lacks the tier.
import type { Engine } from "@lockstep/node/engine";
import { declaredInputs, feedOf, modelNamed, wordsOf } from "./models.ts";
import type { Tier } from "./tiers.ts";

export interface MemoryTask {
  name: string;
  path: string;
  runtime: Tier | "onnxruntime";
  threads: number;
}

/** Tokens of a decoder's prompt. */
const PROMPT = 64;

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]) as MemoryTask)));

async function measure(task: MemoryTask): Promise<number | null> {
  const { runtime, threads } = task;
  if (runtime === "onnxruntime") await runReference(task);
  else {
    const { engineOf } = await import("./tiers.ts");
    const engine = engineOf(runtime, threads);
    if (engine === null) return null;
    await runOwn(task, engine);
  }
  return 1024 * process.resourceUsage().maxRSS;
}

// Only what one runtime needs is imported.
async function runReference({ name, path, threads }: MemoryTask): Promise<void> {
  const { openReference, openReferenceDecoder } = await import("./reference.ts");
  const model = modelNamed(name);
  if (model.kind === "decoder") {
    const reference = await openReferenceDecoder(path, model, threads);
    const prompt = wordsOf(feedOf("input_ids", [1, PROMPT], model.vocabulary));
    await reference.append([...prompt]);
    await reference.append([0]);
    return reference.close();
  }
  // The description of the graph alone: weights are not made.
  const feeds = declaredInputs(model.build(), model.dims).map((input) => feedOf(input.name, input.shape));
  return (await openReference(path, feeds, threads)).close();
}

async function runOwn({ name, path }: MemoryTask, engine: Engine): Promise<void> {
  const model = modelNamed(name);
  if (model.kind === "decoder") {
    const { loadSteps, openGeneration } = await import("./generation.ts");
    const generation = openGeneration(path, model, { prompt: PROMPT, tokens: 2, logits: true });
    const advance = loadSteps(generation, engine);
    advance(0);
    advance(1);
    return generation.close();
  }
  const { loadSubject } = await import("./subject.ts");
  loadSubject(path, model.dims, engine).run();
}
