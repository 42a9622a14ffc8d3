// How well found cuts agree with known ones.
import { ConfigError } from "@noisereel/core";

export interface CutAgreement {
  /** Found cuts that are known. */
  readonly matched: number;
  /** matched / found. 1 when nothing was found. */
  readonly precision: number;
  /** matched / known. 1 when nothing is known. */
  readonly recall: number;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
}

/** Matches each known cut with at most one found cut not farther than `tolerance` frames (default 0) away. */
export function cutAgreement(
  found: readonly number[],
  known: readonly number[],
  options: { readonly tolerance?: number } = {},
): CutAgreement {
  const { tolerance = 0 } = options;
  if (!(tolerance >= 0)) throw new ConfigError(`tolerance is ${tolerance}; use a number of frames from 0`);
  const left = found.toSorted((a, b) => a - b);
  let matched = 0;
  for (const cut of known.toSorted((a, b) => a - b)) {
    const at = left.findIndex((candidate) => Math.abs(candidate - cut) <= tolerance);
    if (at < 0) continue;
    left.splice(at, 1);
    matched++;
  }
  const precision = found.length === 0 ? 1 : matched / found.length;
  const recall = known.length === 0 ? 1 : matched / known.length;
  return {
    matched,
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
  };
}
