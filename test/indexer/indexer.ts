// Starts the indexer as a supervisor would, for tests, and queries it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Query } from "@lockstep/schema";
import { freePort, stop, until, type Chain } from "./chain.ts";

/** What a query answers where it asks for everything and finds it: nulls are compared, not walked through. */
export type Answered<T> = T extends readonly (infer Item)[]
  ? Answered<Item>[]
  : T extends object
    ? { [Field in keyof T]-?: Answered<NonNullable<T[Field]>> }
    : T;

/** `data` are the fields of the schema's Query that were asked for, or of `T` where a query renames them. */
export interface GraphQLAnswer<T> {
  data?: Answered<T>;
  errors?: { message: string; extensions?: { name?: string; values?: Record<string, unknown> } }[];
}

export type Indexer = Awaited<ReturnType<typeof startIndexer>>;

/** Starts the indexer on PGlite in a folder, which is removed when it stops, and waits until it is ready. */
export async function startIndexer(chain: Chain, folder = mkdtempSync(join(tmpdir(), "lockstep-indexer-"))) {
  const deployment = join(folder, "31337.json");
  chain.writeDeployment(deployment);
  const port = await freePort();
  const child = spawn(
    process.execPath,
    ["node_modules/ponder/dist/esm/bin/ponder.js", "start", "--root", "indexer", "--schema", "lockstep"].concat([
      "--hostname",
      "127.0.0.1",
      "--port",
      String(port),
    ]),
    {
      env: {
        PATH: process.env["PATH"],
        NODE_ENV: "production",
        PONDER_TELEMETRY_DISABLED: "true",
        RPC_URL: chain.url,
        LOCKSTEP_DEPLOYMENT: resolve(deployment),
        LOCKSTEP_INDEXER_DIR: folder,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const from of [child.stdout, child.stderr]) {
    from.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const url = `http://127.0.0.1:${port}`;
  const end = async (keep = false) => {
    await stop(child);
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error("it ended");
      return (await fetch(`${url}/ready`)).status === 200;
    }, 60_000);
  } catch (cause) {
    await end();
    throw new Error(`the indexer is not ready:\n${output}`, { cause });
  }
  const query = async <T = Query>(text: string, variables: Record<string, unknown> = {}): Promise<GraphQLAnswer<T>> => {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: text, variables }),
    });
    return (await response.json()) as GraphQLAnswer<T>;
  };
  return {
    url,
    folder,
    query,
    /** Waits until everything up to the chain's head is indexed. */
    caughtUp: async () => {
      const head = await chain.client.getBlockNumber();
      await until(async () => {
        const { data } = await query("{ deployment { indexedBlock } }");
        const indexed: string | null = data?.deployment.indexedBlock ?? null;
        return indexed !== null && BigInt(indexed) >= head;
      }, 15_000);
    },
    output: () => output,
    /** Ends it; `keep` leaves its folder for another start. */
    stop: end,
  };
}
