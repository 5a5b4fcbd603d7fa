// Limits on the text of a query, before anything is read. What a query reads is limited too: see rows.ts.
import { EnvelopArmorPlugin } from "@escape.tech/graphql-armor";

/** The deepest query of use is a page of claims with their disputes' moves' positions: 9 levels. */
export const MAX_DEPTH = 12;
/** In units of the armor: 2 an object, 1 a scalar, and half as much again with every level. */
export const MAX_COST = 20_000;
export const MAX_ALIASES = 15;
export const MAX_TOKENS = 2_000;
export const MAX_DIRECTIVES = 20;

/** The plugin that refuses queries beyond the limits. */
export function limitsPlugin() {
  return EnvelopArmorPlugin({
    maxDepth: { n: MAX_DEPTH, ignoreIntrospection: true },
    costLimit: { maxCost: MAX_COST, ignoreIntrospection: true },
    maxAliases: { n: MAX_ALIASES },
    maxTokens: { n: MAX_TOKENS },
    maxDirectives: { n: MAX_DIRECTIVES },
    // The schema is public, and a suggestion helps whoever mistypes.
    blockFieldSuggestion: { enabled: false },
  });
}
