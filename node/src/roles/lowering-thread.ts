// The script of a thread that lowers one model of a stranger (./lowering.ts): reads what it needs from the store, lowers it,
// checks that it is the program asked for, stores its weights for peers, and answers once.
import { parentPort, workerData } from "node:worker_threads";
import { eachConstant, parseModel, parseTensorFile, type OnnxTensor } from "../onnx/index.ts";
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
  const read = async ({ root, bytes }: { root: Hash; bytes: number }): Promise<Uint8Array> => {
    const held = await store.get(root, bytes);
    if (held === undefined) throw new Error(`the stored file ${root} changed on disk`);
    return held;
  };
  const bind: Record<string, OnnxTensor> = {};
  for (const [name, file] of Object.entries(manifest.bind ?? {})) bind[name] = parseTensorFile(await read(file));
  const lowered = lowerModel(parseModel(await read(manifest.model)), { ...manifest, bind });
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
