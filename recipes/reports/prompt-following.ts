// What the comparison of samplers found: the figures of report.json, and the page with the clips beside their originals.
import { escapeHtml, htmlPageOf, htmlTable, markdownTable, videoCell } from "./page.js";

export interface SamplerFigures {
  readonly name: string;
  readonly sampler: string;
  readonly steps: number;
  /** Samples that resemble the clip of their own caption more than any other. */
  readonly matched: number;
  readonly total: number;
  /** Mean of a sample, decoding included. */
  readonly seconds: number;
  readonly samples: readonly {
    readonly id: string;
    readonly seed: number;
    /** Relative to the page. */
    readonly video: string;
    /** The clip that it resembles most. */
    readonly nearest: string;
    /** With the clip of its caption: Pearson's, of pixels. */
    readonly correlation: number;
    /** With the other clip that it resembles most. */
    readonly nextCorrelation: number;
    readonly matched: boolean;
  }[];
}

export interface PromptFollowingReport {
  /** The trained run, relative to the report. */
  readonly run: string;
  readonly guidanceScale: number;
  readonly captions: readonly { readonly id: string; readonly caption: string; readonly original: string }[];
  readonly samplers: readonly SamplerFigures[];
}

/** A table in Markdown: how many prompts each sampler followed. */
export function promptFollowingTable({ samplers }: PromptFollowingReport): string {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return markdownTable([
    ["sampler", "steps", "right clip", "correlation with it", "with the next", "seconds"],
    ...samplers.map(({ name, steps, matched, total, seconds, samples }) => [
      name,
      String(steps),
      `${matched} of ${total}`,
      mean(samples.map(({ correlation }) => correlation)).toFixed(2),
      mean(samples.map(({ nextCorrelation }) => nextCorrelation)).toFixed(2),
      seconds.toFixed(2),
    ]),
  ]);
}

/** A row for each caption and seed, a column for each sampler. */
export function promptFollowingHtml({ captions, samplers, guidanceScale }: PromptFollowingReport): string {
  const seeds = [...new Set(samplers.flatMap(({ samples }) => samples.map(({ seed }) => seed)))];
  const rows = captions.flatMap(({ id, caption, original }) =>
    seeds.map((seed) => {
      const cells = samplers.map(({ samples }) => {
        const found = samples.find((sample) => sample.id === id && sample.seed === seed);
        if (found === undefined) return "";
        return videoCell(found.video, `${found.matched ? "✓" : `✗ ${found.nearest}`} ${found.correlation.toFixed(2)}`);
      });
      return [`${escapeHtml(caption)}<small>seed ${seed}</small>`, videoCell(original), ...cells];
    }),
  );
  const heads = samplers.map(
    ({ name, steps, matched, total }) =>
      `${escapeHtml(name)}, ${steps} steps<br><strong>${matched} of ${total}</strong>`,
  );
  return htmlPageOf({
    title: "Prompts and samplers",
    introduction: `One clip for each caption and sampler, guidance scale ${guidanceScale}. A tick: of all originals it resembles the one of its own caption most. The number: its correlation with that one.`,
    body: htmlTable(["caption", "original", ...heads], rows),
  });
}
