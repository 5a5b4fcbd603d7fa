/** Runs the command line inside a test and keeps what it printed. */
import { main } from "./main.ts";

export interface Captured {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a command said and its exit code. */
export async function run(...words: string[]): Promise<Captured> {
  const said = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof said) => ({ write: (text: string) => (said[name] += text) });
  const code = await main(words, { stdout: stream("stdout"), stderr: stream("stderr") });
  return { code, ...said };
}

/** The one object that a command with `--json` printed. */
export async function runJson<T = Record<string, unknown>>(...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...words, "--json", "--log-level", "silent");
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  return onlyLine(stdout) as T;
}

/** The typed error that a command with `--json` answered with, and its exit code. */
export async function runError(...words: string[]) {
  const { code, stdout } = await run(...words, "--json", "--log-level", "silent");
  const { error } = onlyLine(stdout) as {
    error: { name: string; message: string; values: Record<string, unknown> };
  };
  return { code, ...error };
}

function onlyLine(stdout: string): unknown {
  if (!stdout.endsWith("\n") || stdout.indexOf("\n") !== stdout.length - 1) throw new Error(`not one line: ${stdout}`);
  return JSON.parse(stdout);
}
