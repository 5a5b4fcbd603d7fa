/** `lockstep task`: ask for work, look at what was asked for, take a price back. */
import { bytesToHex, parseEventLogs, type Address, type Hex } from "viem";
import { z } from "zod";
import { erc20Abi, isAddress } from "viem";
import { inputsRootOf } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import type { Sender } from "../../chain/sender.ts";
import type { LoweredProgram } from "../../roles/programs.ts";
import { joinInputs } from "../../roles/words.ts";
import { tasksOf, type Task } from "../../roles/views.ts";
import { amount, ArgumentError, defineCommand, integer, list, OptionError, text } from "../command.ts";
import { short, table } from "../format.ts";
import { NETWORK_FLAGS, openNetwork, type Network } from "../network.ts";
import { readInputs } from "../tensors.ts";
import { openSender, WALLET_FLAGS } from "../wallet.ts";
import { openWorkbench, readMirror } from "../workbench.ts";

// Inputs up to this size travel in the request itself, where everybody can read them for ever.
const MAX_POSTED_BYTES = 64 * 1024;
const NOBODY: Address = "0x0000000000000000000000000000000000000000";

const taskSchema = z.object({
  taskId: z.string(),
  status: z.string(),
  requester: z.string(),
  solver: z.string().nullable(),
  programRoot: z.string(),
  inputsRoot: z.string(),
  steps: z.int(),
  price: z.string(),
  deadline: z.int(),
  claimId: z.string().nullable(),
});

export const taskRequest = defineCommand({
  path: ["task", "request"],
  summary: "have a program run by a solver, for a price held in escrow",
  args: [{ name: "<program>", summary: "programRoot of a registered program" }],
  flags: [
    { flag: "--input <file>", summary: "a .npy or .pb tensor, one per input in order; repeatable", repeat: true },
    { flag: "--steps <count>", summary: "steps to run", default: "1" },
    { flag: "--pay <amount>", summary: "price in the token's smallest unit" },
    { flag: "--deadline <seconds>", summary: "from now; after it the price can be taken back", default: "3600" },
    { flag: "--solver <address>", summary: "the one solver that may take it (default: anyone)" },
    ...WALLET_FLAGS,
    ...NETWORK_FLAGS,
  ],
  examples: ["lockstep task request 0x… --input examples/digits/samples/input-3.npy --pay 5000000000000000000"],
  result: z.object({ taskId: z.string(), inputsRoot: z.string(), transaction: z.string(), gas: z.string() }),
  async run(input) {
    const programRoot = hashArgument(input.args[0] ?? "", "program");
    const steps = integer(input, "steps", 1, 2 ** 20) ?? 1;
    const price = amount(input, "pay");
    if (price === undefined || price === 0n) throw new OptionError("pay", String(price ?? ""), "a price above 0");
    const seconds = integer(input, "deadline", 1) ?? 3600;
    const solver = text(input, "solver") ?? NOBODY;
    if (!isAddress(solver, { strict: false })) throw new OptionError("solver", solver, "an address");
    const network = await openNetwork(input);
    const sender = await openSender(input, network);
    const bench = await openWorkbench(network, input);
    try {
      const program = await bench.programs.get(programRoot);
      const inputs = readInputs(program, list(input, "input"));
      const result = await requestTask(network, sender, { program, inputs, steps, price, seconds, solver });
      return { result, text: `task ${result.taskId} requested in ${result.transaction}` };
    } finally {
      await bench.close();
    }
  },
});

/** What to ask for. */
export interface TaskWish {
  program: LoweredProgram;
  inputs: readonly Uint32Array[];
  steps: number;
  price: bigint;
  /** Until the deadline. */
  seconds: number;
  solver: Address;
}

/** Approves the price where that is needed and posts the request with its inputs. */
export async function requestTask(network: Network, sender: Sender, wish: TaskWish) {
  const { client, protocol } = network;
  const inputData = joinInputs(wish.inputs);
  if (inputData.length > MAX_POSTED_BYTES) throw new InputsTooLargeError(inputData.length, MAX_POSTED_BYTES);
  const token = { address: protocol.token.address, abi: erc20Abi };
  const allowance = await client.readContract({
    ...token,
    functionName: "allowance",
    args: [sender.address, protocol.market.address],
  });
  const block = await client.getBlock();
  if (allowance < wish.price) {
    const call = { ...token, functionName: "approve", args: [protocol.market.address, wish.price] };
    await sender.send(`approve:${block.number}`, call);
  }
  const terms = {
    programRoot: wish.program.programRoot,
    inputsRoot: inputsRootOf(wish.inputs),
    steps: wish.steps,
    price: wish.price,
    deadline: block.timestamp + BigInt(wish.seconds),
    solver: wish.solver,
  };
  const receipt = await sender.send(`request:${block.number}:${terms.inputsRoot}:${wish.solver}`, {
    ...protocol.market,
    functionName: "request",
    args: [terms, bytesToHex(inputData)],
  });
  const [requested] = parseEventLogs({ abi: protocol.market.abi, eventName: "TaskRequested", logs: receipt.logs });
  if (requested === undefined) throw new NotFoundError("request in transaction", receipt.transactionHash);
  return {
    taskId: requested.args.taskId,
    inputsRoot: terms.inputsRoot,
    transaction: receipt.transactionHash,
    gas: receipt.gasUsed.toString(),
  };
}

export const taskList = defineCommand({
  path: ["task", "list"],
  summary: "list the tasks",
  flags: NETWORK_FLAGS,
  result: z.object({ tasks: z.array(taskSchema) }),
  async run(input) {
    const { database } = await readMirror(await openNetwork(input), input);
    const tasks = [...(await tasksOf(database)).values()].map(toResult);
    await database.destroy();
    const rows = tasks.map((task) => [
      task.taskId,
      task.status,
      task.price,
      String(task.steps),
      short(task.solver ?? "-"),
    ]);
    return { result: { tasks }, text: table(["task", "status", "price", "steps", "solver"], rows) };
  },
});

export const taskShow = defineCommand({
  path: ["task", "show"],
  summary: "show one task",
  args: [{ name: "<task>", summary: "its id" }],
  flags: NETWORK_FLAGS,
  result: taskSchema,
  async run(input) {
    const taskId = hashArgument(input.args[0] ?? "", "task");
    const { database } = await readMirror(await openNetwork(input), input);
    const task = (await tasksOf(database)).get(taskId);
    await database.destroy();
    if (task === undefined) throw new NotFoundError("task", taskId);
    const result = toResult(task);
    const rows = Object.entries(result).map(([key, value]) => [key, String(value ?? "-")]);
    return { result, text: table(["field", "value"], rows) };
  },
});

function taskCommand(name: "cancel" | "refund", summary: string) {
  return defineCommand({
    path: ["task", name],
    summary,
    args: [{ name: "<task>", summary: "its id" }],
    flags: [...WALLET_FLAGS, ...NETWORK_FLAGS],
    result: z.object({ taskId: z.string(), transaction: z.string(), gas: z.string() }),
    async run(input) {
      const taskId = hashArgument(input.args[0] ?? "", "task");
      const network = await openNetwork(input);
      const sender = await openSender(input, network);
      const call = { ...network.protocol.market, functionName: name, args: [taskId] };
      const receipt = await sender.send(`${name}:${taskId}`, call);
      const result = { taskId, transaction: receipt.transactionHash, gas: receipt.gasUsed.toString() };
      return { result, text: `done in ${result.transaction}` };
    },
  });
}

export const taskCancel = taskCommand("cancel", "take back a task that nobody has accepted");
export const taskRefund = taskCommand("refund", "take the price back after the deadline");

/** A 32-byte hash given as an argument. */
export function hashArgument(value: string, name: string): Hex {
  if (!/^0x[0-9a-fA-F]{64}$/.test(value)) throw new ArgumentError(name, value, "0x and 64 hexadecimal digits");
  return value.toLowerCase() as Hex;
}

function toResult(task: Task): z.infer<typeof taskSchema> {
  const { taskId, status, requester, programRoot, inputsRoot, steps, price, deadline } = task;
  return {
    taskId,
    status,
    requester,
    solver: task.solver ?? null,
    programRoot,
    inputsRoot,
    steps,
    price: price.toString(),
    deadline,
    claimId: task.claimId ?? null,
  };
}

/** Nothing on the chain has this id. */
export class NotFoundError extends LockstepError {
  constructor(kind: string, id: string) {
    super("NotFoundError", `There is no ${kind} ${id} on this network`, { kind, id });
  }
}

/** The inputs are too large to be posted with the request. */
export class InputsTooLargeError extends LockstepError {
  constructor(bytes: number, limit: number) {
    super("InputsTooLargeError", `The inputs have ${bytes} bytes; at most ${limit} can be posted`, { bytes, limit });
  }
}
