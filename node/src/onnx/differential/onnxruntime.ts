/** onnxruntime as the other side of a comparison; undefined where it is not installed. */

import type { OnnxTensor } from "../element-types.ts";
import type { RunElsewhere } from "./compare.ts";

const runtime = await import("onnxruntime-node").catch(() => undefined);

// It warns of its own quirks on stderr otherwise.
if (runtime !== undefined) runtime.env.logLevel = "fatal";

export const runOnnxruntime: RunElsewhere | undefined =
  runtime === undefined
    ? undefined
    : async (model, inputs) => {
        const { InferenceSession, Tensor } = runtime;
        const session = await InferenceSession.create(model, {
          logSeverityLevel: 4,
          graphOptimizationLevel: "disabled",
          intraOpNumThreads: 1,
          interOpNumThreads: 1,
        });
        const feeds = Object.entries(inputs).map(([name, { dtype, data, shape }]) => {
          return [name, new Tensor(dtype as "float32", data as Float32Array, shape)] as const;
        });
        try {
          const results = await session.run(Object.fromEntries(feeds));
          return Object.fromEntries(
            Object.entries(results).map(([name, { data, dims, type }]) => [
              name,
              { dtype: type, shape: [...dims], data } as unknown as OnnxTensor,
            ]),
          );
        } finally {
          await session.release();
        }
      };
