/** A tokenizer of a few hundred tokens, made here, for tests: byte-level pairs learned from a line of text. */

const TEXT =
  "the referee reads the trace and the trace is the truth; a claim that is right is paid and a claim that is wrong is not ";

/** A printable character for each byte, as byte-level tokenizers have it: printable ones stand for themselves. */
function byteCharacters(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}

/** The most frequent pairs of neighbours, merged one after the other; of equals the first in the text. */
function learnMerges(characters: readonly string[], count: number): [string, string][] {
  let words = TEXT.split(/(?= )/).map((word) => [...new TextEncoder().encode(word)].map((byte) => characters[byte]));
  const merges: [string, string][] = [];
  while (merges.length < count) {
    const counts = new Map<string, { pair: [string, string]; times: number }>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const pair: [string, string] = [word[i], word[i + 1]];
        const known = counts.get(pair.join(" "));
        if (known === undefined) counts.set(pair.join(" "), { pair, times: 1 });
        else known.times++;
      }
    }
    const best = [...counts.values()].reduce((most, next) => (next.times > most.times ? next : most));
    merges.push(best.pair);
    words = words.map((word) => merged(word, best.pair));
  }
  return merges;
}

function merged(word: readonly string[], [left, right]: readonly [string, string]): string[] {
  const result: string[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] === left && word[i + 1] === right) {
      result.push(left + right);
      i++;
    } else result.push(word[i]);
  }
  return result;
}

export const END = "<|end|>";

/** The contents of a tokenizer.json: 256 bytes, then the merged pairs, then `<|end|>`. */
export function tinyTokenizer(mergeCount = 40): Record<string, unknown> {
  const characters = byteCharacters();
  const merges = learnMerges(characters, mergeCount);
  const tokens = [...characters, ...merges.map((pair) => pair.join(""))];
  const added = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [{ id: tokens.length, content: END, ...added }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** The contents of a tokenizer_config.json beside it. */
export function tinyTokenizerConfig(): Record<string, unknown> {
  return {
    eos_token: END,
    chat_template:
      "{% for message in messages %}{{ message.role }}: {{ message.content }}" +
      `${END}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}`,
  };
}
