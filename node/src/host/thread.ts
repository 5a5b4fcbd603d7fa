// The script of a helper thread: serves the machines of the thread that started it until the process ends.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { serveThread, type ThreadMessage } from "../engine/machine/threads.ts";
import { attachNative } from "./native-code.ts";

const { control, thread, port } = workerData as { control: Int32Array; thread: number; port: MessagePort };
const receive = () => receiveMessageOnPort(port)?.message as ThreadMessage | undefined;
// Contexts made after the flag was set have the function.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const report = (failure: string) => port.postMessage(failure);
serveThread(control, thread, receive, { attach: attachNative, collect, report });
