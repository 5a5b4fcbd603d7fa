// Runs a row of the command line in this process, without its parser.
import type { Command, Outcome } from "@lockstep/node/cli/command";
import { createLogger } from "@lockstep/node/cli/main";

/** The folder of others' vectors; empty where none is named. */
export const CONFORMANCE = process.env["LOCKSTEP_CONFORMANCE"] ?? "";

/** Why tests over them are skipped, or false. */
export const SKIPPED = CONFORMANCE === "" ? "LOCKSTEP_CONFORMANCE names no folder" : false;

/** What the command answers, checked against its own schema. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  flags: Readonly<Record<string, string>> = {},
): Promise<{ result: unknown; exitCode: number }> {
  const outcome: Outcome<unknown> = await command.run({
    args,
    flags,
    json: true,
    log: createLogger("silent"),
    signal: new AbortController().signal,
  });
  return { result: command.result.parse(outcome.result), exitCode: outcome.exitCode ?? 0 };
}
