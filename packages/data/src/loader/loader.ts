// From a source of clips to the batches of a training run.
import {
  type CallOptions,
  type ClipSource,
  ClipError,
  type ClipTransform,
  ConfigError,
  type Example,
  type JsonValue,
  type Rng,
} from "@noisereel/core";
import { makeExample, type StillOptions } from "../joint.js";
import { type DroppedClip, type LoaderCursor, type LoaderReport, parseCursor } from "./cursor.js";
import { limiter } from "./limit.js";
import { clipOrder } from "./order.js";

export interface LoaderOptions {
  readonly source: ClipSource;
  /** Examples a batch. */
  readonly batchSize: number;
  /** All draws come from forks of it. Two loaders with the same options give the same batches. */
  readonly rng: Rng;
  /** Applied to each clip at each step: temporal crop, resize, flip. */
  readonly transform?: ClipTransform | undefined;
  /** Still images beside each clip. Default: none. */
  readonly stills?: StillOptions | undefined;
  /** A new permutation every epoch (default), or the order of the source. */
  readonly shuffle?: boolean | undefined;
  /** Batches that are prepared ahead of the one being used. Does not change what is in them. Default 2; 0 for none. */
  readonly prefetch?: number | undefined;
  /** Clips that are read at the same time. Default 2. */
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
  /** Seconds that the caller waited for this batch. */
  readonly waited: number;
}

export interface Loader {
  /** Batches without end, from the cursor on. Leaving the loop stops the work that was begun ahead. */
  batches(options?: CallOptions): AsyncGenerator<LoadedBatch, never, void>;
  /** The examples of one step. Depends only on the options and `step`; touches neither cursor nor report. */
  load(step: number, options?: CallOptions): Promise<readonly Example[]>;
  /** The position after the last batch that was delivered, as JSON. */
  cursor(): LoaderCursor;
  report(): LoaderReport;
}

interface Loaded {
  readonly examples: readonly Example[];
  readonly bad: readonly (DroppedClip & { readonly index: number })[];
}

/** How often another clip is drawn for a place before it is given up. */
const replacements = 16;

/** Batches of `source`, deterministic by seed and step whatever `prefetch` and `concurrency` are. */
export function createLoader(options: LoaderOptions): Loader {
  const { source, batchSize, transform, stills, shuffle = true, prefetch = 2, concurrency = 2 } = options;
  const { onClipError = "throw", maxBadFraction = 0.05, shard = { rank: 0, size: 1 } } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ConfigError(`batchSize is ${batchSize}; use a positive integer`);
  if (!Number.isInteger(prefetch) || prefetch < 0)
    throw new ConfigError(`prefetch is ${prefetch}; use 0 or a positive integer`);
  if (!(shard.rank >= 0 && shard.rank < shard.size)) {
    throw new ConfigError(`shard.rank is ${shard.rank} of size ${shard.size}; ranks count from 0`);
  }
  const rng = options.rng.fork("loader");
  const order = clipOrder({ length: source.length, shuffle, rng: rng.fork("order") });
  const limited = limiter(concurrency);
  const fixed = { length: source.length, batchSize, ...shard, shuffle, randomness: JSON.stringify(rng.state()) };
  const start = options.cursor === undefined ? undefined : parseCursor(options.cursor, fixed);
  let nextStep = start?.step ?? 0;
  let ok = start?.ok ?? 0;
  const dropped = new Map<number, DroppedClip>(
    (start?.dropped ?? []).map(({ index, path, ...clip }) => [index, { ...clip, path: path ?? undefined }]),
  );

  const firstPosition = (step: number): number => (step * shard.size + shard.rank) * batchSize;

  async function loadAt(position: number, call: CallOptions): Promise<{ example: Example; bad: Loaded["bad"] }> {
    const bad: (DroppedClip & { index: number })[] = [];
    const draws = rng.fork("item").fork(String(position));
    for (let attempt = 0; ; attempt++) {
      const index = attempt === 0 ? order.at(position) : draws.fork(`replacement-${attempt}`).integer(source.length);
      try {
        const clip = await source.get(index, call);
        const changed = transform === undefined ? clip : await transform(clip, draws.fork("transform"));
        return { example: await makeExample(changed, draws.fork("stills"), { stills, signal: call.signal }), bad };
      } catch (error) {
        if (onClipError === "throw" || !ClipError.isInstance(error) || attempt >= replacements) throw error;
        const { id, path, message } = error as ClipError;
        bad.push({ index, id: id ?? `${source.name}[${index}]`, path, reason: message });
      }
    }
  }

  async function loadStep(step: number, call: CallOptions): Promise<Loaded> {
    const positions = Array.from({ length: batchSize }, (_, item) => firstPosition(step) + item);
    const settled = await Promise.allSettled(
      positions.map((position) =>
        limited(async () => {
          call.signal?.throwIfAborted();
          return loadAt(position, call);
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
          const loaded = await ahead.shift()!;
          const waited = (performance.now() - before) / 1000;
          account(loaded);
          const step = nextStep++;
          const epoch = Math.floor(firstPosition(step) / source.length);
          yield { step, epoch, examples: loaded.examples, waited };
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
  };
}
