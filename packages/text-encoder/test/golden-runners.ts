// Runs the golden cases of the text side.
import {
  applyCleaning,
  cleanCaption,
  cleanCaptionTwice,
  positionBucket,
  T5Encoder,
  unigramTokenizer,
} from "@noisereel/text-encoder";
import {
  compareExact,
  compareOutputs,
  type GoldenArray,
  type GoldenComparison,
  type GoldenRunner,
} from "@noisereel/testing";
import type * as tf from "@tensorflow/tfjs";
import { readFile } from "node:fs/promises";
import path from "node:path";

interface CleaningCase {
  readonly input: string;
  readonly clean_once: string;
  readonly clean_twice: string;
  readonly lower_strip: string;
}

interface UnigramCase {
  readonly input: string;
  readonly pieces: readonly string[];
  readonly ids: readonly number[];
  readonly padded_ids: readonly number[];
  readonly attention_mask: readonly number[];
  readonly decoded: string;
}

interface UnigramFile {
  readonly model_file: string;
  readonly max_length: number;
  readonly cases: readonly UnigramCase[];
}

const t5Runner: GoldenRunner = {
  name: "T5 encoder",
  matches: ({ module }) => module.startsWith("T5 "),
  async run(goldenCase, tools) {
    const model = new T5Encoder(goldenCase.config as unknown as ConstructorParameters<typeof T5Encoder>[0]);
    try {
      model.loadStateDict((await goldenCase.weights())!);
      const outputs = await tools.call(
        "t5",
        ({ ids, mask }) => {
          const states = model.hiddenStates(ids as tf.Tensor2D, mask as tf.Tensor2D);
          const bias = model.positionBias(ids!.shape[1]!); // [1, H, L, L]
          const [, heads, length] = bias.shape;
          const row = (query: number): tf.Tensor => bias.slice([0, 0, query, 0], [1, heads, 1, length]);
          return {
            ...Object.fromEntries(states.slice(0, -1).map((state, i) => [`out.hidden${i}`, state])),
            "out.last_hidden_state": states.at(-1)!,
            "out.position_bias_row0": row(0).reshape([heads, length]),
            "out.position_bias_last_row": row(length - 1).reshape([heads, length]),
          };
        },
        { ids: await goldenCase.input("input_ids"), mask: await goldenCase.input("mask") },
      );
      const bucketName = "out.bucket_of_memory_minus_query";
      const others = (await compareOutputs(goldenCase, outputs)).filter(({ output }) => output !== bucketName);
      const expected = (await goldenCase.expected()).get(bucketName);
      return expected === undefined ? others : [...others, compareBuckets(bucketName, model, expected)];
    } finally {
      model.dispose();
    }
  },
};

/** Distances from -n to n. */
function compareBuckets(output: string, model: T5Encoder, expected: GoldenArray): GoldenComparison {
  const { relative_attention_num_buckets: buckets, relative_attention_max_distance: maxDistance } = model.config;
  const reach = (expected.data.length - 1) / 2;
  const actual = Array.from(expected.data, (_, i) => positionBucket(i - reach, { buckets, maxDistance }));
  return compareExact(output, actual, [...expected.data]);
}

const cleaningRunner: GoldenRunner = {
  name: "caption cleaning",
  matches: ({ module }) => module.startsWith("clean_caption"),
  async run(goldenCase) {
    const { cases } = (await goldenCase.json()) as unknown as { readonly cases: readonly CleaningCase[] };
    return cases.flatMap(({ input, clean_once: once, clean_twice: twice, lower_strip: lower }) => [
      compareExact(`once: ${input}`, cleanCaption(input), once),
      compareExact(`twice: ${input}`, cleanCaptionTwice(input), twice),
      compareExact(`lower: ${input}`, applyCleaning(input, "lower"), lower),
    ]);
  },
};

const unigramRunner: GoldenRunner = {
  name: "unigram tokenizer",
  matches: ({ module }) => module.startsWith("SentencePiece unigram"),
  async run(goldenCase) {
    const { model_file: file, max_length: maxTokens, cases } = (await goldenCase.json()) as unknown as UnigramFile;
    const tokenizer = unigramTokenizer({ model: await readFile(path.join(goldenCase.folder, file)) });
    return cases.flatMap((expected) => {
      const { ids, mask } = tokenizer.encode(expected.input, { maxTokens });
      return [
        compareExact(`pieces: ${expected.input}`, tokenizer.pieces(expected.input), expected.pieces),
        compareExact(`ids: ${expected.input}`, [...ids], expected.padded_ids),
        compareExact(`mask: ${expected.input}`, [...mask], expected.attention_mask),
        compareExact(`decoded: ${expected.input}`, tokenizer.decode(expected.ids), expected.decoded),
      ];
    });
  },
};

export const textEncoderRunners: readonly GoldenRunner[] = [t5Runner, cleaningRunner, unigramRunner];
