// The GraphQL schema of the indexer for TypeScript: its text and the types of its objects, inputs and resolvers. All of
// it is generated from schema.graphql, which is the contract between the indexer and whoever reads it.
export { sdl } from "./generated/sdl.ts";
export type * from "./generated/types.ts";
