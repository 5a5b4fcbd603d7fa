// Gas of every kind of transaction that users send, and of whole disputes, from receipts on a chain with the rules of
// mainnet (Osaka). Gas is exact: the snapshot is compared for equality. Calldata costs by its bytes, a zero byte a quarter of
// another, so: no byte of the inputs is zero, and every lie is in the chunk of its primitive's output with the fewest zero
// bytes. What else is shown is as the models have it, zeros of Relu, padding and sparse weights among it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execute, interpreterEngine } from "@lockstep/node/engine";
import type { Run, Tamper } from "@lockstep/node/engine";
import { CHUNK_WORDS, chunkBytes, chunkCount } from "@lockstep/node/merkle";
import { importModel, parseModel } from "@lockstep/node/onnx";
import { openChain, type Dispute } from "./gas-chain.ts";
import { denseWords, dotWorkload, type Workload } from "./workloads.ts";

const EXAMPLES = join(import.meta.dirname, "..", "examples");
/** A bit of the mantissa, so that a lie is no NaN. */
const LIE = 1 << 20;

/** Measures every row: of each kind of transaction the most that one used. About half a minute. */
export async function gas() {
  const values = new Map<string, number>();
  const most = (name: string, used: bigint) => values.set(name, Math.max(values.get(name) ?? 0, Number(used)));
  const chain = await openChain(most);
  // 64 steps, so that the walk through the steps opens 32 nodes at once.
  const mlp = example("mlp/mlp.onnx", 64, [{ input: "state", output: "next" }]);
  const digits = example("digits/digits.onnx", 1, []);
  const ownMlp = runOf(mlp);
  await chain.honest("mlp", ownMlp);
  // The first, a middle and the last place a lie can be in, each walked down and each proved directly.
  const disputes = [...lies("mlp", mlp, ownMlp, [0, 31, 63]), ...lies("digits", digits, runOf(digits), [0])];
  for (const dispute of disputes) {
    await chain.walk(dispute);
    await chain.direct(dispute);
  }
  for (const length of [64, 768, 1024, 4096]) {
    const name = `leaf-dot-${length}`;
    const workload = dotWorkload(length);
    const tamper = { step: 0, primitive: 0, element: 2_100, xor: LIE };
    most(name, await chain.leaf({ name, own: runOf(workload), lying: runOf(workload, tamper) }));
  }
  await chain.heldBounty(disputes[0]);
  await chain.timeouts(disputes[0]);
  await chain.abandoned("mlp", ownMlp);
  const unit = (row: string) => (row.startsWith("dispute-openings") ? "openings" : "gas");
  return { unit, values, snapshot: "gas" };
}

/** One lie per primitive in each of the steps. */
function lies(name: string, workload: Workload, own: Run, steps: readonly number[]): Dispute[] {
  return steps.flatMap((step) =>
    own
      .tensorsAt(step)
      .scratch.map((words, primitive) => ({ step, primitive, element: densestElement(words), xor: LIE }))
      .map((tamper) => ({ name, own, lying: runOf(workload, tamper) })),
  );
}

/** In the middle of the chunk with the fewest zero bytes, the padding of the last one included. */
function densestElement(words: Uint32Array): number {
  const zeros = Array.from(
    { length: chunkCount(words.length) },
    (_, chunk) => chunkBytes(words, chunk).filter((byte) => byte === 0).length,
  );
  const first = zeros.indexOf(Math.min(...zeros)) * CHUNK_WORDS;
  return first + Math.floor(Math.min(CHUNK_WORDS, words.length - first) / 2);
}

function example(path: string, steps: number, state: readonly { input: string; output: string }[]): Workload {
  const { program, constants } = importModel(parseModel(readFileSync(join(EXAMPLES, path))), { state });
  return {
    program,
    steps,
    inputs: program.inputs.map(({ length }, index) => denseWords(length, index + 1)),
    constants,
  };
}

function runOf({ program, steps, inputs, constants }: Workload, tamper?: Tamper): Run {
  const constant = (root: `0x${string}`) => constants.get(root) ?? new Uint32Array(0);
  return execute(program, { steps, inputs, constants: constant, engine: interpreterEngine, ...(tamper && { tamper }) });
}
