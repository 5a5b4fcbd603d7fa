// Generates the TypeScript of the indexer's GraphQL schema: its own text, the types of its objects, inputs and enums,
// and the types of the resolvers a server must have. Custom scalars travel as strings, since JSON's numbers are doubles.
import { readFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as typescriptPlugin from "@graphql-codegen/typescript";
import * as resolversPlugin from "@graphql-codegen/typescript-resolvers";
import { parse } from "graphql";
import type { GeneratedFile, Generator } from "./generator.ts";

const SCHEMA = "subgraph-schema/schema.graphql";
const FOLDER = "subgraph-schema/src/generated";
const HEADER = `// Generated from ${SCHEMA} by scripts/generators/schema.ts; do not edit.\n`;

export const schemaGenerator: Generator = {
  name: "schema",
  stage: "before-build",
  owns: [`${FOLDER}/*.ts`],
  outputs: () => schemaFiles(readFileSync(SCHEMA, "utf8")),
};

/** `types.ts` with the types of a schema and `sdl.ts` with its text, for servers that cannot read files. */
export async function schemaFiles(schema: string): Promise<GeneratedFile[]> {
  const types = await codegen({
    filename: "types.ts",
    schema: parse(schema),
    documents: [],
    config: { contextType: "unknown", defaultScalarType: "string", enumsAsTypes: true, useTypeImports: true },
    plugins: [{ typescript: {} }, { resolvers: {} }],
    pluginMap: { typescript: typescriptPlugin, resolvers: resolversPlugin },
    pluginContext: {},
  });
  return [
    { path: `${FOLDER}/sdl.ts`, content: `${HEADER}export const sdl = ${JSON.stringify(schema)};\n` },
    { path: `${FOLDER}/types.ts`, content: `${HEADER}${types}\n` },
  ];
}
