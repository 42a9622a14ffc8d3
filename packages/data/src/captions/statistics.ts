// How long captions are, and how many of them a number of tokens holds.
import { ConfigError } from "@noisereel/core";

export interface CaptionStatistics {
  readonly captions: number;
  /** Entries without a caption, or with a blank one. */
  readonly uncaptioned: number;
  /** Captions that occur more than once, counted without their first. */
  readonly repeated: number;
  readonly mean: number;
  readonly max: number;
  /** Standard deviation of all captions, not of a sample. */
  readonly std: number;
  /** For each length asked for, the part of the captions that are not longer. */
  readonly coverage: readonly { readonly tokens: number; readonly share: number }[];
  /** The caption with the most tokens. */
  readonly longest: string | undefined;
}

export interface CaptionStatisticsOptions {
  /** Tokens of a text. Default: words, which are fewer than a model's tokens. */
  readonly countTokens?: ((text: string) => number) | undefined;
  /** Tokens of every caption, as `captionLengths` gives them for the same entries. Default: they are counted here. */
  readonly counted?: readonly (readonly (number | null)[] | undefined)[] | undefined;
  /** Lengths to give the coverage of. Default 77, 120, 226, 300, 512. */
  readonly lengths?: readonly number[] | undefined;
}

/** Counts words: what is between white space. */
export const countWords = (text: string): number => text.split(/\s+/).filter((word) => word !== "").length;

/** The numbers that tell which `maxTokens` a text encoder needs for these captions. */
export function captionStatistics(
  entries: readonly { readonly captions: readonly string[] }[],
  options: CaptionStatisticsOptions = {},
): CaptionStatistics {
  const { countTokens = countWords, lengths = [77, 120, 226, 300, 512] } = options;
  const bad = lengths.find((length) => !Number.isInteger(length) || length < 1);
  if (bad !== undefined) throw new ConfigError(`lengths holds ${bad}; use positive integers`);
  const texts = entries.flatMap(({ captions }) => captions.filter((text) => text.trim() !== ""));
  const counts = options.counted === undefined ? texts.map(countTokens) : flatCounts(options.counted, texts.length);
  const mean = counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length);
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / Math.max(1, counts.length);
  const max = counts.reduce((largest, count) => Math.max(largest, count), 0);
  return {
    captions: texts.length,
    uncaptioned: entries.filter(({ captions }) => captions.every((text) => text.trim() === "")).length,
    repeated: texts.length - new Set(texts).size,
    mean,
    max,
    std: Math.sqrt(variance),
    coverage: lengths.map((tokens) => ({
      tokens,
      share: counts.filter((count) => count <= tokens).length / Math.max(1, counts.length),
    })),
    longest: texts[counts.indexOf(max)],
  };
}

function flatCounts(counted: NonNullable<CaptionStatisticsOptions["counted"]>, captions: number): number[] {
  const counts = counted.flatMap((lengths) => (lengths ?? []).filter((length) => length !== null));
  if (counts.length === captions) return counts;
  throw new ConfigError(
    `counted has ${counts.length} lengths for ${captions} captions; pass those of the same entries`,
  );
}
