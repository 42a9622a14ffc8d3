// Threads and buckets change how batches are made, never what is in them.
import { createHash } from "node:crypto";
import { ConfigError, createRng, type Example } from "@noisereel/core";
import { afterEach, expect, test } from "vitest";
import { createPipeline } from "../../test/pipeline.js";
import { bucketName, bucketSampler, createLoader, type Loader, type LoaderOptions, parseBucket } from "../index.js";

const module = new URL("../../test/pipeline.ts", import.meta.url);
/** The threads run sources, as the tests do. */
const register = new URL("../../test/register-tsx.mjs", import.meta.url).href;
const execArgv = ["--import", register, "-C", "@noisereel/source"];

const open: Loader[] = [];
afterEach(() => Promise.all(open.splice(0).map((loader) => loader.close())));

async function loaderWith(
  count: number,
  options: Partial<LoaderOptions> & { readonly data?: { broken?: number; crash?: true } } = {},
): Promise<Loader> {
  const { data = {}, ...rest } = options;
  const workers = { count, module, data, execArgv };
  const loader = createLoader({
    ...(await createPipeline({ broken: data.broken! })),
    batchSize: 3,
    rng: createRng(4),
    workers,
    ...rest,
  });
  open.push(loader);
  return loader;
}

function digest(examples: readonly Example[]): string {
  const hash = createHash("sha256");
  for (const { video, stills } of examples) {
    for (const clip of [video, ...stills])
      hash.update(`${clip.id} ${clip.frames} ${clip.fps} ${clip.caption}`).update(clip.pixels);
  }
  return hash.digest("hex");
}

async function take(loader: Loader, steps: number): Promise<string[]> {
  const digests: string[] = [];
  for await (const { step, examples, bucket } of loader.batches()) {
    digests.push(`${step} ${bucket === undefined ? "" : bucketName(bucket)} ${digest(examples)}`);
    if (digests.length === steps) break;
  }
  return digests;
}

test("0, 1 and 2 threads give the same bits, and so does resuming at any step", async () => {
  const expected = await take(await loaderWith(0), 6);
  expect(new Set(expected).size).toBe(6);
  expect(await take(await loaderWith(1), 6)).toEqual(expected);
  const two = await loaderWith(2);
  expect(await take(two, 4)).toEqual(expected.slice(0, 4));
  const { clips, seconds, waited, waitedShare, clipsPerSecond } = two.throughput();
  expect(clips).toBe(12);
  expect(clipsPerSecond).toBeCloseTo(clips / seconds, 6);
  expect(waited).toBeLessThanOrEqual(seconds);
  expect(waitedShare).toBeGreaterThan(0);
  const resumed = await loaderWith(1, { cursor: two.cursor() });
  expect(await take(resumed, 2)).toEqual(expected.slice(4));
  for (let step = 0; step < 6; step++) expect(`${step}  ${digest(await resumed.load(step))}`).toBe(expected[step]);
});

test("a clip that fails in a thread is replaced and reported like in this one", async () => {
  const options = { onClipError: "skip", maxBadFraction: 0.5, data: { broken: 2 } } as const;
  const [here, there] = [await loaderWith(0, options), await loaderWith(1, options)];
  expect(await take(there, 4)).toEqual(await take(here, 4));
  expect(there.report()).toEqual(here.report());
  expect(there.report().dropped).toEqual([{ id: "broken", path: "broken.mp4", reason: "it is broken on purpose" }]);
});

test("a thread that ends, or has no pipeline, is an error and not a wait", async () => {
  await expect(take(await loaderWith(1, { data: { crash: true } }), 1)).rejects.toThrow(
    "a loading thread ended: exit code 7",
  );
  const none = new URL("../../test/film.ts", import.meta.url);
  const loader = await loaderWith(0);
  await loader.close();
  const without = await loaderWith(0, { workers: { count: 1, module: none, execArgv } });
  await expect(without.load(0)).rejects.toThrow(/exports no function createPipeline/);
  await expect(without.load(0)).rejects.toThrow(ConfigError);
  await expect(loaderWith(0, { workers: { count: 1, module: "./pipeline.js" } })).rejects.toThrow(
    'new URL("./pipeline.js", import.meta.url)',
  );
  await expect(loaderWith(0, { workers: { count: -1, module } })).rejects.toThrow("workers.count is -1");
});

test("an abort ends waiting for a thread", async () => {
  const controller = new AbortController();
  const loader = await loaderWith(1);
  const loading = loader.load(0, { signal: controller.signal });
  controller.abort();
  await expect(loading).rejects.toThrow("abort");
});

test("buckets: every batch has the shape of its bucket, with threads and after resuming", async () => {
  const { source } = await createPipeline({});
  const items = Array.from({ length: source.length }, (_, i) => ({
    id: String(i),
    frames: i < 4 ? 6 : 12,
    height: 40,
    width: 40,
  }));
  const buckets = (): ReturnType<typeof bucketSampler> =>
    bucketSampler({ items, buckets: ["5x24x24", "9x16x32"].map(parseBucket), batchSize: 2, rng: createRng(9) });
  const options = { batchSize: 2, buckets: buckets() };
  const loader = await loaderWith(0, options);
  const shapes = new Set<string>();
  for await (const { step, examples, bucket } of loader.batches()) {
    for (const { video } of examples) expect(bucketName(video)).toBe(bucketName(bucket!));
    shapes.add(bucketName(bucket!));
    if (step === 3) break;
  }
  expect(shapes).toEqual(new Set(["5x24x24", "9x16x32"]));
  const rest = await take(loader, 3);
  expect(await take(await loaderWith(1, { ...options, cursor: { ...loader.cursor(), step: 4, ok: 8 } }), 3)).toEqual(
    rest,
  );
  const halves = await Promise.all(
    [0, 1].map((rank) => loaderWith(0, { batchSize: 1, buckets: buckets(), shard: { rank, size: 2 } })),
  );
  const joined = (await Promise.all(halves.map((half) => half.load(5)))).flat();
  expect(digest(joined)).toBe(digest(await loader.load(5)));
});

test("what does not fit together is told", async () => {
  const items = [{ id: "x", frames: 9, height: 40, width: 40 }];
  const sampler = bucketSampler({ items, buckets: [parseBucket("5x8x8")], batchSize: 3, rng: createRng(0) });
  await expect(loaderWith(0, { buckets: sampler })).rejects.toThrow(
    "buckets were made for 1 clips but the source has 8",
  );
  await expect(loaderWith(0, { buckets: sampler, bucketTransform: undefined })).rejects.toThrow(
    "bucketTransform is missing",
  );
  const eight = bucketSampler({
    items: Array.from({ length: 8 }, () => items[0]!),
    buckets: [parseBucket("5x8x8")],
    batchSize: 4,
    rng: createRng(0),
  });
  await expect(loaderWith(0, { buckets: eight })).rejects.toThrow("buckets have batches of 4, but batchSize 3");
});
