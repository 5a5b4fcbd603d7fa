// The HTTP API that Ponder serves: GraphQL at /graphql, for browsers with a page to try it that loads nothing from
// elsewhere, and /synced. Ponder itself answers /health (200 while it runs) and /ready (200 once finalised blocks are
// indexed; the last ones follow).
import { sdl } from "@lockstep/schema";
import { createSchema, createYoga } from "graphql-yoga";
import { Hono } from "hono";
import { db, publicClients } from "ponder:api";
import * as tables from "../../ponder.schema.ts";
import { readSettings } from "../../settings.ts";
import { limitsPlugin } from "./limits.ts";
import { indexedBlock } from "./progress.ts";
import { createResolvers } from "./resolvers.ts";
import { createRows } from "./rows.ts";
import type { Context } from "./typing.ts";

const PATH = "/graphql";
/** Blocks behind the head that still count as synced: a new one is being indexed while a query runs. */
const SYNCED_WITHIN = 2n;

const yoga = createYoga<object, Context>({
  graphqlEndpoint: PATH,
  schema: createSchema<Context>({
    typeDefs: sdl,
    resolvers: createResolvers(db, tables, readSettings(process.env).deployment),
    resolverValidationOptions: { requireResolversForAllFields: "ignore", requireResolversToMatchSchema: "error" },
  }),
  context: () => ({ rows: createRows(db, tables) }),
  plugins: [limitsPlugin()],
  // 9 MB that most servers never send.
  renderGraphiQL: async (options) => (await import("@graphql-yoga/render-graphiql")).renderGraphiQL(options),
  graphiql: { title: "Lockstep" },
  landingPage: false,
  // Ponder's server answers for other origins.
  cors: false,
});

// The page is all inline, with an editor that makes workers of blobs; nothing of it may come from another host.
const PAGE_POLICY = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'";

const app = new Hono();
app.get("/graphiql", (context) => context.redirect(PATH));
app.get("/synced", async (context) => {
  const [indexed, head] = await Promise.all([indexedBlock(db), publicClients.chain.getBlockNumber()]);
  const synced = indexed !== undefined && indexed.number + SYNCED_WITHIN >= head;
  const body = { indexedBlock: indexed === undefined ? null : String(indexed.number), headBlock: String(head) };
  return context.json(body, synced ? 200 : 503);
});
app.use(PATH, async (context, next) => {
  await next();
  const { headers } = context.res;
  if (headers.get("content-type")?.startsWith("text/html")) headers.set("content-security-policy", PAGE_POLICY);
});
app.all(PATH, async ({ req }) => yoga.fetch(req.raw, {}));

export default app;
