// A node:test reporter beside the one people read: prints one line, `counts {...}`, with the totals of the whole run.
import type { TestEvent } from "node:test/reporters";

export default async function* counts(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === "test:summary" && event.data.file === undefined) {
      yield `counts ${JSON.stringify(event.data.counts)}\n`;
    }
  }
}
