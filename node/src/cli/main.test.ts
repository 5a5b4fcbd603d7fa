import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Command as Parser } from "commander";
import { run, runError } from "./captured.ts";
import { COMMANDS, GROUPS } from "./commands.ts";
import { buildParser } from "./main.ts";

// `LOCKSTEP_UPDATE_HELP=1 node --test node/src/cli/main.test.ts` writes the file anew.
const HELP = join(import.meta.dirname, "help.txt");

describe("help", () => {
  it("is what help.txt says, for every command", () => {
    const text = helpOf(buildParser(() => Promise.resolve())).join("\n");
    if (process.env["LOCKSTEP_UPDATE_HELP"] === "1") writeFileSync(HELP, text);
    assert.equal(text, readFileSync(HELP, "utf8"));
  });

  it("says what every group is about", () => {
    const groups = COMMANDS.flatMap(({ path: [first = "", ...rest] }) => (rest.length > 0 ? [first] : []));
    assert.deepEqual([...new Set(groups)].toSorted(), Object.keys(GROUPS).toSorted());
  });

  for (const words of [["--help"], ["help"], ["task", "--help"], ["help", "task"], ["task", "help", "request"]]) {
    it(`is printed on stdout by lockstep ${words.join(" ")}`, async () => {
      const { code, stdout, stderr } = await run(...words);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: lockstep /);
      assert.equal(stderr, "");
    });
  }
});

describe("usage errors", () => {
  const wrong: [string, string[], RegExp][] = [
    ["an unknown command", ["fly"], /unknown command 'fly'/],
    ["an unknown command of a group", ["claim", "fly"], /unknown command 'fly'/],
    ["an unknown option", ["claim", "list", "--fly"], /unknown option '--fly'/],
    ["a missing argument", ["claim", "show"], /missing required argument 'claim'/],
    ["one argument too many", ["claim", "show", "0x1", "0x2"], /too many arguments/],
    ["another log level", ["claim", "list", "--log-level", "loud"], /Allowed choices are trace/],
  ];
  for (const [what, words, message] of wrong) {
    it(`exit with 2 for ${what}`, async () => {
      const text = await run(...words);
      assert.equal(text.code, 2);
      assert.equal(text.stdout, "");
      assert.match(text.stderr, message);
      assert.match(text.stderr, /Usage: lockstep/, "the help follows");
      const json = await runError(...words);
      assert.deepEqual([json.code, json.name], [2, "UsageError"]);
      assert.match(json.message, message);
    });
  }

  it("exit with 2 for nothing at all", async () => {
    const { code, stdout, stderr } = await run();
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^Usage: lockstep/);
  });
});

describe("typed errors", () => {
  const refused: [string, string[], string, Record<string, unknown>][] = [
    ["a role that there is not", ["node", "start", "--role", "king"], "OptionError", { option: "role", value: "king" }],
    ["no role", ["node", "start"], "MissingOptionError", { option: "role" }],
    ["a lie of another form", ["up", "--lie", "2:5"], "LieFormatError", { value: "2:5" }],
    ["a lie that changes nothing", ["up", "--lie", "2:5:0"], "LieFormatError", { value: "2:5:0" }],
    [
      "a watchtower that lies",
      ["node", "start", "--role", "watchtower", "--lie", "random"],
      "RoleOptionError",
      { option: "lie", role: "watchtower" },
    ],
    [
      "a trace of no kind",
      ["node", "start", "--role", "solver", "--trace", "none"],
      "OptionError",
      { option: "trace", value: "none" },
    ],
    [
      "an operator that is no address",
      ["node", "start", "--role", "solver", "--operator", "bob"],
      "OptionError",
      { option: "operator", value: "bob" },
    ],
    [
      "a verifier that claims",
      ["node", "start", "--role", "verifier", "--trace", "full"],
      "RoleOptionError",
      { option: "trace", role: "verifier" },
    ],
    [
      "a solver that demands",
      ["node", "start", "--role", "solver", "--demand-chunks", "1"],
      "RoleOptionError",
      { option: "demand-chunks", role: "solver" },
    ],
    [
      "a solver with deposits for words",
      ["node", "start", "--role", "solver", "--demand-deposits-each", "1"],
      "RoleOptionError",
      { option: "demand-deposits-each", role: "solver" },
    ],
    ["a solver's lie", ["node", "start", "--role", "solver", "--lie", "x"], "LieFormatError", { value: "x" }],
    [
      "a bond that is no amount",
      ["node", "start", "--role", "solver", "--bond", "1.5"],
      "OptionError",
      { value: "1.5" },
    ],
    ["a port below 1024", ["up", "--port", "80"], "OptionError", { option: "port", value: "80" }],
    ["a claim id of 31 bytes", ["claim", "show", `0x${"ab".repeat(31)}`], "ArgumentError", { argument: "claim" }],
    ["a task id that is no hash", ["task", "cancel", "latest"], "ArgumentError", { argument: "task", value: "latest" }],
    ["a program that is no hash", ["task", "request", "mlp", "--pay", "1"], "ArgumentError", { argument: "program" }],
    ["no price", ["task", "request", `0x${"ab".repeat(32)}`], "OptionError", { option: "pay" }],
    ["no steps", ["task", "request", `0x${"ab".repeat(32)}`, "--steps", "0"], "OptionError", { option: "steps" }],
    [
      "a solver that is no address",
      ["task", "request", `0x${"ab".repeat(32)}`, "--pay", "1", "--solver", "bob"],
      "OptionError",
      { option: "solver", value: "bob" },
    ],
    ["too many places", ["leaderboard", "--graphql", "http://localhost:1", "--first", "101"], "OptionError", {}],
    ["no network", ["claim", "list", "--dir", "/nowhere"], "NetworkUnknownError", { option: "rpc" }],
    ["no service", ["leaderboard", "--dir", "/nowhere"], "NetworkUnknownError", { option: "graphql" }],
    ["a service that is away", ["leaderboard", "--graphql", "http://127.0.0.1:9"], "GraphqlError", {}],
    [
      "a deployment file that is away",
      ["claim", "list", "--rpc", "http://127.0.0.1:9", "--deployment", "/nowhere.json"],
      "DeploymentError",
      { path: "/nowhere.json" },
    ],
    ["no password", ["node", "key", "--home", "/nowhere"], "PasswordMissingError", {}],
    [
      "a password file that is away",
      ["node", "key", "--home", "/nowhere", "--password-file", "/nowhere/password"],
      "KeystoreError",
      { path: "/nowhere/password" },
    ],
  ];
  for (const [what, words, name, values] of refused) {
    it(`exit with 1 for ${what}`, async () => {
      const error = await runError(...words);
      assert.deepEqual([error.code, error.name], [1, name]);
      for (const [key, value] of Object.entries(values)) assert.equal(error.values[key], value);
      assert.ok(error.message.length > 10);
      const { code, stdout, stderr } = await run(...words, "--log-level", "silent");
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.equal(stderr, `${name}: ${error.message}\n`);
    });
  }
});

function helpOf(parser: Parser): string[] {
  parser.configureHelp({ helpWidth: 100 });
  const name = `lockstep ${parser.name() === "lockstep" ? "" : pathOf(parser)}`.trim();
  let after = "";
  parser.configureOutput({ writeOut: (text) => (after += text), getOutHelpWidth: () => 100 });
  parser.outputHelp();
  const { commands } = parser;
  return [`$ ${name} --help\n\n${after}`, ...commands.flatMap((command) => helpOf(command as Parser))];
}

function pathOf(parser: Parser): string {
  const { parent } = parser;
  return parent === null || parent.name() === "lockstep" ? parser.name() : `${pathOf(parent)} ${parser.name()}`;
}
