// The script of a thread that lowers one model of a stranger (./lowering.ts): reads what it needs from the store, lowers it,
// checks that it is the program asked for, stores its weights for peers, and answers once.
import { parentPort, workerData } from "node:worker_threads";
import { checkBound, eachConstant, parseModel, parseTensorFile, type OnnxTensor } from "../onnx/index.ts";
import type { Hash } from "../merkle/index.ts";
import { ContentStore } from "./content-store.ts";
import { lowerModel } from "./lower.ts";
import type { LoweringAnswer, LoweringRequest } from "./lowering.ts";
import { joinInputs } from "./words.ts";

const request = workerData as LoweringRequest;
const transfer: ArrayBuffer[] = [];
let answer: LoweringAnswer;
try {
  answer = await lower(request);
} catch (error) {
  answer = { kind: "refused", reason: error instanceof Error ? error.message : String(error) };
}
parentPort?.postMessage(answer, transfer);

async function lower({ folder, programRoot, manifest }: LoweringRequest): Promise<LoweringAnswer> {
  const store = new ContentStore(folder);
  const { root, bytes } = manifest.model;
  const model = await store.get(root, bytes);
  if (model === undefined) return { kind: "lost", root };
  const parsed = parseModel(model);
  // What is bound for nothing is not read. A generator may have inputs of its own.
  if (manifest.generate === undefined) checkBound(parsed, Object.keys(manifest.bind ?? {}));
  const bind: Record<string, OnnxTensor> = {};
  // A file that is bound under many names is read once: tensors are never written.
  const read = new Map<string, OnnxTensor>();
  for (const [name, file] of Object.entries(manifest.bind ?? {})) {
    const key = `${file.root}:${file.bytes}`;
    let tensor = read.get(key);
    if (tensor === undefined) {
      const held = await store.get(file.root, file.bytes);
      if (held === undefined) return { kind: "lost", root: file.root };
      tensor = parseTensorFile(held);
      read.set(key, tensor);
    }
    bind[name] = tensor;
  }
  const lowered = lowerModel(parsed, { ...manifest, bind });
  const { program, inputs, outputs } = lowered;
  if (lowered.programRoot !== programRoot) return { kind: "differs", programRoot: lowered.programRoot };
  const constants = new Map<Hash, Uint32Array>();
  for (const [root, words] of eachConstant(lowered.constants)) {
    await store.put(joinInputs([words]));
    // Words may be a part of the file's bytes: what goes to the other thread is a copy of their own.
    const copy = Uint32Array.from(words);
    transfer.push(copy.buffer);
    constants.set(root, copy);
  }
  return { kind: "lowered", model: { program, programRoot, inputs, outputs, constants } };
}
