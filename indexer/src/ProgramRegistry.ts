// Records programs. Their records and scalar programs stay in the log of the transaction that is named.
import { ponder } from "ponder:registry";
import schema from "ponder:schema";
import { addTotals, changeAccount, orderOf, recordTransaction } from "./recording.ts";

/** Longest mirror that is kept, in characters. */
const MAX_MIRROR = 2_048;
/** Anyone may name mirrors: the newest of a program are kept. */
const MAX_MIRRORS = 64;

ponder.on("ProgramRegistry:ProgramRegistered", async ({ event, context }) => {
  const { programRoot, publisher, summary, interfaceTable, bindings, contentHash, mirrors } = event.args;
  await changeAccount(context, event, publisher);
  await context.db.insert(schema.program).values({
    id: programRoot,
    order: orderOf(event),
    publisher,
    summary,
    interfaceTable,
    bindings: [...bindings],
    contentHash,
    mirrors: newest(validMirrors(mirrors)),
    registeredIn: await recordTransaction(context, event),
  });
  await addTotals(context, { programs: 1 });
});

ponder.on("ProgramRegistry:ProgramMirrored", async ({ event, context }) => {
  const { programRoot, publisher, mirrors } = event.args;
  await changeAccount(context, event, publisher);
  await context.db
    .update(schema.program, { id: programRoot })
    .set((row) => ({ mirrors: newest([...row.mirrors, ...validMirrors(mirrors)]) }));
});

function newest(mirrors: readonly string[]): string[] {
  return [...new Set(mirrors.toReversed())].slice(0, MAX_MIRRORS).toReversed();
}

// Anyone chooses these strings; PostgreSQL cannot hold all of them, and a page that links them must not run them.
function validMirrors(mirrors: readonly string[]): string[] {
  return mirrors.flatMap((mirror) => {
    const url = mirror.length > MAX_MIRROR ? null : URL.parse(mirror);
    return url !== null && /^(https?|ipfs|lockstep):$/.test(url.protocol) ? [url.href] : [];
  });
}
