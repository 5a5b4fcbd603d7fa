import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { dump } from "npyjs";
import { parseEther, type Hex } from "viem";
import { createKeystore } from "../../chain/keystore.ts";
import { protocolOf } from "../../chain/protocol.ts";
import { deployProtocol, startTestChain, temporaryFolder, type TestChain } from "../../chain/test-chain.ts";
import { run, runError, runJson } from "../captured.ts";

const EXAMPLES = resolve(import.meta.dirname, "../../../../examples");
const DIGITS = join(EXAMPLES, "digits/digits.onnx");
const THREE = join(EXAMPLES, "digits/samples/input-3.npy");
const NOTHING: Hex = `0x${"ab".repeat(32)}`;

describe("commands on a network", { timeout: 120_000 }, () => {
  const folder = temporaryFolder("commands");
  let chain: TestChain;
  let deployment: string;
  let network: string[];
  let requester: string;
  let stranger: string;
  let programRoot: Hex;

  before(async () => {
    chain = await startTestChain();
    const deployed = await deployProtocol(chain, folder.path);
    deployment = deployed.path;
    network = ["--rpc", chain.url, "--deployment", deployment];
    requester = await home("requester", 100n);
    stranger = await home("stranger", 100n);
    const { account } = await runJson<{ account: Hex }>("node", "key", "--home", requester);
    const { token } = protocolOf(deployed.deployment);
    const mint = { ...token, functionName: "mint", args: [account, 1_000n], chain: null } as const;
    await chain.client.waitForTransactionReceipt({ hash: await chain.deployer.writeContract(mint) });
    const words = ["program", "register", DIGITS, "--home", requester, ...network];
    ({ programRoot } = await runJson<{ programRoot: Hex }>(...words));
  });
  after(async () => {
    await chain.stop();
    folder.remove();
  });

  // The folder of an account with some ether.
  async function home(name: string, ether: bigint): Promise<string> {
    const path = join(folder.path, name);
    mkdirSync(path);
    writeFileSync(join(path, "password"), name);
    const { address } = await createKeystore(join(path, "keystore.json"), name);
    await chain.control.setBalance({ address, value: ether * parseEther("1") });
    return path;
  }

  const request = (...words: string[]) =>
    runJson<{ taskId: Hex }>("task", "request", programRoot, ...words, "--home", requester, ...network);
  const status = async (taskId: Hex) => (await runJson<{ status: string }>("task", "show", taskId, ...network)).status;

  it("registers a program once and lists it with where to find its manifest", async () => {
    const again = await runJson("program", "register", DIGITS, "--home", requester, ...network);
    assert.deepEqual([again["programRoot"], again["action"], again["gas"]], [programRoot, "none", null]);
    assert.equal(again["transaction"], null);
    const { programs } = await runJson<{ programs: Record<string, unknown>[] }>("program", "list", ...network);
    assert.equal(programs.length, 1);
    assert.equal(programs[0]?.["programRoot"], programRoot);
    assert.equal((programs[0]?.["mirrors"] as string[] | undefined)?.length, 1);
    const { stdout } = await run("program", "list", ...network);
    assert.match(stdout, new RegExp(programRoot));
  });

  it("names the mirror of another file that lowers to a registered program, once", async () => {
    // A doc_string (field 6 of ModelProto) is another file and the same program.
    const commented = join(folder.path, "commented.onnx");
    writeFileSync(commented, Buffer.concat([readFileSync(DIGITS), Buffer.from([0x32, 2, 0x68, 0x69])]));
    const words = ["program", "register", commented, "--home", requester, ...network];
    const first = await runJson(...words);
    assert.deepEqual([first["programRoot"], first["action"]], [programRoot, "mirrored"]);
    assert.match(String(first["transaction"]), /^0x[0-9a-f]{64}$/);
    assert.equal((await runJson(...words))["action"], "none");
    const { programs } = await runJson<{ programs: { mirrors: string[] }[] }>("program", "list", ...network);
    assert.equal(programs[0]?.mirrors.length, 2);
    assert.equal(programs[0]?.mirrors[1], first["mirror"]);
  });

  it("asks for work, shows it and takes it back", async () => {
    const { taskId } = await request("--input", THREE, "--pay", "7");
    const { tasks } = await runJson<{ tasks: Record<string, unknown>[] }>("task", "list", ...network);
    const task = tasks.find((one) => one["taskId"] === taskId);
    assert.deepEqual([task?.["status"], task?.["price"], task?.["steps"]], ["open", "7", 1]);
    const cancelled = await runJson("task", "cancel", taskId, "--home", requester, ...network);
    assert.match(String(cancelled["transaction"]), /^0x[0-9a-f]{64}$/);
    assert.equal(await status(taskId), "cancelled");
  });

  it("asks for the same work twice", async () => {
    const first = await request("--input", THREE, "--pay", "1");
    const second = await request("--input", THREE, "--pay", "1");
    assert.notEqual(first.taskId, second.taskId);
  });

  it("says what the contract refuses", async () => {
    const { taskId } = await request("--input", THREE, "--pay", "3");
    const refund = await runError("task", "refund", taskId, "--home", requester, ...network);
    assert.deepEqual(
      [refund.code, refund.name, refund.values["rule"]],
      [1, "ContractRevertedError", "DeadlinePending"],
    );
    const cancel = await runError("task", "cancel", taskId, "--home", stranger, ...network);
    assert.deepEqual([cancel.name, cancel.values["rule"]], ["ContractRevertedError", "NotRequester"]);
    assert.equal((cancel.values["args"] as string[])[0], taskId);
    assert.equal(await status(taskId), "open");
    const poor = ["task", "request", programRoot, "--input", THREE, "--pay", "5", "--home", requester, ...network];
    const price = await runError(...poor, "--pay", "100000");
    assert.deepEqual([price.name, price.values["rule"]], ["ContractRevertedError", "ERC20InsufficientBalance"]);
  });

  it("refuses a task of a program that nobody registered", async () => {
    const words = ["--input", THREE, "--pay", "5", "--home", requester, ...network];
    const error = await runError("task", "request", NOTHING, ...words);
    assert.deepEqual([error.code, error.name], [1, "ProgramUnavailableError"]);
    assert.equal(error.values["programRoot"], NOTHING);
  });

  it("refuses an input of another shape before anything is paid", async () => {
    const path = join(folder.path, "wrong.npy");
    writeFileSync(path, new Uint8Array(dump(new Float32Array(6), [2, 3])));
    const words = ["--pay", "5", "--home", requester, ...network];
    const error = await runError("task", "request", programRoot, "--input", path, ...words);
    assert.deepEqual([error.code, error.name], [1, "InputShapeError"]);
    assert.deepEqual(error.values["shape"], [2, 3]);
    const none = await runError("task", "request", programRoot, ...words);
    assert.equal(none.name, "InputCountMismatchError");
  });

  it("says that there is no such thing", async () => {
    const wanted: [string[], string][] = [
      [["task", "show", NOTHING, ...network], "task"],
      [["claim", "show", NOTHING, ...network], "claim"],
      [["claim", "verify", NOTHING, "--home", requester, ...network], "revealed claim"],
      [["challenge", "show", NOTHING, "--home", requester, ...network], "claim"],
      [["challenge", "timeout", NOTHING, "--home", stranger, ...network], "challenge"],
      [["claim", "finalize", NOTHING, "--home", stranger, ...network], "claim"],
    ];
    for (const [words, kind] of wanted) {
      const error = await runError(...words);
      assert.deepEqual(
        [error.code, error.name, error.values["kind"], error.values["id"]],
        [1, "NotFoundError", kind, NOTHING],
      );
    }
    const start = await runError("challenge", "start", NOTHING, "--home", stranger, ...network);
    assert.deepEqual([start.name, start.values["status"]], ["ClaimNotOpenError", 0]);
    const cancel = await runError("task", "cancel", NOTHING, "--home", stranger, ...network);
    assert.equal(cancel.name, "ContractRevertedError");
  });

  it("lists nothing where there is nothing", async () => {
    assert.deepEqual(await runJson("claim", "list", ...network), { claims: [] });
    assert.deepEqual(await runJson("challenge", "list", ...network), { challenges: [] });
    const { code, stdout } = await run("claim", "list", ...network);
    assert.equal(code, 0);
    assert.equal(stdout.split("\n").length, 3, "a header and a line below it");
  });

  it("says that an account can't pay", async () => {
    const empty = await home("empty", 0n);
    const { taskId } = await request("--input", THREE, "--pay", "1");
    const error = await runError("task", "cancel", taskId, "--home", empty, ...network);
    // Refused by the contract or for lack of coin, whichever the endpoint looks at first.
    assert.match(error.name, /^(TransactionRefused|ContractReverted)Error$/);
    const register = ["program", "register", join(EXAMPLES, "mlp/mlp.onnx"), "--state", "state=next"];
    const refused = await runError(...register, "--home", empty, ...network);
    assert.deepEqual([refused.code, refused.name], [1, "TransactionRefusedError"]);
  });

  it("refuses a wrong password and a home without a key", async () => {
    const other = join(folder.path, "other-password");
    writeFileSync(other, "a guess");
    const words = ["task", "cancel", NOTHING, ...network, "--password-file", other];
    const wrong = await runError(...words, "--home", requester);
    assert.deepEqual([wrong.code, wrong.name], [1, "KeystoreError"]);
    assert.doesNotMatch(JSON.stringify(wrong), /a guess/);
    const none = await runError(...words, "--home", join(folder.path, "nobody"));
    assert.equal(none.name, "KeystoreError");
  });

  it("refuses an endpoint that is away, of another chain or without the contracts", async () => {
    const away = await runError("claim", "list", "--rpc", "http://127.0.0.1:9", "--deployment", deployment);
    assert.deepEqual([away.code, away.name], [1, "EndpointError"]);
    assert.match(away.message, /--rpc or RPC_URL/);

    const content = JSON.parse(readFileSync(deployment, "utf8")) as { contracts: Record<string, string> };
    const altered = (name: string, change: object) => {
      const path = join(folder.path, name);
      writeFileSync(path, JSON.stringify({ ...content, ...change }));
      return path;
    };
    const other = await runError(
      "claim",
      "list",
      "--rpc",
      chain.url,
      "--deployment",
      altered("1.json", { chainId: 1 }),
    );
    assert.deepEqual([other.name, other.values["expected"], other.values["found"]], ["WrongChainError", 1, 31_337]);
    const contracts = { ...content.contracts, TaskMarket: `0x${"12".repeat(20)}` };
    const missing = await runError(
      "claim",
      "list",
      "--rpc",
      chain.url,
      "--deployment",
      altered("2.json", { contracts }),
    );
    assert.deepEqual([missing.name, missing.values["contract"]], ["ContractMissingError", "TaskMarket"]);
  });

  it("finds the network of a folder, and refuses a broken network file", async () => {
    const dir = join(folder.path, "dir");
    mkdirSync(dir);
    const file = join(dir, "network.json");
    const known = { chainId: 31_337, rpc: chain.url, graphql: "http://127.0.0.1:9", deployment, peers: [] };
    writeFileSync(file, JSON.stringify(known));
    const { programs } = await runJson<{ programs: unknown[] }>("program", "list", "--dir", dir);
    assert.equal(programs.length, 1);
    for (const broken of ["{", JSON.stringify({ ...known, rpc: "not a url" }), "[]"]) {
      writeFileSync(file, broken);
      const error = await runError("program", "list", "--dir", dir);
      assert.deepEqual([error.code, error.name, error.values["path"]], [1, "NetworkFileError", file]);
    }
  });
});
