// Gas of every kind of transaction and of whole disputes, from receipts on a chain with the rules of mainnet (Osaka). The
// words of all tensors are dense: no byte of them is zero, so calldata costs what real activations cost. Gas is exact:
// the snapshot is compared for equality.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { network, tasks } from "hardhat";
import {
  bytesToHex,
  encodeAbiParameters,
  encodeFunctionData,
  hexToBytes,
  keccak256,
  parseAbiParameters,
  parseEther,
  zeroAddress,
  type Hex,
} from "viem";
import { execute, encodeProof, findFraud, inputsRootOf, inputWords, interpreterRunner } from "@lockstep/node/engine";
import { answerDemand, nextAction, outputRootsOf, outputsShownOf, traceRootOf } from "@lockstep/node/engine";
import type { FraudProof, Opening, Run, Tamper } from "@lockstep/node/engine";
import { encodeProgram } from "@lockstep/node/ir";
import { importModel, parseModel } from "@lockstep/node/onnx";
import lockstep from "../ignition/modules/Lockstep.ts";
import { dotWorkload, type Workload } from "./workloads.ts";

const EXAMPLES = join(import.meta.dirname, "..", "examples");
const SALT = keccak256("0x5a");
const PRICE = parseEther("5");
// The same in every run: ids hash it, and calldata costs by the bytes of ids.
const DEADLINE = 2n ** 40n;

/** Measures every row. About half a minute. */
export async function gas() {
  const values = new Map<string, number>();
  const most = (name: string, used: bigint) => values.set(name, Math.max(values.get(name) ?? 0, Number(used)));
  const chain = await openChain(most);
  // 64 steps, so that the walk through the steps opens 32 nodes at once.
  const mlp = example("mlp/mlp.onnx", 64, [{ input: "state", output: "next" }]);
  const digits = example("digits/digits.onnx", 1, []);
  await chain.honest(mlp);
  // The first, a middle and the last place a lie can be in, each walked down and each proved directly.
  for (const [name, workload, lies] of [
    ["mlp", mlp, places(mlp, [0, 31, 63])],
    ["digits", digits, places(digits, [0])],
  ] as const) {
    for (const tamper of lies) {
      await chain.walk(name, workload, tamper);
      await chain.direct(name, workload, tamper);
    }
  }
  for (const length of [64, 768, 1024, 4096]) {
    most(
      `leaf-dot-${length}`,
      await chain.leaf(dotWorkload(length), { step: 0, primitive: 0, element: 2_100, xor: 1 << 20 }),
    );
  }
  const unit = (row: string) => (row.startsWith("dispute-openings") ? "openings" : "gas");
  return { unit, values, snapshot: "gas" };
}

/** One lie per primitive, in the middle of its output, in each of the steps. */
function places({ program }: Workload, steps: readonly number[]): Tamper[] {
  const records = program.segments[0].records;
  return steps.flatMap((step) =>
    records.map((record, primitive) => ({ step, primitive, element: Math.floor(record.length / 2), xor: 1 << 20 })),
  );
}

function example(path: string, steps: number, state: readonly { input: string; output: string }[]): Workload {
  const model = importModel(parseModel(readFileSync(join(EXAMPLES, path))), { state });
  let seed = 1;
  const inputs = model.program.inputs.map((tensor) =>
    inputWords(
      tensor,
      Array.from({ length: tensor.length }, () => dense(seed++)),
    ),
  );
  return { program: model.program, steps, inputs, constants: model.constants };
}

// Between -1 and 1, with no zero byte.
function dense(index: number): number {
  return Math.fround(Math.sin(index * 12.9898) * 0.87 + 0.0517);
}

function runOf({ program, steps, inputs, constants }: Workload, tamper?: Tamper): Run {
  const constant = (root: Hex) => constants.get(root) ?? new Uint32Array(0);
  return execute(program, { steps, inputs, constants: constant, runner: interpreterRunner, ...(tamper && { tamper }) });
}

async function openChain(most: (name: string, used: bigint) => void) {
  await tasks.getTask("build").run({ quiet: true }); // what is measured is what the sources say
  const { viem, networkHelpers, ignition } = await network.create();
  const deployed = await ignition.deploy(lockstep);
  const {
    token,
    programRegistry: programs,
    claimRegistry: claims,
    disputeGame: game,
    taskMarket: market,
    referee,
  } = deployed;
  const client = await viem.getPublicClient();
  const wallets = await viem.getWalletClients();
  const [requester, solver, challenger] = wallets.map(({ account }) => account.address);
  const bond = await claims.read.minBondWei();
  const fee = await claims.read.minMoveFeeWei();
  const registered = new Set<Hex>();

  const used = async (hash: Hex): Promise<bigint> => (await client.getTransactionReceipt({ hash })).gasUsed;
  const row = async (name: string, hash: Hex): Promise<bigint> => {
    const spent = await used(hash);
    most(name, spent);
    return spent;
  };

  async function register(name: string, { program }: Workload): Promise<Hex> {
    const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(program);
    const root = keccak256(summary);
    if (registered.has(root)) return root;
    registered.add(root);
    const hexes = (list: readonly Uint8Array[]) => list.map((bytes) => bytesToHex(bytes));
    const parts = [
      bytesToHex(summary),
      bytesToHex(interfaceTable),
      hexes(bindings),
      records.map(hexes),
      hexes(scalars),
    ] as const;
    await row(`program-register-${name}`, await programs.write.register([...parts, [`lockstep:${SALT}`]]));
    return root;
  }

  /** Request, acceptance, commit, reveal and delivery of a run. */
  async function claim(name: string, workload: Workload, run: Run): Promise<{ claimId: Hex; taskId: Hex }> {
    const programRoot = await register(name, workload);
    const inputsRoot = inputsRootOf(workload.inputs);
    await token.write.mint([requester, PRICE]);
    await token.write.approve([market.address, PRICE]);
    const wish = { programRoot, inputsRoot, steps: run.steps, price: PRICE, deadline: DEADLINE, solver: zeroAddress };
    await row("task-request", await market.write.request([wish, "0x"]));
    const [requested] = await market.getEvents.TaskRequested({}, { fromBlock: "latest" });
    const taskId = requested.args.taskId!;
    const account = solver;
    await row("task-accept", await market.write.accept([taskId], { account }));
    const [traceRoot, outputRoots] = [traceRootOf(run), outputRootsOf(run)];
    const terms = {
      programRoot,
      inputsRoot,
      steps: run.steps,
      traceMode: 0,
      operator: solver,
      taskId,
      moveFeeWei: fee,
    };
    const seal = keccak256(
      encodeAbiParameters(parseAbiParameters("bytes32, bytes32[], bytes32"), [traceRoot, outputRoots, SALT]),
    );
    await row("claim-commit", await claims.write.commit([terms, seal], { account, value: bond }));
    const claimId = await claims.read.claimIdOf([solver, terms, seal, bond]);
    const shown = outputsShownOf(run);
    await row(
      "claim-reveal",
      await claims.write.reveal([claimId, terms, traceRoot, outputRoots, SALT, shown], { account }),
    );
    await row("task-deliver", await market.write.deliver([taskId, claimId], { account }));
    return { claimId, taskId };
  }

  async function openingsOf(claimId: Hex): Promise<Opening[]> {
    const nodes = await game.getEvents.NodeOpened({ claimId }, { fromBlock: 0n });
    const chunks = await game.getEvents.ChunkOpened({ claimId }, { fromBlock: 0n });
    const at = (position: unknown) => position as Opening["position"];
    return [
      ...nodes.map(({ args }): Opening => ({ position: at(args.position), kind: "nodes", nodes: args.nodes! })),
      ...chunks.map(({ args }): Opening => ({
        position: at(args.position),
        kind: "chunk",
        chunk: hexToBytes(args.chunk!),
      })),
    ];
  }

  /** Commits to a proof and reveals it. */
  async function proveFraud(claimId: Hex, fraud: FraudProof): Promise<bigint> {
    const proof = encodeProof(fraud);
    const commitment = keccak256(
      encodeAbiParameters(parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32"), [
        BigInt(await client.getChainId()),
        game.address,
        claimId,
        challenger,
        SALT,
        fraud.kind,
        keccak256(proof),
      ]),
    );
    const account = challenger;
    const value = await game.read.proofBondWei();
    return (
      (await row("proof-commit", await game.write.commitProof([claimId, commitment], { account, value }))) +
      (await row("proof-reveal", await game.write.revealProof([claimId, fraud.kind, proof, SALT], { account })))
    );
  }

  return {
    /** A claim that nobody disputes, to its end. */
    async honest(workload: Workload): Promise<void> {
      const run = runOf(workload);
      const { claimId, taskId } = await claim("mlp", workload, run);
      const { challengeUntil } = await claims.read.claimOf([claimId]);
      await networkHelpers.time.increaseTo(challengeUntil + (await claims.read.proofRevealSeconds()) + 1n);
      await row("claim-finalize", await claims.write.finalize([claimId]));
      await row("task-settle", await market.write.settle([taskId]));
      await row("withdraw", await claims.write.withdraw({ account: solver }));
    },

    /** A whole dispute, move by move. */
    async walk(name: string, workload: Workload, tamper: Tamper): Promise<void> {
      const [own, lying] = [runOf(workload), runOf(workload, tamper)];
      const { claimId } = await claim(name, workload, lying);
      const account = challenger;
      const value = await game.read.depositOf([claimId]);
      let total = await row("challenge", await game.write.challenge([claimId], { account, value }));
      const [opened] = await game.getEvents.ChallengeOpened({}, { fromBlock: "latest" });
      const challengeId = opened.args.challengeId!;
      for (let openings = 0; ; openings++) {
        const action = nextAction(own, traceRootOf(lying), await openingsOf(claimId));
        if (action.kind === "agree") throw new Error(`no lie in ${name} at ${JSON.stringify(tamper)}`);
        if (action.kind === "prove") {
          total += await proveFraud(claimId, action.fraud);
          most(`dispute-openings-${name}`, BigInt(openings));
          most(`dispute-interactive-${name}`, total);
          return;
        }
        const { node, position, path, shown } = action.demand;
        total += await row("demand", await game.write.demand([challengeId, node, position, path, shown], { account }));
        const answer = answerDemand(lying, position);
        total +=
          answer.kind === "chunk"
            ? await row("open-chunk", await game.write.openChunk([challengeId, node, bytesToHex(answer.chunk)]))
            : await row("opening", await game.write.open([challengeId, node, answer.nodes]));
      }
    },

    /** The same lie in one direct proof. */
    async direct(name: string, workload: Workload, tamper: Tamper): Promise<void> {
      const lying = runOf(workload, tamper);
      const { claimId } = await claim(name, workload, lying);
      const fraud = findFraud(runOf(workload), lying);
      if (fraud === null) throw new Error(`no lie in ${name} at ${JSON.stringify(tamper)}`);
      const total = await proveFraud(claimId, fraud);
      most(`dispute-direct-${name}`, total);
    },

    /** One leaf alone, as a transaction to the referee. */
    async leaf(workload: Workload, tamper: Tamper): Promise<bigint> {
      const [own, lying] = [runOf(workload), runOf(workload, tamper)];
      const fraud = findFraud(own, lying);
      if (fraud === null) throw new Error("no lie in the dot product");
      const view = {
        programRoot: keccak256(encodeProgram(workload.program).summary),
        inputsRoot: inputsRootOf(workload.inputs),
        traceRoot: traceRootOf(lying),
        steps: lying.steps,
      };
      const data = encodeFunctionData({
        abi: referee.abi,
        functionName: "prove",
        args: [fraud.kind, view, encodeProof(fraud)],
      });
      return used(await wallets[0].sendTransaction({ to: referee.address, data }));
    },
  };
}
