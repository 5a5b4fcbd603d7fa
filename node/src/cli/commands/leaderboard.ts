/** `lockstep leaderboard`: who did final work, as the GraphQL service returns it. */
import { z } from "zod";
import { LockstepError } from "../../float/errors.ts";
import { defineCommand, integer } from "../command.ts";
import { table } from "../format.ts";
import { graphqlUrl } from "../network.ts";

export const leaderboardEntry = z.object({
  rank: z.int(),
  account: z.string(),
  finalClaims: z.int(),
  slashed: z.int(),
});

export const leaderboard = defineCommand({
  path: ["leaderboard"],
  summary: "rank accounts by final claims",
  flags: [
    { flag: "--graphql <url>", summary: "the service (setting LOCKSTEP_GRAPHQL)" },
    { flag: "--dir <folder>", summary: "folder of a network started with `lockstep up`", default: ".lockstep" },
    { flag: "--first <count>", summary: "how many", default: "20" },
  ],
  result: z.object({ leaderboard: z.array(leaderboardEntry) }),
  async run(input) {
    const entries = await queryLeaderboard(graphqlUrl(input), integer(input, "first", 1, 100) ?? 20);
    const rows = entries.map((one) => [String(one.rank), one.account, String(one.finalClaims), String(one.slashed)]);
    return { result: { leaderboard: entries }, text: table(["rank", "account", "final claims", "slashed"], rows) };
  },
});

const answer = z.object({
  data: z
    .object({
      leaderboard: z.object({
        nodes: z.array(
          z.object({
            rank: z.int(),
            finalClaims: z.int(),
            slashed: z.int(),
            account: z.object({ address: z.string() }),
          }),
        ),
      }),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

const QUERY = `query Leaderboard($first: Int!) {
  leaderboard(first: $first) { nodes { rank finalClaims slashed account { address } } }
}`;

/** Asks the GraphQL service for the first places. */
export async function queryLeaderboard(url: string, first: number): Promise<z.infer<typeof leaderboardEntry>[]> {
  let body: unknown;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: QUERY, variables: { first } }),
      signal: AbortSignal.timeout(10_000),
    });
    body = await response.json();
  } catch (cause) {
    throw new GraphqlError(url, "no answer", cause);
  }
  const parsed = answer.safeParse(body);
  if (!parsed.success) throw new GraphqlError(url, "an answer of another form", parsed.error);
  const { data, errors } = parsed.data;
  if (data === null || data === undefined) throw new GraphqlError(url, errors?.[0]?.message ?? "no data", undefined);
  return data.leaderboard.nodes.map(({ rank, account, finalClaims, slashed }) => ({
    rank,
    account: account.address,
    finalClaims,
    slashed,
  }));
}

/** The GraphQL service does not answer, or refuses. */
export class GraphqlError extends LockstepError {
  constructor(url: string, rule: string, cause: unknown) {
    super("GraphqlError", `${url}: ${rule}`, { url, rule }, { cause });
  }
}
