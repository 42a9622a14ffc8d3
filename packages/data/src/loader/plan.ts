// Which clips a step is made of.
import { ConfigError, type Rng } from "@noisereel/core";
import type { Bucket } from "../buckets/bucket.js";
import type { BucketSampler } from "../buckets/sampler.js";
import { clipOrder } from "./order.js";

/** One place of a batch. */
export interface PlannedItem {
  /** Clip of the source. */
  readonly index: number;
  /** Its number in the run, over all ranks: draws for it come from the fork of this name. */
  readonly position: number;
  /** The shape that it is trained at, when there are buckets. */
  readonly bucket: Bucket | undefined;
  /** Another clip for the same place, drawn from `rng`. */
  replacement(rng: Rng): number;
}

export interface BatchPlan {
  /** This process's places of a step. */
  items(step: number): readonly PlannedItem[];
  epoch(step: number): number;
  readonly batchSize: number;
}

export interface PlanOptions {
  readonly length: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly shard: { readonly rank: number; readonly size: number };
  readonly rng: Rng;
}

/** Clip after clip in the order of the epoch. */
export function orderedPlan(options: PlanOptions): BatchPlan {
  const { length, batchSize, shard } = options;
  const order = clipOrder(options);
  const first = (step: number): number => (step * shard.size + shard.rank) * batchSize;
  return {
    batchSize,
    epoch: (step) => Math.floor(first(step) / length),
    items: (step) =>
      Array.from({ length: batchSize }, (_, item) => ({
        index: order.at(first(step) + item),
        position: first(step) + item,
        bucket: undefined,
        replacement: (rng: Rng) => rng.integer(length),
      })),
  };
}

/** The batches of a sampler, divided among the ranks. */
export function bucketPlan(sampler: BucketSampler, options: Omit<PlanOptions, "rng" | "shuffle">): BatchPlan {
  const { length, batchSize, shard } = options;
  if (sampler.length !== length) {
    throw new ConfigError(
      `buckets were made for ${sampler.length} clips but the source has ${length}; use one manifest for both`,
    );
  }
  if (sampler.batchSize !== batchSize * shard.size) {
    throw new ConfigError(
      `buckets have batches of ${sampler.batchSize}, but batchSize ${batchSize} for each of ${shard.size} processes makes ${batchSize * shard.size}`,
    );
  }
  return {
    batchSize,
    epoch: (step) => sampler.batch(step).epoch,
    items(step) {
      const { indices, bucket } = sampler.batch(step);
      const members = sampler.members(bucket);
      return indices.slice(shard.rank * batchSize, (shard.rank + 1) * batchSize).map((index, item) => ({
        index,
        position: step * sampler.batchSize + shard.rank * batchSize + item,
        bucket,
        replacement: (rng: Rng) => members[rng.integer(members.length)]!,
      }));
    },
  };
}
