import { ClipError, type ClipSource, createRng, type Example } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { movingSource } from "../../test/helpers.js";
import {
  centerCropResize,
  createLoader,
  horizontalFlip,
  type Loader,
  type LoaderOptions,
  pipeline,
  temporalCrop,
} from "../index.js";

const transform = pipeline([temporalCrop({ frames: 5 }), centerCropResize(4), horizontalFlip()]);
const stills = { source: "clip-frames", count: 2, policy: "random" } as const;

const make = (options: Partial<LoaderOptions> = {}): Loader =>
  createLoader({ source: movingSource(7), batchSize: 3, rng: createRng(11), transform, stills, ...options });

async function take(loader: Loader, count: number): Promise<(readonly Example[])[]> {
  const batches: (readonly Example[])[] = [];
  for await (const { examples } of loader.batches()) {
    batches.push(examples);
    if (batches.length === count) break;
  }
  return batches;
}

/** Gives clips after random times, so that they finish in another order than they were asked for. */
function jittery(source: ClipSource): ClipSource {
  return {
    ...source,
    async get(index, options) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      return source.get(index, options);
    },
  };
}

/** Fails for some clips. */
function broken(source: ClipSource, indices: readonly number[]): ClipSource {
  return {
    ...source,
    get(index, options) {
      if (indices.includes(index))
        throw new ClipError(`clip-${index} is torn`, { id: `clip-${index}`, path: `/x/${index}` });
      return source.get(index, options);
    },
  };
}

describe("determinism", () => {
  test("the batches do not depend on prefetch, concurrency or timing, and load() gives the same", async () => {
    const plain = await take(make({ prefetch: 0, concurrency: 1 }), 6);
    expect(await take(make({ source: jittery(movingSource(7)), prefetch: 5, concurrency: 4 }), 6)).toEqual(plain);
    expect(await make().load(4)).toEqual(plain[4]);
    expect(await take(make({ rng: createRng(12) }), 6)).not.toEqual(plain);
  });

  test("every epoch shows every clip once, in another order", async () => {
    const loader = make({ batchSize: 7 });
    const epochs = (await take(loader, 3)).map((batch) => batch.map(({ video }) => video.id));
    for (const epoch of epochs)
      expect(epoch.toSorted()).toEqual(["0", "1", "2", "3", "4", "5", "6"].map((i) => `clip-${i}`));
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(3);
    const ordered = await take(make({ shuffle: false, batchSize: 4 }), 2);
    expect(ordered.flat().map(({ video }) => video.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 0].map((i) => `clip-${i}`));
  });

  test("resuming from a cursor that went through JSON goes on exactly, at any step", async () => {
    const whole = await take(make(), 8);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 3 }), async (step, prefetch) => {
        const first = make({ prefetch });
        await take(first, step);
        const cursor = JSON.parse(JSON.stringify(first.cursor())) as never;
        const second = make({ cursor });
        expect(await take(second, 8 - step)).toEqual(whole.slice(step));
        expect(second.report().ok).toBe(24);
      }),
      { numRuns: 10 },
    );
  });

  test("the shards of one step are the parts of the global batch", async () => {
    const whole = await take(make({ batchSize: 6 }), 3);
    const parts = await Promise.all([0, 1].map((rank) => take(make({ batchSize: 3, shard: { rank, size: 2 } }), 3)));
    whole.forEach((batch, step) => expect([...parts[0]![step]!, ...parts[1]![step]!]).toEqual(batch));
  });

  test("a second loop goes on where the first was left", async () => {
    const loader = make();
    const batches = [...(await take(loader, 2)), ...(await take(loader, 2))];
    expect(batches).toEqual(await take(make(), 4));
  });
});

describe("clips that cannot be read", () => {
  test("end the run by default, with the clip's name", async () => {
    await expect(take(make({ source: broken(movingSource(7), [3]) }), 4)).rejects.toThrow("clip-3 is torn");
  });

  test("skip takes others, the same ones whatever is read ahead, and reports each once", async () => {
    const options = { source: broken(movingSource(7), [3]), onClipError: "skip" } as const;
    const loader = make({ ...options, prefetch: 0 });
    const batches = await take(loader, 7);
    expect(batches.flat().length).toBe(21);
    expect(batches.flat().some(({ video }) => video.id === "clip-3")).toBe(false);
    expect(loader.report()).toEqual({ ok: 21, dropped: [{ id: "clip-3", path: "/x/3", reason: "clip-3 is torn" }] });
    expect(await take(make({ ...options, prefetch: 4, concurrency: 3 }), 7)).toEqual(batches);
    const resumed = make({ ...options, cursor: JSON.parse(JSON.stringify(loader.cursor())) as never });
    expect(resumed.report()).toEqual(loader.report());
  });

  test("the report counts what was delivered, not what was read ahead", async () => {
    const loader = make({
      source: broken(movingSource(7), [3]),
      onClipError: "skip",
      prefetch: 6,
      shuffle: false,
      batchSize: 1,
    });
    await take(loader, 2);
    expect(loader.report()).toEqual({ ok: 2, dropped: [] });
  });

  test("too many end the run and are named", async () => {
    const loader = make({ source: broken(movingSource(7), [1, 3, 4]), onClipError: "skip", maxBadFraction: 0.3 });
    await expect(take(loader, 9)).rejects.toThrow(
      /3 of 7 clips cannot be read, more than maxBadFraction 0.3 allows: clip-\d: clip-\d is torn/,
    );
  });

  test("other errors are never skipped", async () => {
    const source = { ...movingSource(7), get: () => Promise.reject(new TypeError("a bug")) };
    await expect(take(make({ source, onClipError: "skip" }), 1)).rejects.toThrow("a bug");
  });
});

describe("stopping", () => {
  test("an abort ends the loop with its reason and stops what was begun", async () => {
    const stop = new AbortController();
    let running = 0;
    const source: ClipSource = {
      ...movingSource(7),
      async get(index, options) {
        running++;
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(resolve, 20);
          options!.signal!.addEventListener("abort", () => {
            clearTimeout(timer);
            reject(options!.signal!.reason as Error);
          });
        }).finally(() => running--);
        return movingSource(7).get(index);
      },
    };
    const loop = (async () => {
      for await (const { step } of make({ source }).batches({ signal: stop.signal })) {
        if (step === 1) stop.abort(new Error("enough"));
      }
    })();
    await expect(loop).rejects.toThrow("enough");
    expect(running).toBe(0);
  });
});

test("options and cursors that do not fit are refused with both values", async () => {
  expect(() => make({ batchSize: 0 })).toThrow("batchSize is 0");
  expect(() => make({ prefetch: -1 })).toThrow("prefetch is -1");
  expect(() => make({ shard: { rank: 2, size: 2 } })).toThrow("shard.rank is 2 of size 2");
  expect(() => make({ concurrency: 0 })).toThrow("concurrency is 0");
  const cursor = make().cursor();
  expect(() => make({ cursor, batchSize: 2 })).toThrow("the cursor was made with batchSize 3 but the loader has 2");
  expect(() => make({ cursor, rng: createRng(1) })).toThrow("another seed");
  expect(() => make({ cursor: { step: 3 } })).toThrow("cursor is not a loader's cursor");
});
