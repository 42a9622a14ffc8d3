// How the numbers of a column are distributed: what a threshold is chosen by.
import { ConfigError } from "@noisereel/core";

export interface Histogram {
  /** `counts.length + 1` borders in order. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly mean: number;
  readonly minimum: number;
  readonly maximum: number;
  /** The values below which 5, 25, 50, 75 and 95 % of the numbers lie. */
  readonly quantiles: Readonly<Record<"p05" | "p25" | "p50" | "p75" | "p95", number>>;
}

/** Sorts `values` into `bins` (default 10) equal steps. Undefined when there is no number. */
export function histogram(values: readonly unknown[], options: { readonly bins?: number } = {}): Histogram | undefined {
  const { bins = 10 } = options;
  if (!Number.isInteger(bins) || bins < 1) throw new ConfigError(`bins is ${bins}; use a positive integer`);
  const sorted = values
    .filter((value): value is number => typeof value === "number" && Number.isFinite(value))
    .toSorted((a, b) => a - b);
  const [minimum, maximum] = [sorted[0], sorted.at(-1)];
  if (minimum === undefined || maximum === undefined) return undefined;
  const span = maximum - minimum;
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of sorted)
    counts[span === 0 ? 0 : Math.min(bins - 1, Math.floor(((value - minimum) / span) * bins))]!++;
  const at = (share: number): number => {
    const position = share * (sorted.length - 1);
    const low = Math.floor(position);
    return sorted[low]! + (position - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
  };
  return {
    edges: Array.from({ length: bins + 1 }, (_, i) => minimum + (span * i) / bins),
    counts,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    minimum,
    maximum,
    quantiles: { p05: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) },
  };
}
