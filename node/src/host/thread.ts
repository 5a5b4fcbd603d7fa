// The script of a helper thread: serves the machines of the thread that started it until the process ends.
import { receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { serveThread, type ThreadMessage } from "../engine/machine/threads.ts";
import { attachNative } from "./native-code.ts";

const { control, thread, port } = workerData as { control: Int32Array; thread: number; port: MessagePort };
const receive = () => receiveMessageOnPort(port)?.message as ThreadMessage | undefined;
serveThread(control, thread, receive, attachNative);
