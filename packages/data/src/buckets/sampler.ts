// Batches of one shape each, out of clips of many: which clips step n sees is a function of the seed and n.
import { ConfigError, type Rng } from "@noisereel/core";
import { type Bucket, bucketName, chooseBucket } from "./bucket.js";

/** What is known of a clip before it is read. */
export interface BucketItem extends Bucket {
  readonly id: string;
  /** The group that weights are given for, for example a data set. Default: none. */
  readonly source?: string | undefined;
}

export interface BucketSamplerOptions {
  /** One for each clip of the source, in its order. */
  readonly items: readonly BucketItem[];
  /** The allowed shapes. */
  readonly buckets: readonly Bucket[];
  /** Clips of one global batch. */
  readonly batchSize: number;
  readonly rng: Rng;
  /** How often a clip of a source is seen in one epoch: 2 is twice, 0.5 every second one, drawn anew each epoch. Default 1. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
  /**
   * The rest of a bucket that fills no batch: `repeat` (default) completes it with clips of the same epoch and bucket, `drop`
   * leaves it out of that epoch.
   */
  readonly incomplete?: "repeat" | "drop" | undefined;
}

export interface BucketBatch {
  readonly bucket: Bucket;
  readonly epoch: number;
  /** Positions of the clips in `items`. */
  readonly indices: readonly number[];
}

export interface BucketReport {
  readonly buckets: readonly {
    readonly bucket: Bucket;
    readonly clips: number;
    /** Batches in an epoch. */
    readonly batches: number;
  }[];
  /** Clips that no batch ever holds. */
  readonly dropped: readonly { readonly id: string; readonly reason: string }[];
  /** What a user should know: buckets with less than a batch, rests that are left out. */
  readonly warnings: readonly string[];
}

export interface BucketSampler {
  readonly batchSize: number;
  /** Clips that it was made for. */
  readonly length: number;
  readonly batchesPerEpoch: number;
  /** Tells samplers of other options or seeds apart. */
  readonly fingerprint: string;
  batch(step: number): BucketBatch;
  /** Positions of all clips of a bucket, for replacing one that cannot be read. */
  members(bucket: Bucket): readonly number[];
  report(): BucketReport;
}

/** Sorts clips into buckets and deals out batches. Throws a `ConfigError` when no batch can be made. */
export function bucketSampler(options: BucketSamplerOptions): BucketSampler {
  const { items, buckets, batchSize, weights = {}, incomplete = "repeat" } = options;
  const rng = options.rng.fork("buckets");
  checkOptions(options);
  const members = new Map(buckets.map((bucket) => [bucketName(bucket), [] as number[]]));
  const dropped: { id: string; reason: string }[] = [];
  items.forEach((item, index) => {
    const weight = weightOf(item, weights);
    const { bucket, reason } = chooseBucket(item, buckets);
    if (bucket === undefined) dropped.push({ id: item.id, reason: reason! });
    else if (weight === 0) dropped.push({ id: item.id, reason: `the weight of ${item.source} is 0` });
    else members.get(bucketName(bucket))!.push(index);
  });
  const warnings: string[] = [];
  const planned = buckets.map((bucket) => {
    const own = members.get(bucketName(bucket))!;
    const clips = plays(own, items, weights).reduce((sum, { count, part }) => sum + count + part, 0);
    const rest = clips % batchSize;
    const batches = Math.floor(clips / batchSize) + (rest > 0 && incomplete === "repeat" ? 1 : 0);
    if (own.length > 0 && clips < batchSize) {
      warnings.push(
        incomplete === "repeat"
          ? `bucket ${bucketName(bucket)} has ${clips} clips for batches of ${batchSize}; some are seen several times in one batch`
          : `bucket ${bucketName(bucket)} has ${clips} clips, fewer than a batch of ${batchSize}; none of them is used`,
      );
    } else if (rest > 0 && incomplete === "drop") {
      warnings.push(
        `${rest} of ${clips} clips of bucket ${bucketName(bucket)} are left out of each epoch, others each time`,
      );
    }
    if (batches === 0) {
      for (const index of own)
        dropped.push({ id: items[index]!.id, reason: `its bucket ${bucketName(bucket)} has fewer clips than a batch` });
    }
    return { bucket, own, clips: own.length, batches };
  });
  const batchesPerEpoch = planned.reduce((sum, { batches }) => sum + batches, 0);
  if (batchesPerEpoch === 0) {
    const why = dropped.slice(0, 3).map(({ id, reason }) => `${id}: ${reason}`);
    throw new ConfigError(
      `no batch of ${batchSize} can be made of ${items.length} clips (${why.join("; ")}); add a smaller bucket`,
    );
  }

  const recent = new Map<number, BucketBatch[]>(); // prefetching crosses at most one border between epochs
  const epochBatches = (epoch: number): BucketBatch[] => {
    const known = recent.get(epoch);
    if (known !== undefined) return known;
    const draws = rng.fork(`epoch-${epoch}`);
    const all = planned.flatMap(({ bucket, own, batches }) => {
      const order = epochOrder(own, items, weights, draws.fork(bucketName(bucket)));
      return Array.from({ length: batches }, (_, batch): BucketBatch => ({
        bucket,
        epoch,
        indices: Array.from({ length: batchSize }, (__, i) => order[(batch * batchSize + i) % order.length]!),
      }));
    });
    const made = shuffled(all, draws.fork("batches"));
    recent.set(epoch, made);
    if (recent.size > 2) recent.delete(recent.keys().next().value!);
    return made;
  };

  return {
    batchSize,
    length: items.length,
    batchesPerEpoch,
    fingerprint: JSON.stringify({ buckets: buckets.map(bucketName), weights, incomplete, seed: rng.state() }),
    batch(step) {
      if (!Number.isInteger(step) || step < 0) throw new ConfigError(`step is ${step}; use an integer from 0`);
      return epochBatches(Math.floor(step / batchesPerEpoch))[step % batchesPerEpoch]!;
    },
    members: (bucket) => members.get(bucketName(bucket)) ?? [],
    report: () => ({
      buckets: planned.map(({ bucket, clips, batches }) => ({ bucket, clips, batches })),
      dropped,
      warnings,
    }),
  };
}

function checkOptions({ items, buckets, batchSize, weights = {} }: BucketSamplerOptions): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ConfigError(`batchSize is ${batchSize}; use a positive integer`);
  if (buckets.length === 0) throw new ConfigError("buckets is empty; give at least one shape");
  const names = buckets.map(bucketName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(`buckets holds ${twice} twice; leave one of them out`);
  const sources = new Set(items.map(({ source }) => source));
  for (const [source, weight] of Object.entries(weights)) {
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw new ConfigError(`the weight of ${source} is ${weight}; use a number from 0`);
    if (!sources.has(source)) {
      const known = [...sources].filter((name) => name !== undefined).join(", ");
      throw new ConfigError(
        `weights names ${source}, which no clip comes from; sources are ${known === "" ? "not given" : known}`,
      );
    }
  }
}

const weightOf = ({ source }: BucketItem, weights: Readonly<Record<string, number>>): number =>
  source === undefined ? 1 : (weights[source] ?? 1);

/** How often the clips of each source are played in an epoch: `whole` times all, and `part` of them once more. */
function plays(
  own: readonly number[],
  items: readonly BucketItem[],
  weights: Readonly<Record<string, number>>,
): { readonly indices: readonly number[]; readonly whole: number; readonly count: number; readonly part: number }[] {
  const groups = new Map<string | undefined, number[]>();
  for (const index of own) {
    const { source } = items[index]!;
    const group = groups.get(source);
    if (group === undefined) groups.set(source, [index]);
    else group.push(index);
  }
  return [...groups.values()].map((indices) => {
    const weight = weightOf(items[indices[0]!]!, weights);
    const whole = Math.floor(weight);
    return { indices, whole, count: whole * indices.length, part: Math.round((weight - whole) * indices.length) };
  });
}

function epochOrder(
  own: readonly number[],
  items: readonly BucketItem[],
  weights: Readonly<Record<string, number>>,
  rng: Rng,
): number[] {
  const all = plays(own, items, weights).flatMap(({ indices, whole, part }, group) => [
    ...Array.from({ length: whole }, () => indices).flat(),
    ...shuffled(indices, rng.fork(`part-${group}`)).slice(0, part),
  ]);
  return shuffled(all, rng.fork("order"));
}

function shuffled<Item>(list: readonly Item[], rng: Rng): Item[] {
  const items = [...list];
  for (let last = items.length - 1; last > 0; last--) {
    const other = rng.integer(last + 1);
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
