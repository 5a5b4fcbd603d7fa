// The peak memory of a process that loads one model from its file on one runtime and runs it once. Takes a MemoryTask as JSON,
// prints bytes, or null where this host lacks the tier.
import type { Tier } from "./tiers.ts";

export interface MemoryTask {
  path: string;
  dims: Readonly<Record<string, number>>;
  runtime: Tier | "onnxruntime";
  threads: number;
  /** Names and extents of the graph's inputs. */
  inputs: readonly { name: string; shape: readonly number[] }[];
}

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]) as MemoryTask)));

// Only what one runtime needs is loaded.
async function measure({ path, dims, runtime, threads, inputs }: MemoryTask): Promise<number | null> {
  if (runtime === "onnxruntime") {
    const { feedOf } = await import("./models.ts");
    const { openReference } = await import("./reference.ts");
    const feeds = inputs.map(({ name, shape }) => feedOf(name, shape));
    await (await openReference(path, feeds, threads)).close();
  } else {
    const { engineOf } = await import("./tiers.ts");
    const { loadSubject } = await import("./subject.ts");
    const engine = engineOf(runtime, threads);
    if (engine === null) return null;
    loadSubject(path, dims, engine).run();
  }
  return 1024 * process.resourceUsage().maxRSS;
}
