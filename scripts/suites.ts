// Runs suites, each a command with a way to read its counts, and sums them. A suite that ends badly, prints no counts or
// outlives its time adds a failure of its own, so that nothing that broke can look like nothing that ran.
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Suite {
  name: string;
  command: string;
  args: string[];
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Reads the counts from what the suite printed; undefined when it printed none. */
  count: (output: string, exitCode: number) => Counts | undefined;
}

/** How long one suite may run, in milliseconds. */
const SUITE_LIMIT_MS = 15 * 60_000;

/** Runs the suites one after the other and returns their sum. */
export async function runSuites(suites: Suite[], limitMs = SUITE_LIMIT_MS): Promise<Counts> {
  const rows: { name: string; counts: Counts; seconds: number }[] = [];
  for (const suite of suites) {
    console.log(`\n=== ${suite.name}`);
    const started = performance.now();
    const ended = await runCommand(suite, limitMs);
    rows.push({ name: suite.name, counts: countsOf(suite, ended), seconds: (performance.now() - started) / 1000 });
  }
  console.log("\n=== summary");
  for (const { name, counts, seconds } of rows) {
    console.log(`${name.padEnd(28)} ${closingLine(counts)}, ${counts.skipped} skipped (${seconds.toFixed(1)} s)`);
  }
  const sum = sumCounts(rows.map((row) => row.counts));
  console.log(`${sum.skipped} skipped`);
  return sum;
}

/** The line a run ends with. What was skipped is said above it: it is neither passed nor failed. */
export function closingLine({ passed, failed }: Counts): string {
  return `${passed} passed, ${failed} failed`;
}

export function sumCounts(all: Counts[]): Counts {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of all) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  return sum;
}

/** Reads counts.ts's last line, which the node:test suites print after the report that people read. */
export function countNodeTest(output: string): Counts | undefined {
  const line = output.match(/^counts (\{.*\})$/gm)?.at(-1);
  if (line === undefined) return undefined;
  const counts = JSON.parse(line.slice("counts ".length)) as Record<string, number>;
  const { tests = 0, passed = 0, skipped = 0, todo = 0 } = counts;
  return { passed, failed: tests - passed - skipped - todo, skipped: skipped + todo };
}

/** Reads the closing lines of `hardhat test`: `3 passing (12ms)`, `1 failing`, `2 skipped`. */
export function countHardhat(output: string): Counts | undefined {
  const found = [...output.matchAll(/^ *(\d+) (passing|failing|skipped)\b/gm)];
  if (found.length === 0) return undefined;
  const total = (word: string) => found.reduce((sum, [, n, kind]) => sum + (kind === word ? Number(n) : 0), 0);
  return { passed: total("passing"), failed: total("failing"), skipped: total("skipped") };
}

/** Counts a command as one check that passes when it ends with 0. */
export function countExit(_output: string, exitCode: number): Counts {
  return { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
}

/** Counts a build of the contracts as one check, which a compiler's warning about the project's own sources fails too. */
export function countBuild(output: string, exitCode: number): Counts {
  const warned = /^Warning: [^\n]*\n *--> \.\/(?:contracts|test)\//m.test(output);
  return countExit(output, warned ? 1 : exitCode);
}

interface Ended {
  output: string;
  exitCode: number;
  reason?: string;
}

function countsOf(suite: Suite, { output, exitCode, reason }: Ended): Counts {
  const counts = suite.count(stripVTControlCharacters(output), exitCode);
  if (counts !== undefined && reason === undefined && (exitCode === 0 || counts.failed > 0)) return counts;
  const why = reason ?? (counts === undefined ? "printed no counts" : "counted no failure");
  console.error(`${suite.name}: ended with ${exitCode}, ${why}`);
  const sum = counts ?? { passed: 0, failed: 0, skipped: 0 };
  return { ...sum, failed: sum.failed + 1 };
}

function runCommand({ command, args, env }: Suite, limitMs: number): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = spawn(command, args, {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  let reason: string | undefined;
  const stop = () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL");
  const timer = setTimeout(() => {
    reason = `ran longer than ${limitMs} ms`;
    stop();
  }, limitMs);
  const interrupted = () => {
    stop();
    process.exit(130);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      to.write(text);
    });
  }
  const finish = (ended: Ended) => {
    clearTimeout(timer);
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    resolve(ended);
  };
  child.on("error", (error) => finish({ output, exitCode: -1, reason: error.message }));
  child.on("close", (code, signal) => {
    if (signal !== null) reason ??= `was ended by ${signal}`;
    finish({ output, exitCode: code ?? -1, ...(reason === undefined ? {} : { reason }) });
  });
  return promise;
}
