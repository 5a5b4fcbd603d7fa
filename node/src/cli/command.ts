/**
 * What a command is: a row of data. One place (main.ts) turns rows into a parser, prints results and maps errors, so
 * that every command has `--json`, the same error form and the same exit codes: 0 done, 1 refused or failed, 2 unparsable.
 */
import type { Logger } from "pino";
import type { z } from "zod";
import { LockstepError } from "../float/errors.ts";

/** A positional argument; `[name]` optional, `<name>` required, as commander writes them. */
export interface Argument {
  name: string;
  summary: string;
}

/** A flag as commander writes it (`--steps <count>`). `repeat` collects several. */
export interface Flag {
  flag: string;
  summary: string;
  default?: string;
  repeat?: boolean;
}

/** What a command is given. */
export interface Input {
  args: readonly string[];
  flags: Readonly<Record<string, string | boolean | string[] | undefined>>;
  /** True when the caller wants the one JSON object: text and progress then go to stderr only. */
  json: boolean;
  log: Logger;
  /** Aborted at SIGINT or SIGTERM. */
  signal: AbortSignal;
}

/** What a command answers: the object of `--json` and the text for people. */
export interface Outcome<T> {
  result: T;
  text: string;
  /** Exit code when the command ran but its finding is negative (a mismatch, a slashed claim). Default 0. */
  exitCode?: number;
}

/** One command. `result` is the exported schema of its `--json` object. */
export interface Command<T = unknown> {
  /** Words after `lockstep`, such as ["claim", "list"]. */
  path: readonly string[];
  summary: string;
  args?: readonly Argument[];
  flags?: readonly Flag[];
  /** Printed below the help. */
  examples?: readonly string[];
  result: z.ZodType<T>;
  run(input: Input): Promise<Outcome<T>>;
}

/** Keeps the type of a command's result checked against its schema. */
export function defineCommand<T>(command: Command<T>): Command {
  return command as Command;
}

/** A flag's text, or undefined. */
export function text(input: Input, name: string): string | undefined {
  const value = input.flags[name];
  return typeof value === "string" ? value : undefined;
}

/** A flag's or a setting's text; refuses when neither is given. */
export function requiredText(input: Input, name: string, environment?: string): string {
  const value = text(input, name) ?? (environment === undefined ? undefined : process.env[environment]);
  if (value === undefined || value === "") throw new MissingOptionError(name, environment);
  return value;
}

/** A flag that was repeated, or nothing. */
export function list(input: Input, name: string): string[] {
  const value = input.flags[name];
  return Array.isArray(value) ? value : [];
}

/** A whole number of a flag, within [least, most]. */
export function integer(input: Input, name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = text(input, name);
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < least || number > most) {
    throw new OptionError(name, value, `a whole number from ${least} to ${most}`);
  }
  return number;
}

/** An amount in a coin's smallest unit (wei). */
export function amount(input: Input, name: string): bigint | undefined {
  const value = text(input, name);
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new OptionError(name, value, "a decimal amount in the smallest unit");
  return BigInt(value);
}

/** An option, by its key in `Input.flags`, has a value that its rule refuses. */
export class OptionError extends LockstepError {
  constructor(key: string, value: string, rule: string) {
    const option = flagOf(key);
    super("OptionError", `--${option} ${value}: expected ${rule}`, { option, value, rule });
  }
}

/** An argument has a value that its rule refuses. */
export class ArgumentError extends LockstepError {
  constructor(argument: string, value: string, rule: string) {
    super("ArgumentError", `<${argument}> ${value}: expected ${rule}`, { argument, value, rule });
  }
}

/** A command needs an option that is not given. */
export class MissingOptionError extends LockstepError {
  constructor(key: string, environment: string | undefined) {
    const option = flagOf(key);
    const instead = environment === undefined ? "" : ` or set ${environment}`;
    super("MissingOptionError", `Give --${option}${instead}`, { option, environment: environment ?? null });
  }
}

// commander gives `--least-price` the key leastPrice.
function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
