/**
 * Text to tokens and back by a published tokenizer.json, and chats to text by the template beside it. The work is done by two
 * libraries that need no network and no native code; this file reads the files, checks what they hold and what comes out.
 * Refuses files that are no tokenizer, ids outside the vocabulary and templates that fail.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { LockstepError } from "../float/errors.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export interface TextTokenizer {
  /** One more than the largest id. */
  readonly vocabulary: number;
  /** Ids after which a text is complete, as the published files name them. */
  readonly endTokens: readonly number[];
  /**
   * The ids of a text, without the tokens that some tokenizers put around it. Characters that a vocabulary has no token for are
   * left out, as the published implementations do; byte-level vocabularies have all.
   */
  encode(text: string): number[];
  /** The text of ids, without special tokens unless `keepsSpecial`. */
  decode(ids: readonly number[], options?: { readonly keepsSpecial?: boolean }): string;
  /** The text of a chat up to where the model goes on. */
  chat(messages: readonly ChatMessage[]): string;
}

const vocabulary = z.union([z.record(z.string(), z.int().nonnegative()), z.array(z.tuple([z.string(), z.number()]))]);
const tokenizerFile = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int().nonnegative(), content: z.string() })).optional(),
  model: z.looseObject({ type: z.enum(["BPE", "WordPiece", "Unigram"]).optional(), vocab: vocabulary }),
});
const token = z.union([z.string(), z.looseObject({ content: z.string() })]);
const configFile = z.looseObject({
  eos_token: token.nullish(),
  bos_token: token.nullish(),
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
});
const id = z.int().nonnegative();
const generationFile = z.looseObject({ eos_token_id: z.union([id, z.array(id)]).nullish() });

/** The contents of the files of a tokenizer, parsed. */
export interface TokenizerFiles {
  readonly tokenizer: unknown;
  /** tokenizer_config.json */
  readonly config?: unknown;
  /** generation_config.json */
  readonly generation?: unknown;
  /** chat_template.jinja */
  readonly template?: string;
}

/** The tokenizer in a folder: tokenizer.json and, where they are there, the files beside it. Throws TokenizerError. */
export function openTokenizer(folder: string): TextTokenizer {
  const optional = (name: string): unknown =>
    existsSync(join(folder, name)) ? readJson(join(folder, name)) : undefined;
  const template = join(folder, "chat_template.jinja");
  return createTokenizer({
    tokenizer: readJson(join(folder, "tokenizer.json")),
    config: optional("tokenizer_config.json"),
    generation: optional("generation_config.json"),
    ...(existsSync(template) ? { template: readText(template) } : {}),
  });
}

/** A tokenizer from the contents of its files. Throws TokenizerError. */
export function createTokenizer(files: TokenizerFiles): TextTokenizer {
  const file = checked("tokenizer.json", tokenizerFile, files.tokenizer);
  const config = checked("tokenizer_config.json", configFile, files.config ?? {});
  const generation = checked("generation_config.json", generationFile, files.generation ?? {});
  let inner: Tokenizer;
  try {
    inner = new Tokenizer(file, config);
  } catch (cause) {
    throw new TokenizerError("file", `tokenizer.json: ${reasonOf(cause)}`, {}, { cause });
  }
  const ids = new Set([...inner.get_vocab(true).values(), ...(file.added_tokens ?? []).map((added) => added.id)]);
  const size = [...ids].reduce((most, known) => Math.max(most, known + 1), 0);
  const template = files.template ?? templateOf(config.chat_template);
  return {
    vocabulary: size,
    endTokens: endTokens(inner, config.eos_token, generation.eos_token_id, ids),
    encode: (text) => attempt("encode", () => inner.encode(text, { add_special_tokens: false }).ids),
    decode(given, { keepsSpecial = false } = {}) {
      const unknown = given.find((item) => !ids.has(item));
      if (unknown !== undefined) throw new TokenizerError("id", `${unknown} is no token`, { id: unknown, size });
      if (given.length === 0) return "";
      const options = { skip_special_tokens: !keepsSpecial, clean_up_tokenization_spaces: false };
      return attempt("decode", () => inner.decode([...given], options));
    },
    chat(messages) {
      if (template === undefined) throw new TokenizerError("template", "the tokenizer has no chat template", {});
      const special = { bos_token: textOf(config.bos_token), eos_token: textOf(config.eos_token) };
      return attempt("template", () =>
        new Template(template).render({ messages, add_generation_prompt: true, ...special }),
      );
    },
  };
}

function endTokens(
  inner: Tokenizer,
  name: z.infer<typeof token> | null | undefined,
  listed: number | readonly number[] | null | undefined,
  ids: ReadonlySet<number>,
): number[] {
  const text = textOf(name);
  const named = text === "" ? undefined : inner.token_to_id(text);
  if (text !== "" && named === undefined)
    throw new TokenizerError("end", `the end token ${JSON.stringify(text)} is not in the vocabulary`, { token: text });
  const all = new Set([...(named === undefined ? [] : [named]), ...[listed ?? []].flat()]);
  for (const end of all)
    if (!ids.has(end)) throw new TokenizerError("end", `the end token ${end} is no token`, { end });
  return [...all].sort((a, b) => a - b);
}

function templateOf(given: z.infer<typeof configFile>["chat_template"]): string | undefined {
  if (typeof given === "string") return given;
  return (given ?? []).find(({ name }) => name === "default")?.template;
}

function textOf(given: z.infer<typeof token> | null | undefined): string {
  return typeof given === "string" ? given : (given?.content ?? "");
}

function checked<Schema extends z.ZodType>(name: string, schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TokenizerError("file", `${name}: ${z.prettifyError(parsed.error)}`, { name }, { cause: parsed.error });
}

function attempt<Result>(rule: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    throw new TokenizerError(rule, reasonOf(cause), {}, { cause });
  }
}

function readJson(path: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError("file", `${path} is no JSON`, { path }, { cause });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new TokenizerError("file", `${path} cannot be read: ${reasonOf(cause)}`, { path }, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** A tokenizer that is none, or a text or ids that it cannot turn; `values.rule` says which. */
export class TokenizerError extends LockstepError {
  constructor(rule: string, message: string, values: Record<string, unknown>, options?: { cause?: unknown }) {
    super("TokenizerError", message, { rule, ...values }, options);
  }
}
