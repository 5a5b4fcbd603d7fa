/**
 * The `lockstep` command: builds the parser from the rows of commands.ts, runs the one asked for, prints its outcome and
 * is the only place that decides an exit code.
 */
import { Command as Parser, CommanderError, Option } from "commander";
import { destination, pino, type Logger } from "pino";
import { LockstepError } from "../float/errors.ts";
import type { Command, Flag, Input } from "./command.ts";
import { COMMANDS, GROUPS } from "./commands.ts";
import { loggedError } from "./logged-error.ts";
import { asEndpointError } from "./network.ts";

/** Where a command's answer goes, and everything else it says. */
export interface Streams {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/** Parses and runs `words` (without node and script); returns the exit code. */
export async function main(words: readonly string[], streams: Streams = process): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  const wantsJson = words.includes("--json");
  let exitCode = 0;
  const parser = buildParser(async (command, input) => {
    exitCode = await runCommand(command, { ...input, signal: stop.signal }, streams);
  }, streams);
  try {
    await parser.parseAsync([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0; // help
      const message = error.message.replace(/^error: /, "");
      const usage = { name: "UsageError", message, values: { code: error.code } };
      if (wantsJson) printJson({ error: usage }, streams);
      return 2;
    }
    exitCode = printError(error, wantsJson, streams);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
  return exitCode;
}

type Runner = (command: Command, input: Omit<Input, "signal">) => Promise<void>;

/** The parser over all rows; exported so that tests can read every help text. */
export function buildParser(run: Runner, { stdout, stderr }: Streams = process): Parser {
  const root = new Parser("lockstep")
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .description("Run machine learning for strangers and settle on chain, bit for bit, whether it was done right")
    .exitOverride()
    .showHelpAfterError()
    .helpCommand(true);
  const groups = new Map<string, Parser>();
  for (const command of COMMANDS) {
    const [first = "", ...rest] = command.path;
    let parent = root;
    if (rest.length > 0) {
      parent =
        groups.get(first) ??
        root
          .command(first)
          .description(GROUPS[first] ?? "")
          .exitOverride()
          .showHelpAfterError();
      groups.set(first, parent);
    }
    addCommand(parent, command, run);
  }
  return root;
}

function addCommand(parent: Parser, command: Command, run: Runner): void {
  const name = command.path.at(-1) ?? "";
  const parser = parent.command(name).description(command.summary).exitOverride().showHelpAfterError();
  for (const argument of command.args ?? []) parser.argument(argument.name, argument.summary);
  for (const flag of command.flags ?? []) parser.addOption(toOption(flag));
  parser.option("--json", "print one JSON object on stdout; logs go to stderr");
  const levels = ["trace", "debug", "info", "warn", "error", "silent"];
  parser.addOption(new Option("--log-level <level>", "what is logged on stderr").choices(levels).default("warn"));
  if (command.examples !== undefined) {
    parser.addHelpText("after", `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join("\n")}`);
  }
  parser.action(async () => {
    const flags = parser.opts<Record<string, string | boolean | string[] | undefined>>();
    const level = typeof flags["logLevel"] === "string" ? flags["logLevel"] : "warn";
    await run(command, { args: parser.args, flags, json: flags["json"] === true, log: createLogger(level) });
  });
}

function toOption(flag: Flag): Option {
  const option = new Option(flag.flag, flag.summary);
  if (flag.default !== undefined) option.default(flag.default);
  if (flag.repeat === true)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** Structured logs on stderr, with anything that could hold a secret cut out. */
export function createLogger(level: string): Logger {
  const redact = { paths: ["password", "privateKey", "*.password", "*.privateKey", "*.raw"], censor: "[secret]" };
  // Under pino's own `err` too: an error's message and cause are not enumerable and would be lost.
  const serializers = { error: loggedError, err: loggedError };
  return pino({ level, base: undefined, redact, serializers }, destination({ dest: 2, sync: true }));
}

async function runCommand(command: Command, input: Input, streams: Streams): Promise<number> {
  try {
    const outcome = await command.run(input);
    if (input.json) printJson(command.result.parse(outcome.result), streams);
    else if (outcome.text !== "")
      streams.stdout.write(outcome.text.endsWith("\n") ? outcome.text : `${outcome.text}\n`);
    return outcome.exitCode ?? 0;
  } catch (error) {
    return printError(error, input.json, streams);
  }
}

function printError(thrown: unknown, json: boolean, streams: Streams): number {
  const error = asEndpointError(thrown);
  const typed =
    error instanceof LockstepError
      ? error.toJSON()
      : { name: "InternalError", message: error instanceof Error ? error.message : String(error), values: {} };
  if (json) printJson({ error: typed }, streams);
  else streams.stderr.write(`${typed.name}: ${typed.message}\n`);
  if (!(error instanceof LockstepError) && error instanceof Error && error.stack !== undefined) {
    streams.stderr.write(`${error.stack}\n`);
  }
  return 1;
}

function printJson(value: unknown, { stdout }: Streams): void {
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? item.toString() : item));
  stdout.write(`${text}\n`);
}
