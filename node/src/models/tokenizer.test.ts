// Tokenizers: texts that come back, chats, and files that are refused.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LockstepError } from "../float/errors.ts";
import { END, tinyTokenizer, tinyTokenizerConfig } from "./fixtures.ts";
import { createTokenizer, openTokenizer, TokenizerError } from "./tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-tokenizer-"));
after(() => rmSync(folder, { recursive: true }));
const tiny = createTokenizer({ tokenizer: tinyTokenizer(), config: tinyTokenizerConfig() });

const refused = (rule: string, run: () => unknown): void =>
  assert.throws(
    run,
    (error) => error instanceof TokenizerError && error instanceof LockstepError && error.values["rule"] === rule,
  );

test("texts come back from their tokens", () => {
  assert.equal(tiny.vocabulary, 297);
  assert.deepEqual(tiny.endTokens, [296]);
  for (const text of [
    "the trace is right",
    "",
    "  two  spaces\n\ttab ",
    "Grüße, 世界 🙂",
    "a".repeat(300),
    "\u0000\u00ad",
  ]) {
    const ids = tiny.encode(text);
    assert.equal(tiny.decode(ids), text);
    assert.ok(ids.every((id) => Number.isInteger(id) && id < 296));
  }
  // Pairs are merged: fewer tokens than bytes.
  assert.ok(tiny.encode("the trace is the truth").length < 12);
});

test("texts come back through the splitting of newer tokenizers", () => {
  // Contractions, letters, single digits, punctuation and spaces apart, as Qwen's and Llama's files have it.
  const letters = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}";
  const rest = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  const split = { type: "Split", pattern: { Regex: `${letters}|${rest}` }, behavior: "Isolated", invert: false };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  const tokenizer = createTokenizer({
    tokenizer: {
      ...tinyTokenizer(),
      normalizer: { type: "NFC" },
      pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
    },
  });
  for (const text of ["It's the 1,024th trace.\n\n  I'LL  pay", "naïve 世界\r\n", "\ttab  end "])
    assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  assert.deepEqual(
    tokenizer.encode("12"),
    ["1", "2"].flatMap((digit) => tokenizer.encode(digit)),
  );
});

test("special tokens are found in a text and left out of it again", () => {
  const ids = tiny.encode(`right${END}`);
  assert.equal(ids.at(-1), 296);
  assert.equal(tiny.decode(ids), "right");
  assert.equal(tiny.decode(ids, { keepsSpecial: true }), `right${END}`);
});

test("chats go through the template", () => {
  const text = tiny.chat([
    { role: "user", content: "is it right?" },
    { role: "assistant", content: "yes" },
  ]);
  assert.equal(text, `user: is it right?${END}assistant: yes${END}assistant: `);
  const named = [
    { name: "tools", template: "no" },
    { name: "default", template: "{{ messages[0].content }}" },
  ];
  const tokenizer = tinyTokenizer();
  assert.equal(
    createTokenizer({ tokenizer, config: { chat_template: named } }).chat([{ role: "user", content: "x" }]),
    "x",
  );
  assert.equal(
    createTokenizer({ tokenizer, template: "{{ eos_token }}!", config: { eos_token: { content: END } } }).chat([]),
    `${END}!`,
  );
  refused("template", () => createTokenizer({ tokenizer }).chat([]));
  refused("template", () => createTokenizer({ tokenizer, template: "{% if %}" }).chat([]));
});

test("a folder is read, with what lies beside the tokenizer", () => {
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tinyTokenizer(10)));
  assert.deepEqual(openTokenizer(folder).endTokens, []);
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tinyTokenizerConfig()));
  writeFileSync(join(folder, "generation_config.json"), JSON.stringify({ eos_token_id: [7, 266] }));
  writeFileSync(join(folder, "chat_template.jinja"), "{{ messages | length }}");
  const opened = openTokenizer(folder);
  assert.deepEqual(opened.endTokens, [7, 266]);
  assert.equal(opened.chat([{ role: "user", content: "" }]), "1");
  writeFileSync(join(folder, "tokenizer.json"), "{");
  refused("file", () => openTokenizer(folder));
  rmSync(join(folder, "tokenizer.json"));
  refused("file", () => openTokenizer(folder));
});

test("files that are no tokenizer, and ids that are no tokens, are refused", () => {
  const whole = tinyTokenizer();
  const model = whole["model"] as Record<string, unknown>;
  for (const tokenizer of [
    null,
    1,
    {},
    { model: {} },
    { ...whole, model: { ...model, vocab: { a: -1 } } },
    { ...whole, added_tokens: 3 },
  ])
    refused("file", () => createTokenizer({ tokenizer }));
  refused("file", () => createTokenizer({ tokenizer: { ...whole, model: { ...model, type: "Unheard" } } }));
  refused("file", () => createTokenizer({ tokenizer: whole, config: { eos_token: 3 } }));
  refused("end", () => createTokenizer({ tokenizer: whole, config: { eos_token: "<|none|>" } }));
  refused("end", () => createTokenizer({ tokenizer: whole, generation: { eos_token_id: 297 } }));
  for (const id of [-1, 297, 0.5, NaN]) refused("id", () => tiny.decode([id]));
  // A vocabulary without all bytes and without a token for what it lacks.
  const small = { ...whole, added_tokens: [], model: { ...model, vocab: { a: 0, b: 1 }, merges: [] } };
  assert.deepEqual(createTokenizer({ tokenizer: small }).encode("abc"), [0, 1]);
});
