// The HTTP API that Ponder serves: GraphQL at /graphql, for browsers with a page to try it that loads nothing from
// elsewhere. Ponder itself answers /ready (200 once everything up to the head was indexed), /health and /status.
import { renderGraphiQL } from "@graphql-yoga/render-graphiql";
import { sdl } from "@lockstep/schema";
import { createSchema, createYoga } from "graphql-yoga";
import { Hono } from "hono";
import { db } from "ponder:api";
import * as tables from "../../ponder.schema.ts";
import { readSettings } from "../deployment.ts";
import { limitsPlugin } from "./limits.ts";
import { createResolvers } from "./resolvers.ts";
import { createRows } from "./rows.ts";
import type { Context } from "./typing.ts";

const PATH = "/graphql";

const yoga = createYoga<object, Context>({
  graphqlEndpoint: PATH,
  schema: createSchema<Context>({
    typeDefs: sdl,
    resolvers: createResolvers(db, tables, readSettings(process.env).deployment),
    resolverValidationOptions: { requireResolversForAllFields: "ignore", requireResolversToMatchSchema: "error" },
  }),
  context: () => ({ rows: createRows(db, tables) }),
  plugins: [limitsPlugin()],
  renderGraphiQL,
  graphiql: { title: "Lockstep" },
  landingPage: false,
  // Ponder's server answers for other origins.
  cors: false,
});

const app = new Hono();
app.get("/graphiql", (context) => context.redirect(PATH));
app.all(PATH, async ({ req }) => yoga.fetch(req.raw, {}));

export default app;
