// Fréchet distance between two Gaussians (Dowson and Landau, 1982), as used by FID and FVD.
import { ShapeError } from "@noisereel/core";
import { multiply, symmetricEigen, type Matrix } from "./symmetric-eigen.js";

/** Mean `[D]` and covariance `[D, D]` of a set of feature vectors. */
export interface FeatureStatistics {
  readonly mean: readonly number[];
  readonly covariance: Matrix;
}

/**
 * Mean and unbiased covariance (divided by `N - 1`) of feature vectors.
 *
 * @param features `[N, D]`, one row per sample, N at least 2. Below D samples the covariance is singular and the
 * distance means little: gather more samples than features.
 */
export function featureStatistics(features: Matrix): FeatureStatistics {
  const count = features.length;
  const width = features[0]?.length ?? 0;
  if (count < 2 || width === 0 || features.some((row) => row.length !== width)) {
    throw new ShapeError(`features has ${count} rows of ${width} values; pass at least 2 rows of one length`);
  }
  const mean = Array.from({ length: width }, (_, i) => features.reduce((sum, row) => sum + row[i]!, 0) / count);
  const centered = features.map((row) => row.map((value, i) => value - mean[i]!));
  const covariance = mean.map((_, i) =>
    mean.map((_, j) => centered.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / (count - 1)),
  );
  return { mean, covariance };
}

/**
 * `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`. The trace of the root is computed as that of
 * `(C1^(1/2) C2 C1^(1/2))^(1/2)`, whose argument is symmetric, so singular covariances give no complex numbers.
 *
 * @param mean1 `[D]`
 * @param covariance1 `[D, D]`, symmetric
 * @param mean2 `[D]`
 * @param covariance2 `[D, D]`, symmetric
 */
export function frechetDistance(
  mean1: readonly number[],
  covariance1: Matrix,
  mean2: readonly number[],
  covariance2: Matrix,
): number {
  const width = mean1.length;
  const fits = (covariance: Matrix): boolean =>
    covariance.length === width && covariance.every((row) => row.length === width);
  if (mean2.length !== width || !fits(covariance1) || !fits(covariance2)) {
    throw new ShapeError(
      `the means have ${width} and ${mean2.length} values and the covariances ${covariance1.length} and ${covariance2.length} rows; use the statistics of one feature space`,
    );
  }
  const root = symmetricRoot(covariance1);
  const inner = multiply(multiply(root, covariance2), root);
  const symmetric = inner.map((row, i) => row.map((value, j) => (value + inner[j]![i]!) / 2));
  const traceOfRoot = symmetricEigen(symmetric).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  const trace = (matrix: Matrix): number => matrix.reduce((sum, row, i) => sum + row[i]!, 0);
  const shift = mean1.reduce((sum, value, i) => sum + (value - mean2[i]!) ** 2, 0);
  return shift + trace(covariance1) + trace(covariance2) - 2 * traceOfRoot;
}

/** The symmetric root of a symmetric matrix; negative eigenvalues, which are rounding, count as zero. */
function symmetricRoot(matrix: Matrix): number[][] {
  const { values, vectors } = symmetricEigen(matrix);
  return matrix.map((row, i) =>
    row.map((_, j) =>
      values.reduce((sum, value, k) => sum + Math.sqrt(Math.max(0, value)) * vectors[k]![i]! * vectors[k]![j]!, 0),
    ),
  );
}
