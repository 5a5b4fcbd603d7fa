/**
 * A run's trace as content: an honest solver serves it, so that a verifier that disagrees can find the first wrong number
 * without a single transaction and prove it in one. Lists and tensors are made when they are asked for.
 */
import { nodeAt, SECTION, stepPosition, tensorOf, treeRootPosition, type Run } from "../engine/index.ts";
import { segmentOfStep } from "../ir/index.ts";
import { HASH_BYTES, toHash, treeRoot, type Hash } from "../merkle/index.ts";
import type { ServedPart } from "./runs.ts";

/**
 * Serves a run's inputs, and of a full trace the step nodes, the two roots of each step, its tensor roots and its tensors. Of a
 * deferred one a proof needs a scratch root that was posted, which the walk alone brings about.
 */
export function serveTrace(served: ServedPart, run: Run): void {
  served.addInputs(run.inputs);
  if (run.trace === "deferred") return;
  const steps = Array.from({ length: run.steps }, (_, step) => step);
  served.addList(treeRoot(run.stepTree), () => steps.map((step) => nodeAt(run, stepPosition(step))));
  for (const step of steps) {
    const scratchRoot = nodeAt(run, treeRootPosition(run, SECTION.scratch, step));
    const stateRoot = nodeAt(run, treeRootPosition(run, SECTION.state, step));
    served.addList(nodeAt(run, stepPosition(step)), () => [scratchRoot, stateRoot]);
    const roots = run.roots[step];
    if (roots === undefined) continue;
    const records = run.program.segments[segmentOfStep(run.program, step)]?.records.length ?? 0;
    const scratch = hashes(roots.scratch, records);
    served.addList(scratchRoot, () => scratch);
    scratch.forEach((root, primitive) => {
      const { length } = tensorOf(run, SECTION.scratchTensor, step, primitive);
      served.addTensor(root, length, () => run.tensorsAt(step).scratch[primitive] ?? new Uint32Array(0));
    });
    const state = hashes(roots.state, roots.state.length / HASH_BYTES);
    served.addList(stateRoot, () => state);
    state.forEach((root, item) => {
      const { length } = tensorOf(run, SECTION.stateTensor, step, item);
      served.addTensor(root, length, () => run.tensorsAt(step).state[item] ?? new Uint32Array(0));
    });
  }
}

function hashes(flat: Uint8Array, count: number): Hash[] {
  return Array.from({ length: count }, (_, index) => toHash(flat, index * HASH_BYTES));
}
