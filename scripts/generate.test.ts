import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runGenerator } from "./generate.ts";
import { abiFiles, constantName } from "./generators/abi.ts";
import type { Generator } from "./generators/generator.ts";
import { schemaFiles } from "./generators/schema.ts";

const generator: Generator = {
  name: "letters",
  stage: "before-build",
  owns: ["out/*.txt"],
  outputs: () => [
    { path: "out/a.txt", content: "a\n" },
    { path: "out/b.txt", content: "b\n" },
  ],
};

test("writes what is missing or changed, removes what is stale, and then finds no difference", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "generate-"));
  t.after(() => rmSync(root, { recursive: true }));
  await runGenerator(generator, root, true);
  writeFileSync(join(root, "out/b.txt"), "edited\n");
  writeFileSync(join(root, "out/old.txt"), "");
  writeFileSync(join(root, "out/other.md"), "");
  const expected = [
    { path: "out/b.txt", kind: "changed" },
    { path: "out/old.txt", kind: "stale" },
  ];
  assert.deepEqual(await runGenerator(generator, root, false), expected);
  assert.equal(readFileSync(join(root, "out/b.txt"), "utf8"), "edited\n");
  assert.deepEqual(await runGenerator(generator, root, true), expected);
  assert.deepEqual(await runGenerator(generator, root, false), []);
  assert.ok(!existsSync(join(root, "out/old.txt")));
  assert.ok(existsSync(join(root, "out/other.md")));
});

test("finds every file missing where nothing was generated", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "generate-"));
  t.after(() => rmSync(root, { recursive: true }));
  assert.deepEqual(
    (await runGenerator(generator, root, false)).map(({ kind }) => kind),
    ["missing", "missing"],
  );
});

test("makes one constant of each contract's ABI and an index of them", () => {
  const abi = [{ type: "error", name: "Late", inputs: [] }];
  const files = abiFiles([
    { contractName: "Market", abi },
    { contractName: "Arena", abi },
    { contractName: "Empty", abi: [] },
  ]);
  assert.deepEqual(
    files.map(({ path }) => path),
    ["node/src/abi/Arena.ts", "node/src/abi/Market.ts", "node/src/abi/index.ts"],
  );
  assert.match(files[1]?.content ?? "", /^\/\/ Generated .*\nexport const marketAbi = \[\n[^]*\] as const;\n$/);
  assert.match(files[2]?.content ?? "", /export \{ arenaAbi \} from "\.\/Arena\.ts";\nexport \{ marketAbi \}/);
});

test("names constants after contracts", () => {
  assert.equal(constantName("TaskMarket"), "taskMarketAbi");
  assert.equal(constantName("ERC20Faucet"), "erc20FaucetAbi");
  assert.equal(constantName("MLToken"), "mlTokenAbi");
  assert.equal(constantName("USDC"), "usdcAbi");
});

test("types a schema with strings for custom scalars and text for enums", async () => {
  const schema = "scalar BigInt\nenum Status { Open Final }\ntype Query { bond(of: ID!): BigInt!, status: Status! }\n";
  const [sdl, types] = await schemaFiles(schema);
  assert.ok(sdl?.content.endsWith(`export const sdl = ${JSON.stringify(schema)};\n`));
  const expected = [
    "BigInt: { input: string; output: string; }",
    "export type Status =\n  | 'Open'\n  | 'Final';",
    "bond?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType, RequireFields<QueryBondArgs, 'of'>>;",
    "export type QueryResolvers<ContextType = unknown,",
  ];
  for (const text of expected) assert.ok(types?.content.includes(text), text);
});

test("refuses a schema that is not GraphQL", async () => {
  await assert.rejects(async () => schemaFiles("type Query {"), /Syntax Error/);
});
