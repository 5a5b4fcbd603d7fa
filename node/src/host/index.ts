/**
 * What the Node process gives to the portable parts: the fastest backend that runs here with the interpreter's bits. A
 * backend is used only after it equalled the interpreter on this host; where none does, the interpreter runs.
 */
import { createWasmRunner, interpreterRunner, SimdUnavailableError, type PrimitiveRunner } from "../engine/index.ts";
import { createRandom, drawOperands, DIRECTED_CLASSES } from "../float/directed.ts";
import { buildScalar } from "../ir/index.ts";

/** How primitives run here: with the host's fused multiply-add, with an emulated one, or interpreted. */
export type Tier = "fused" | "emulated" | "interpreted";

export interface Host {
  readonly tier: Tier;
  /** Calls must not overlap. */
  readonly runner: PrimitiveRunner;
}

let shared: Host | undefined;

/** The host of this thread, made and tested on first use. */
export function sharedHost(): Host {
  shared ??= createHost();
  return shared;
}

/** A host with a runner of its own. */
export function createHost(): Host {
  try {
    const runner = createWasmRunner();
    if (equalsInterpreter(runner)) return { tier: runner.isFused ? "fused" : "emulated", runner };
  } catch (error) {
    if (!(error instanceof SimdUnavailableError)) throw error;
  }
  return { tier: "interpreted", runner: interpreterRunner };
}

const TEST_ROWS = 64;
const TEST_COUNT = 300;

/** Whether sums of products of directed words have the interpreter's bits, in one lane and in 32. */
export function equalsInterpreter(runner: PrimitiveRunner): boolean {
  const random = createRandom(1);
  const names = Object.keys(DIRECTED_CLASSES);
  const words = [0, 1, 2].map(() =>
    Uint32Array.from(
      { length: TEST_ROWS + TEST_COUNT },
      (_, at) => drawOperands(random, names[at % names.length], 1)[0],
    ),
  );
  return ([1, 32] as const).every((lanes) => {
    const scalar = buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents: [TEST_ROWS] }, (b) => {
      const row = b.digits[0];
      const [total] = b.loop({
        count: TEST_COUNT,
        lanes,
        carried: [{ type: "f32", init: 0, from: b.load(2, row) }],
        body: ({ carried }) => [
          b.fma(b.load(0, row, [[TEST_COUNT, 1]]), b.load(1, row, [[TEST_COUNT, 1]]), carried[0]),
        ],
        combine: ([sum], [block]) => [b.add(sum, block)],
      });
      return b.div(total, b.sqrt(b.load(1, row)));
    });
    const [expected, found] = [new Uint32Array(TEST_ROWS), new Uint32Array(TEST_ROWS)];
    interpreterRunner.run(scalar, 0, words, expected);
    runner.run(scalar, 0, words, found);
    return expected.every((word, element) => word === found[element]);
  });
}
