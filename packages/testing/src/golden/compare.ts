// An output against its golden, in units of the tolerance.
import { sameShape } from "@noisereel/core";
import type { GoldenArray, GoldenCase, GoldenComparison, GoldenExpectation } from "./types.js";

/** Outputs whose largest value is below this are zero up to rounding and are compared by `atol` only. */
const roundingLevel = 1e-9;

/** The largest error of one output divided by what is allowed; NaN and a wrong shape count as infinite. */
export function errorRatio(actual: GoldenArray, expected: GoldenExpectation): number {
  if (!sameShape(actual.shape, expected.shape)) return Infinity;
  const { tolerance } = expected;
  const differences = Float64Array.from(expected.data, (value, i) => Math.abs(actual.data[i]! - value));
  if (differences.some((difference) => Number.isNaN(difference))) return Infinity;
  if (tolerance.kind === "norm") {
    const byMaximum = differences.reduce((a, b) => Math.max(a, b), 0) / tolerance.atol;
    if (tolerance.magnitude < roundingLevel) return byMaximum;
    const norm = Math.sqrt(Float64Array.from(expected.data).reduce((sum, value) => sum + value * value, 0));
    const byNorm = Math.sqrt(differences.reduce((sum, d) => sum + d * d, 0)) / norm / tolerance.relativeL2;
    return Math.max(byMaximum, byNorm);
  }
  const ratios = differences.map((d, i) => d / (tolerance.atol + tolerance.rtol * Math.abs(expected.data[i]!)));
  // The given share of elements may be further off, up to their own limit.
  const allowed = Math.floor(tolerance.outlierFraction * ratios.length);
  if (allowed === 0) return ratios.reduce((a, b) => Math.max(a, b), 0);
  const order = [...ratios.keys()].toSorted((a, b) => ratios[b]! - ratios[a]!);
  const outliers = order.slice(0, allowed).map((i) => Math.min(ratios[i]!, differences[i]! / tolerance.outlierAtol));
  return Math.max(...outliers, ratios[order[allowed]!]!);
}

/** Every expected output against `actual`, by the names with `out.`; one that is missing counts as infinitely wrong. */
export async function compareOutputs(
  goldenCase: GoldenCase,
  actual: Readonly<Record<string, GoldenArray>> | ReadonlyMap<string, GoldenArray>,
): Promise<readonly GoldenComparison[]> {
  const find = (name: string) =>
    actual instanceof Map ? actual.get(name) : (actual as Record<string, GoldenArray>)[name];
  return [...(await goldenCase.expected())].map(([output, expected]) => {
    const value = find(output);
    return { output, ratio: value === undefined ? Infinity : errorRatio(value, expected) };
  });
}

/** Values that must be the same, compared as JSON: 0 or infinity. */
export function compareExact(output: string, actual: unknown, expected: unknown): GoldenComparison {
  return { output, ratio: JSON.stringify(actual) === JSON.stringify(expected) ? 0 : Infinity };
}

/** Numbers that must agree to `atol`. */
export function compareNumbers(
  output: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  atol: number,
): GoldenComparison {
  if (actual.length !== expected.length) return { output, ratio: Infinity };
  let ratio = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    ratio = Number.isNaN(difference) ? Infinity : Math.max(ratio, difference / atol);
  }
  return { output, ratio };
}
