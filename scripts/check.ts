// The static checks: everything that can be wrong without running the project. Each counts as one check.
import { closingLine, countBuild, countExit, runSuites, type Suite } from "./suites.ts";

const TYPESCRIPT_PROJECTS = ["tsconfig.json", "node", "node/tsconfig.portable.json", "indexer", "subgraph-schema"];

/** The checks, in the order they run: the build comes first, since types and generated files are made from it. */
export function staticChecks(): Suite[] {
  return [
    { ...check("build", "hardhat", "build"), count: countBuild },
    ...TYPESCRIPT_PROJECTS.map((project) => check(`types ${project}`, "tsc", "-p", project)),
    check("oxlint", "oxlint", "--type-aware", "--deny-warnings"),
    check("prettier", "prettier", "--check", "--log-level", "warn", "."),
    check("solhint", "solhint", "--disc", "--noPoster", "--max-warnings", "0", "contracts/**/*.sol"),
    check("layers", "node", "scripts/check-layers.ts"),
    check("generated files", "node", "scripts/generate.ts", "--check"),
  ];
}

function check(name: string, command: string, ...args: string[]): Suite {
  return { name: `check: ${name}`, command, args, count: countExit };
}

if (import.meta.main) {
  const counts = await runSuites(staticChecks());
  console.log(closingLine(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
}
