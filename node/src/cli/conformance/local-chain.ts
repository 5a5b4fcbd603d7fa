/** A chain for the length of one command: started on a free port, asked, and ended by its process id. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PublicClient } from "viem";
import { chainProcess, connect } from "../up/local-chain.ts";
import { choosePort } from "../up/processes.ts";

/** Runs `use` with a client of a fresh local chain, and ends the chain whatever happens. */
export async function withLocalChain<T>(use: (client: PublicClient) => Promise<T>): Promise<T> {
  const port = await choosePort(0);
  const folder = mkdtempSync(join(tmpdir(), "lockstep-chain-"));
  const { command, args, workingDirectory = folder } = chainProcess(port, join(folder, "state.json"));
  const child = spawn(command, [...args], { stdio: "ignore", cwd: workingDirectory });
  const failed = new Promise<never>((_resolve, reject) => child.once("error", reject));
  // Whoever waits for the chain races it against this; afterwards its end is no error.
  failed.catch(() => undefined);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const client = await Promise.race([connect(`http://127.0.0.1:${port}`), failed]);
    return await use(client);
  } finally {
    if (child.pid !== undefined && child.exitCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(timer);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
