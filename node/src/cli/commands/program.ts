/** `lockstep program`: how ONNX files become programs that anyone can run and check. */
import { join } from "node:path";
import { bytesToHex, type Hex } from "viem";
import { z } from "zod";
import type { NodeDatabase } from "../../chain/database.ts";
import { eventsOf } from "../../chain/reader.ts";
import type { Sender } from "../../chain/sender.ts";
import { encodeProgram } from "../../ir/index.ts";
import { ContentStore } from "../../roles/content-store.ts";
import { Programs, type LoweredProgram } from "../../roles/programs.ts";
import { defineCommand } from "../command.ts";
import { short, table } from "../format.ts";
import { GENERATOR_FLAGS, IMPORT_FLAGS, importOptions, readWholeModel } from "../model-source.ts";
import { NETWORK_FLAGS, openNetwork, type Network } from "../network.ts";
import { homeOf, openSender, WALLET_FLAGS } from "../wallet.ts";
import { readMirror } from "../workbench.ts";

const registered = z.object({
  programRoot: z.string(),
  /** How others find the model. */
  mirror: z.string(),
  /** What the transaction did: nothing is sent when the program is registered with this mirror already. */
  action: z.enum(["registered", "mirrored", "none"]),
  transaction: z.string().nullable(),
  gas: z.string().nullable(),
});

export const programRegister = defineCommand({
  path: ["program", "register"],
  summary: "publish a model's program, or one more mirror of it",
  args: [{ name: "<model>", summary: "the ONNX file" }],
  flags: [...IMPORT_FLAGS, ...GENERATOR_FLAGS, ...WALLET_FLAGS, ...NETWORK_FLAGS],
  examples: [
    "lockstep program register examples/digits/digits.onnx",
    "lockstep program register decoder.onnx --generate 16 --prompt-length 8 --temperature 0.8",
  ],
  result: registered,
  async run(input) {
    const model = readWholeModel(input.args[0] ?? "");
    const options = importOptions(input);
    const network = await openNetwork(input);
    const { database } = await readMirror(network, input);
    const store = new ContentStore(join(homeOf(input), "content"), input.log);
    const program = await new Programs({ database, store, log: input.log }).add(model, options);
    const sender = await openSender(input, network);
    const known = (await mirrorsOf(database)).get(program.programRoot) ?? [];
    await database.destroy();
    let result = await registerProgram(network, sender, program);
    if (result.action === "none" && !known.includes(program.mirror)) result = await addMirror(network, sender, program);
    const how = {
      registered: `registered in ${result.transaction}`,
      mirrored: `was registered before; its mirror here was named in ${result.transaction}`,
      none: "was registered before",
    };
    return { result, text: `program ${result.programRoot} ${how[result.action]}` };
  },
});

/** Publishes a lowered program unless it is registered already. */
export async function registerProgram(
  network: Network,
  sender: Sender,
  program: LoweredProgram,
): Promise<z.infer<typeof registered>> {
  const { programRoot, mirror } = program;
  const contract = network.protocol.programs;
  if (await network.client.readContract({ ...contract, functionName: "isRegistered", args: [programRoot] })) {
    return { programRoot, mirror, action: "none", transaction: null, gas: null };
  }
  const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(program.program);
  const receipt = await sender.send(`register:${programRoot}`, {
    ...contract,
    functionName: "register",
    args: [
      bytesToHex(summary),
      bytesToHex(interfaceTable),
      bindings.map((bytes) => bytesToHex(bytes)),
      records.map((segment) => segment.map((bytes) => bytesToHex(bytes))),
      scalars.map((bytes) => bytesToHex(bytes)),
      [mirror],
    ],
  });
  const { transactionHash, gasUsed } = receipt;
  return { programRoot, mirror, action: "registered", transaction: transactionHash, gas: gasUsed.toString() };
}

// Whoever registered a program first may be gone: its model then comes from those who name their own mirror.
async function addMirror(
  { protocol }: Network,
  sender: Sender,
  { programRoot, mirror }: LoweredProgram,
): Promise<z.infer<typeof registered>> {
  const { transactionHash, gasUsed } = await sender.send(`mirror:${programRoot}:${mirror}`, {
    ...protocol.programs,
    functionName: "mirror",
    args: [programRoot, [mirror]],
  });
  return { programRoot, mirror, action: "mirrored", transaction: transactionHash, gas: gasUsed.toString() };
}

/** The mirrors of every program, oldest first. */
async function mirrorsOf(database: NodeDatabase): Promise<Map<Hex, string[]>> {
  const mirrors = new Map<Hex, string[]>();
  for (const { args } of await eventsOf(database, ["ProgramRegistered", "ProgramMirrored"])) {
    const programRoot = args["programRoot"] as Hex;
    const known = mirrors.get(programRoot) ?? [];
    mirrors.set(programRoot, [...new Set([...known, ...(args["mirrors"] as string[])])]);
  }
  return mirrors;
}

const listed = z.object({
  programs: z.array(
    z.object({ programRoot: z.string(), publisher: z.string(), block: z.int(), mirrors: z.array(z.string()) }),
  ),
});

export const programList = defineCommand({
  path: ["program", "list"],
  summary: "list the registered programs",
  flags: NETWORK_FLAGS,
  result: listed,
  async run(input) {
    const { database } = await readMirror(await openNetwork(input), input);
    const mirrors = await mirrorsOf(database);
    const programs = (await eventsOf(database, ["ProgramRegistered"])).map(({ args, blockNumber }) => ({
      programRoot: args["programRoot"] as Hex,
      publisher: args["publisher"] as Hex,
      block: blockNumber,
      mirrors: mirrors.get(args["programRoot"] as Hex) ?? [],
    }));
    await database.destroy();
    const rows = programs.map(({ programRoot, publisher, block }) => [programRoot, short(publisher), String(block)]);
    return { result: { programs }, text: table(["program", "publisher", "block"], rows) };
  },
});
