/**
 * Helper threads of this process for engines: workers that sleep until there is work and keep no process alive. One that ends,
 * whatever the reason, is not started again; the others go on.
 */
import { availableParallelism } from "node:os";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { CONTROL_WORDS, type Threads } from "../engine/index.ts";

/** Started threads, and a way to end them. */
export interface StartedThreads extends Threads {
  stop(): Promise<void>;
}

// A unit of work takes milliseconds; a machine under heavy load may let a thread wait for seconds.
const PATIENCE_MILLISECONDS = 30_000;

/** Starts helper threads; all but one of the processor's unless told how many. */
export function startThreads(
  helpers: number = availableParallelism() - 1,
  patience: number = PATIENCE_MILLISECONDS,
): StartedThreads {
  const control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS));
  let alive = helpers;
  const started = Array.from({ length: helpers }, (_, index) => {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL("./thread.ts", import.meta.url), {
      // A program that was given on the command line has flags that no file can be run with.
      execArgv: [],
      workerData: { control, thread: index + 1, port: port2 },
      transferList: [port2],
    });
    worker.unref();
    port1.unref();
    // Without a listener an error would end the process; the exit that follows says all that matters.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      alive--;
      port1.close();
    });
    return { worker, port: port1 };
  });
  return {
    helpers,
    get isGone() {
      return alive === 0;
    },
    control,
    post(message) {
      for (const { port } of started) port.postMessage(message);
    },
    failure() {
      for (const { port } of started) {
        const said = receiveMessageOnPort(port);
        if (said !== undefined) return String(said.message);
      }
      return undefined;
    },
    patience,
    async stop() {
      await Promise.all(started.map(({ worker }) => worker.terminate()));
    },
  };
}
