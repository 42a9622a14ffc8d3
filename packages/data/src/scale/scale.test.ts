// Work shared by processes, stopped and gone on with: the results are those of one process that was never stopped.
import { appendFile, mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { describe, expect, test } from "vitest";
import { movingClip, temporaryFolder } from "../../test/helpers.js";
import {
  checkManifest,
  cutVideos,
  doWork,
  measureEntries,
  parseShard,
  readManifest,
  type SharedWork,
  workKey,
  writeVideo,
} from "../index.js";

describe("parseShard", () => {
  test("by hand, from Slurm and from Kubernetes", () => {
    expect(parseShard("3/8")).toEqual({ rank: 3, size: 8 });
    const slurm = { SLURM_ARRAY_TASK_ID: "5", SLURM_ARRAY_TASK_COUNT: "8" };
    expect(parseShard("auto", slurm)).toEqual({ rank: 5, size: 8 });
    const from = { SLURM_ARRAY_TASK_ID: "9", SLURM_ARRAY_TASK_MIN: "5", SLURM_ARRAY_TASK_STEP: "2" };
    expect(parseShard("auto", { ...from, SLURM_ARRAY_TASK_COUNT: "4" })).toEqual({ rank: 2, size: 4 });
    expect(parseShard("auto", { JOB_COMPLETION_INDEX: "0", NOISEREEL_SHARDS: "2" })).toEqual({ rank: 0, size: 2 });
  });

  test("what does not fit is told", () => {
    for (const text of ["8/8", "1", "a/2", "1/0", "-1/2", ""]) {
      expect(() => parseShard(text), text).toThrow(ConfigError);
    }
    expect(() => parseShard("auto", {})).toThrow("neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set");
    expect(() => parseShard("auto", { JOB_COMPLETION_INDEX: "1" })).toThrow("NOISEREEL_SHARDS is not");
    expect(() => parseShard("auto", { SLURM_ARRAY_TASK_ID: "1" })).toThrow("SLURM_ARRAY_TASK_COUNT is not");
    const gap = { SLURM_ARRAY_TASK_ID: "9", SLURM_ARRAY_TASK_COUNT: "3", SLURM_ARRAY_TASK_MIN: "1" };
    expect(() => parseShard("auto", gap)).toThrow("without gaps");
  });
});

describe("doWork", () => {
  const items = Array.from({ length: 11 }, (_, i) => i);
  const run = async (
    shared: SharedWork,
    options: { failAt?: number } = {},
  ): Promise<[(number | undefined)[], number[]]> => {
    const worked: number[] = [];
    const results = await doWork({
      items,
      keyOf: async (item) => `k${item}`,
      work: async (item) => {
        if (item === options.failAt) throw new Error("killed");
        worked.push(item);
        return item * item;
      },
      shared,
      concurrency: 1,
    });
    return [results, worked];
  };
  const squares = items.map((item) => item * item);

  test("every item is worked on by exactly one shard, and collecting gives all in order", async () => {
    const folder = path.join(await temporaryFolder(), "parts");
    const worked = await Promise.all(
      [0, 1, 2].map(async (rank) => (await run({ folder, shard: { rank, size: 3 } }))[1]),
    );
    expect(worked.flat().toSorted((a, b) => a - b)).toEqual(items);
    expect(worked[1]).toEqual([1, 4, 7, 10]);
    expect(await run({ folder, mode: "collect" })).toEqual([squares, []]);
  });

  test("after a failure, and after a line that was cut off, only the rest is done; shares may change", async () => {
    const folder = await temporaryFolder();
    await expect(run({ folder }, { failAt: 6 })).rejects.toThrow("killed");
    const [name] = await readdir(folder);
    await appendFile(path.join(folder, name!), '{"key":"k6","resu');
    await expect(run({ folder, mode: "collect" })).rejects.toThrow(
      /1 of 11 are not finished in .* \(numbers 7\); run the shards again/,
    );
    const [results, worked] = await run({ folder, shard: { rank: 0, size: 2 } });
    expect(worked).toEqual([6]);
    expect(results).toEqual(squares.map((value, i) => (i % 2 === 0 ? value : undefined)));
    expect(await run({ folder })).toEqual([squares, []]);
  });

  test("without parts to collect, all are missing; a folder that cannot be written is told", async () => {
    const folder = await temporaryFolder();
    await expect(run({ folder: path.join(folder, "none"), mode: "collect" })).rejects.toThrow(
      "11 of 11 are not finished",
    );
    await writeFile(path.join(folder, "file"), "");
    await expect(run({ folder: path.join(folder, "file", "below") })).rejects.toThrow();
  });

  test("keys change with the file and the request", async () => {
    const file = path.join(await temporaryFolder(), "x");
    const missing = await workKey(file, 1);
    await writeFile(file, "abc");
    const first = await workKey(file, 1);
    expect(await workKey(file, 1)).toBe(first);
    expect(new Set([missing, first, await workKey(file, 2)]).size).toBe(3);
    await utimes(file, 1, 1);
    expect(await workKey(file, 1)).not.toBe(first);
  });
});

describe("measures, checks and cuts", () => {
  async function videos(): Promise<string> {
    const folder = path.join(await temporaryFolder(), "videos");
    await mkdir(folder);
    for (const [i, hue] of [0, 90, 0].entries()) {
      const clip = movingClip({ frames: 9, height: 32, width: 32, hue });
      await writeVideo(path.join(folder, `${i}.mp4`), clip);
    }
    await writeFile(path.join(folder, "3.mp4"), "no video");
    return folder;
  }

  test("a check that was stopped goes on, and the report is that of one that was not", async () => {
    const folder = await videos();
    const shared = { folder: path.join(folder, "..", "parts") };
    const stop = new AbortController();
    const stopped = checkManifest(folder, {
      shared,
      concurrency: 1,
      signal: stop.signal,
      onProgress: (event) => event.type === "clip" && event.index === 2 && stop.abort(),
    });
    await expect(stopped).rejects.toThrow("abort");
    await expect(checkManifest(folder, { shared: { ...shared, mode: "collect" } })).rejects.toThrow(
      "2 of 4 are not finished",
    );
    expect(await checkManifest(folder, { shared })).toEqual(await checkManifest(folder));
  });

  test("collected from shards they are those of one run", async () => {
    const folder = await videos();
    const parts = path.join(folder, "..", "parts");
    const { entries } = await readManifest(folder);
    const whole = await measureEntries(entries);
    expect(whole.map(({ columns }) => columns["duplicate_of"])).toEqual([
      undefined,
      whole[0]!.id,
      whole[0]!.id,
      undefined,
    ]);
    const files = [0, 1, 2].map((i) => path.join(folder, `${i}.mp4`));
    const all = {
      measured: whole,
      report: await checkManifest(folder, { thumbnails: true }),
      cuts: await cutVideos(files),
    };
    for (const shard of [0, 1].map((rank) => ({ rank, size: 2 }))) {
      const shared = { folder: parts, shard };
      expect((await measureEntries(entries, { shared })).map(({ id }) => id)).toEqual(
        entries.filter((_, i) => i % 2 === shard.rank).map(({ id }) => id),
      );
      await checkManifest(folder, { thumbnails: true, shared });
      await cutVideos(files, { shared });
    }
    const shared = { folder: parts, mode: "collect" } as const;
    // An ffmpeg that does not exist: nothing is decoded any more.
    const ffmpeg = "/nowhere/ffmpeg";
    expect(await measureEntries(entries, { shared, ffmpeg })).toEqual(all.measured);
    expect(await checkManifest(folder, { thumbnails: true, shared, ffmpeg })).toEqual(all.report);
    expect(await cutVideos(files, { shared, ffmpeg })).toEqual(all.cuts);
  });
});
