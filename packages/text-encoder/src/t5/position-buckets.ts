// Relative positions in T5 (Raffel et al., arXiv 1910.10683, section 2.1): near distances have a bias each, far ones share.

export interface PositionBucketOptions {
  /** All buckets, both directions. */
  readonly buckets: number;
  /** Distance from which on all keys share the last bucket of their direction. */
  readonly maxDistance: number;
}

/**
 * The bucket of a distance, key position minus query position. Half of the buckets are for keys after the query; of
 * each half, one half is exact and the rest is logarithmic. Rounded in float32, as checkpoints were trained.
 */
export function positionBucket(distance: number, options: PositionBucketOptions): number {
  const half = options.buckets / 2;
  const exact = half / 2;
  const side = distance > 0 ? half : 0;
  const length = Math.abs(distance);
  if (length < exact) return side + length;
  const ratio = Math.fround(Math.fround(Math.log(length / exact)) / Math.log(options.maxDistance / exact));
  return side + Math.min(half - 1, exact + Math.trunc(Math.fround(ratio * (half - exact))));
}

/** `[length * length]`: the bucket of every pair, queries first: `table[query * length + key]`. */
export function positionBuckets(length: number, options: PositionBucketOptions): Int32Array {
  const byDistance = Int32Array.from({ length: 2 * length - 1 }, (_, i) => positionBucket(i - length + 1, options));
  const table = new Int32Array(length * length);
  for (let query = 0; query < length; query++) {
    // Keys 0 to length - 1 have distances -query to length - 1 - query.
    table.set(byDistance.subarray(length - 1 - query, 2 * length - 1 - query), query * length);
  }
  return table;
}
