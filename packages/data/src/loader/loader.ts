// From a source of clips to the batches of a training run.
import { type CallOptions, ClipError, ConfigError, type Example, type JsonValue, type Rng } from "@noisereel/core";
import type { Bucket } from "../buckets/bucket.js";
import type { BucketSampler } from "../buckets/sampler.js";
import { type DroppedClip, type LoaderCursor, type LoaderReport, parseCursor } from "./cursor.js";
import { limiter } from "./limit.js";
import { type ClipPipeline, loadExample } from "./load-example.js";
import { bucketPlan, orderedPlan, type PlannedItem } from "./plan.js";
import { workerPool, type WorkerOptions } from "./pool.js";

export interface LoaderOptions extends ClipPipeline {
  /** Examples a batch. */
  readonly batchSize: number;
  /** All draws come from forks of it. Two loaders with the same options give the same batches. */
  readonly rng: Rng;
  /** Batches of one shape each, out of clips of many; `bucketTransform` says how a clip gets that shape. Default: none. */
  readonly buckets?: BucketSampler | undefined;
  /** Loads in threads. Batches are the same, whatever their number. Default: in this thread. */
  readonly workers?: WorkerOptions | undefined;
  /** A new permutation every epoch (default), or the order of the source. */
  readonly shuffle?: boolean | undefined;
  /** Batches that are prepared ahead of the one being used. Does not change what is in them. Default 2; 0 for none. */
  readonly prefetch?: number | undefined;
  /** Clips that are read at the same time, in each thread. Default 2. */
  readonly concurrency?: number | undefined;
  /**
   * A clip that cannot be read: `throw` (default) ends the run; `skip` takes another one, drawn for that place, and puts
   * the bad one into the report.
   */
  readonly onClipError?: "throw" | "skip" | undefined;
  /** With `skip`: more bad clips than this part of the source (and more than one) end the run. Default 0.05. */
  readonly maxBadFraction?: number | undefined;
  /** This process's part of every global batch of `size * batchSize`. Default: all of it. */
  readonly shard?: { readonly rank: number; readonly size: number } | undefined;
  /** Where to go on: what `cursor()` gave. Default: the beginning. */
  readonly cursor?: JsonValue | undefined;
}

export interface LoadedBatch {
  readonly step: number;
  /** Epoch of the batch's first clip, from 0. */
  readonly epoch: number;
  readonly examples: readonly Example[];
  /** The shape of the examples, when there are buckets. */
  readonly bucket: Bucket | undefined;
  /** Seconds that the caller waited for this batch. */
  readonly waited: number;
}

export interface LoaderThroughput {
  /** Clips delivered by this loader since it was made. */
  readonly clips: number;
  /** Seconds between the first request for a batch and the last delivery. */
  readonly seconds: number;
  readonly clipsPerSecond: number;
  /** Seconds that the caller waited for batches. */
  readonly waited: number;
  /** `waited / seconds`: near 0 the loader is fast enough, near 1 everything waits for it. */
  readonly waitedShare: number;
}

export interface Loader {
  /** Batches without end, from the cursor on. Leaving the loop stops the work that was begun ahead. */
  batches(options?: CallOptions): AsyncGenerator<LoadedBatch, never, void>;
  /** The examples of one step. Depends only on the options and `step`; touches neither cursor nor report. */
  load(step: number, options?: CallOptions): Promise<readonly Example[]>;
  /** The position after the last batch that was delivered, as JSON. */
  cursor(): LoaderCursor;
  report(): LoaderReport;
  throughput(): LoaderThroughput;
  /** Ends the threads, if there are any. */
  close(): Promise<void>;
}

interface Loaded {
  readonly examples: readonly Example[];
  readonly bad: readonly (DroppedClip & { readonly index: number })[];
}

/** How often another clip is drawn for a place before it is given up. */
const replacements = 16;

/** Batches of `source`, deterministic by seed and step whatever `prefetch`, `concurrency` and `workers` are. */
export function createLoader(options: LoaderOptions): Loader {
  const { source, batchSize, buckets, workers, shuffle = true, prefetch = 2, concurrency = 2 } = options;
  const { onClipError = "throw", maxBadFraction = 0.05, shard = { rank: 0, size: 1 } } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ConfigError(`batchSize is ${batchSize}; use a positive integer`);
  if (!Number.isInteger(prefetch) || prefetch < 0)
    throw new ConfigError(`prefetch is ${prefetch}; use 0 or a positive integer`);
  if (!(shard.rank >= 0 && shard.rank < shard.size)) {
    throw new ConfigError(`shard.rank is ${shard.rank} of size ${shard.size}; ranks count from 0`);
  }
  if (buckets !== undefined && options.bucketTransform === undefined) {
    throw new ConfigError("buckets is given but bucketTransform is missing; say how a clip gets a bucket's shape");
  }
  const rng = options.rng.fork("loader");
  const { length } = source;
  const plan =
    buckets === undefined
      ? orderedPlan({ length, batchSize, shuffle, shard, rng: rng.fork("order") })
      : bucketPlan(buckets, { length, batchSize, shard });
  const pool = workers === undefined || workers.count === 0 ? undefined : workerPool(workers);
  const limited = limiter(concurrency * Math.max(1, workers?.count ?? 1));
  const randomness = JSON.stringify(rng.state()) + (buckets?.fingerprint ?? "");
  const fixed = { length, batchSize, ...shard, shuffle, randomness };
  const start = options.cursor === undefined ? undefined : parseCursor(options.cursor, fixed);
  let nextStep = start?.step ?? 0;
  let ok = start?.ok ?? 0;
  const dropped = new Map<number, DroppedClip>(
    (start?.dropped ?? []).map(({ index, path, ...clip }) => [index, { ...clip, path: path ?? undefined }]),
  );

  let [delivered, waitedSeconds, begun, ended] = [0, 0, 0, 0];

  async function loadAt(item: PlannedItem, call: CallOptions): Promise<{ example: Example; bad: Loaded["bad"] }> {
    const bad: (DroppedClip & { index: number })[] = [];
    const draws = rng.fork("item").fork(String(item.position));
    const { bucket } = item;
    for (let attempt = 0; ; attempt++) {
      const index = attempt === 0 ? item.index : item.replacement(draws.fork(`replacement-${attempt}`));
      try {
        const asked = { index, bucket, draws };
        const example = await (pool === undefined ? loadExample(options, asked, call) : pool.load(asked, call.signal));
        return { example, bad };
      } catch (error) {
        if (onClipError === "throw" || !ClipError.isInstance(error) || attempt >= replacements) throw error;
        const { id, path, message } = error as ClipError;
        bad.push({ index, id: id ?? `${source.name}[${index}]`, path, reason: message });
      }
    }
  }

  async function loadStep(step: number, call: CallOptions): Promise<Loaded> {
    const settled = await Promise.allSettled(
      plan.items(step).map((item) =>
        limited(async () => {
          call.signal?.throwIfAborted();
          return loadAt(item, call);
        }),
      ),
    );
    const failed = settled.find((item) => item.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const items = settled.map((item) => (item as PromiseFulfilledResult<Awaited<ReturnType<typeof loadAt>>>).value);
    return { examples: items.map(({ example }) => example), bad: items.flatMap(({ bad }) => bad) };
  }

  /** Counted when a batch is delivered, so that the report does not depend on what was read ahead. */
  function account({ examples, bad }: Loaded): void {
    ok += examples.length;
    delivered += examples.length;
    for (const { index, ...clip } of bad) if (!dropped.has(index)) dropped.set(index, clip);
    const allowed = Math.max(1, Math.floor(maxBadFraction * source.length));
    if (dropped.size > allowed) {
      const named = [...dropped.values()].slice(0, 5).map(({ id, reason }) => `${id}: ${reason}`);
      throw new ClipError(
        `${dropped.size} of ${source.length} clips cannot be read, more than maxBadFraction ${maxBadFraction} allows: ${named.join("; ")}`,
      );
    }
  }

  return {
    async *batches(call = {}) {
      const stop = new AbortController();
      const signal = call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]);
      const ahead: Promise<Loaded>[] = [];
      let requested = nextStep;
      try {
        for (;;) {
          while (ahead.length <= prefetch) {
            const loading = loadStep(requested++, { ...call, signal });
            loading.catch(() => undefined); // told when its turn comes
            ahead.push(loading);
          }
          const before = performance.now();
          if (begun === 0) begun = before;
          const loaded = await ahead.shift()!;
          ended = performance.now();
          const waited = (ended - before) / 1000;
          waitedSeconds += waited;
          account(loaded);
          const step = nextStep++;
          const bucket = plan.items(step)[0]?.bucket;
          yield { step, epoch: plan.epoch(step), examples: loaded.examples, bucket, waited };
        }
      } finally {
        stop.abort(new DOMException("the loader was stopped", "AbortError"));
        await Promise.allSettled(ahead);
      }
    },
    load: async (step, call = {}) => (await loadStep(step, call)).examples,
    cursor: () => ({
      version: 1,
      step: nextStep,
      ...fixed,
      ok,
      dropped: [...dropped].map(([index, { id, path, reason }]) => ({ index, id, path: path ?? null, reason })),
    }),
    report: () => ({ ok, dropped: [...dropped.values()] }),
    throughput() {
      const seconds = (ended - begun) / 1000;
      return {
        clips: delivered,
        seconds,
        clipsPerSecond: seconds > 0 ? delivered / seconds : 0,
        waited: waitedSeconds,
        waitedShare: seconds > 0 ? waitedSeconds / seconds : 0,
      };
    },
    close: async () => pool?.close(),
  };
}
