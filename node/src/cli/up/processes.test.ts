import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { silent, temporaryFolder, until } from "../../chain/test-chain.ts";
import { choosePort, PortTakenError, ProcessEndedError, Processes, runToEnd } from "./processes.ts";

// A process that writes its id and waits.
const WAITS = `console.log("I am", process.pid); setInterval(() => {}, 1000);`;

describe("processes", { timeout: 40_000 }, () => {
  let folder: { path: string; remove(): void };
  let processes: Processes;

  beforeEach(() => {
    folder = temporaryFolder("processes");
    processes = new Processes(join(folder.path, "logs"), silent);
  });
  afterEach(async () => {
    await processes.stop();
    folder.remove();
  });

  const node = (name: string, code: string, more: object = {}) => ({
    name,
    command: process.execPath,
    args: ["-e", code],
    ...more,
  });
  const logged = (name: string) => {
    const path = processes.logFile(name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  const isRunning = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it("write what they say to log files, and end when they are told", async () => {
    const pid = processes.start(node("one", `console.error("to stderr"); ${WAITS}`));
    await until("it says so", () => logged("one").includes(`I am ${pid}`) && logged("one").includes("to stderr"));
    await processes.stop();
    assert.ok(!isRunning(pid));
  });

  it("see the environment they are given", async () => {
    processes.start(node("one", `console.log(process.env.GIVEN); ${WAITS}`, { environment: { GIVEN: "this" } }));
    await until("it says so", () => logged("one").includes("this"));
  });

  it("are started again when they end on their own", async () => {
    const pid = processes.start(node("one", WAITS, { restart: true }));
    await until("it runs", () => logged("one").includes(`I am ${pid}`));
    process.kill(pid, "SIGKILL");
    await until("another runs", () => (logged("one").match(/I am/g) ?? []).length === 2);
    const [, second = 0] = [...logged("one").matchAll(/I am (\d+)/g)].map(([, id]) => Number(id));
    assert.notEqual(second, pid);
    await processes.stop();
    assert.ok(!isRunning(second), "the second is stopped too");
  });

  it("fail the whole with their last lines when they must run and end", async () => {
    processes.start(node("one", `console.log("the reason"); setTimeout(() => process.exit(3), 300);`));
    await assert.rejects(processes.failure, (error: unknown) => {
      assert.ok(error instanceof ProcessEndedError);
      assert.deepEqual([error.values["process"], error.values["how"]], ["one", "code 3"]);
      assert.match(String(error.values["lastLines"]), /the reason/);
      return true;
    });
  });

  it("fail the whole when there is no such program", async () => {
    processes.start({ name: "none", command: join(folder.path, "none"), args: [] });
    await assert.rejects(processes.failure, ProcessEndedError);
  });

  it("are ended the hard way when they do not listen", async () => {
    const pid = processes.start(node("deaf", `process.on("SIGTERM", () => {}); ${WAITS}`));
    await until("it runs", () => logged("deaf").includes("I am"));
    await processes.stop();
    assert.ok(!isRunning(pid));
  });

  it("run to their end, or throw with their last lines", async () => {
    await runToEnd(processes, node("good", `console.log("done")`));
    assert.match(logged("good"), /done/);
    const bad = runToEnd(processes, node("bad", `console.error("what went wrong"); process.exitCode = 2;`));
    await assert.rejects(bad, (error: unknown) => {
      assert.ok(error instanceof ProcessEndedError);
      assert.match(error.message, /^bad ended with code 2:\nwhat went wrong$/);
      return true;
    });
  });
});

describe("ports", () => {
  it("are chosen freely or as wanted, and refused when taken", async () => {
    const port = await choosePort(0);
    assert.ok(port > 1023);
    assert.equal(await choosePort(port), port);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    await assert.rejects(choosePort(port), (error: unknown) => {
      assert.ok(error instanceof PortTakenError);
      assert.equal(error.values["port"], port);
      return true;
    });
    await new Promise((resolve) => server.close(resolve));
  });
});
