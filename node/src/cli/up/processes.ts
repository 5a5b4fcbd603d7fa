/**
 * The processes of `lockstep up`: started with their output in log files, restarted when they end on their own, and
 * stopped by their ids in the reverse order of their start.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Logger } from "pino";
import { LockstepError } from "../../float/errors.ts";

export interface ProcessOptions {
  name: string;
  command: string;
  args: readonly string[];
  /** Added to this process's environment; undefined takes a variable out of it. */
  environment?: Readonly<Record<string, string | undefined>>;
  workingDirectory?: string;
  /** Start it again when it ends on its own; without, its end is an error of the whole. */
  restart?: boolean;
}

const STOP_MILLISECONDS = 8_000;
const RESTART_MILLISECONDS = 1_000;
const MAX_RESTARTS = 10;

/** Starts and stops child processes. */
export class Processes {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #running: { options: ProcessOptions; child: ChildProcess; restarts: number }[] = [];
  #stopping = false;
  #fail: (error: Error) => void = () => undefined;
  /** Rejects when a process that must run ends on its own. */
  readonly failure: Promise<never>;

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
    mkdirSync(folder, { recursive: true });
    this.failure = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for something races it against this; nobody waiting is no error.
    this.failure.catch(() => undefined);
  }

  /** Starts a process; its output goes to <folder>/<name>.log. Returns its id. */
  start(options: ProcessOptions): number {
    const entry = { options, child: this.#spawn(options), restarts: 0 };
    this.#running.push(entry);
    this.#watch(entry);
    return entry.child.pid ?? 0;
  }

  /** The file that holds a process's output. */
  logFile(name: string): string {
    return join(this.#folder, `${name}.log`);
  }

  /** Ends every process, last started first: SIGTERM, then SIGKILL when it does not end in time. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child } of this.#running.toReversed()) await endProcess(child);
  }

  #spawn({ name, command, args, environment, workingDirectory }: ProcessOptions): ChildProcess {
    const output = createWriteStream(this.logFile(name), { flags: "a" });
    const child = spawn(command, [...args], {
      cwd: workingDirectory,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    return child;
  }

  #watch(entry: { options: ProcessOptions; child: ChildProcess; restarts: number }): void {
    const { options } = entry;
    entry.child.once("error", (cause) => this.#fail(new ProcessEndedError(options.name, cause.message, "")));
    entry.child.once("exit", (code, signal) => {
      if (this.#stopping) return;
      const how = signal === null ? `code ${code}` : signal;
      if (options.restart !== true || entry.restarts >= MAX_RESTARTS) {
        this.#fail(new ProcessEndedError(options.name, how, this.#lastLines(options.name)));
        return;
      }
      this.#log.warn({ name: options.name, how }, "a process ended; starting it again");
      setTimeout(() => {
        if (this.#stopping) return;
        entry.restarts += 1;
        entry.child = this.#spawn(options);
        this.#watch(entry);
      }, RESTART_MILLISECONDS);
    });
  }

  #lastLines(name: string): string {
    try {
      return readFileSync(this.logFile(name), "utf8").trimEnd().split("\n").slice(-12).join("\n");
    } catch {
      return ""; // it ended before it wrote anything
    }
  }
}

/** Runs a process to its end; throws with its last lines when it fails. */
export async function runToEnd(processes: Processes, options: ProcessOptions): Promise<void> {
  const child = spawn(options.command, [...options.args], {
    cwd: options.workingDirectory,
    env: { ...process.env, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const output = createWriteStream(processes.logFile(options.name), { flags: "a" });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      text = (text + data.toString()).slice(-4_000);
      output.write(data);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (exit) => resolve(exit));
  });
  output.end();
  if (code !== 0)
    throw new ProcessEndedError(options.name, `code ${code}`, text.trimEnd().split("\n").slice(-12).join("\n"));
}

/** A port nobody listens on: `wanted`, or with 0 one that the system chooses. */
export async function choosePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (cause) => reject(new PortTakenError(wanted, cause)));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : wanted;
      server.close(() => resolve(port));
    });
  });
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
  await ended;
  clearTimeout(timer);
}

/** A process that must run ended. */
export class ProcessEndedError extends LockstepError {
  constructor(process: string, how: string, lastLines: string) {
    super("ProcessEndedError", `${process} ended with ${how}${lastLines === "" ? "" : `:\n${lastLines}`}`, {
      process,
      how,
      lastLines,
    });
  }
}

/** Another program listens on the port. */
export class PortTakenError extends LockstepError {
  constructor(port: number, cause: unknown) {
    super("PortTakenError", `Port ${port} is taken; choose others with --port`, { port }, { cause });
  }
}
