// Many videos to clips, by one process or shared among many.
import type { JsonValue } from "@noisereel/core";
import { doWork, type SharedWork, workKey } from "../scale/shared-work.js";
import { type CutVideo, cutVideo, type CutVideoOptions } from "./cut-video.js";

export interface CutVideosOptions extends CutVideoOptions {
  /** Notes what was cut, so that a run can go on, and shares the work with other processes. */
  readonly shared?: SharedWork | undefined;
  /** Videos at the same time. Default 1. */
  readonly concurrency?: number | undefined;
}

/** `cutVideo` of every file, in order; with a shard only its files. A video that cannot be read ends it. */
export async function cutVideos(files: readonly string[], options: CutVideosOptions = {}): Promise<CutVideo[]> {
  const { shared, concurrency = 1, signal, onProgress, ...cutting } = options;
  const { ffmpeg: _, stallSeconds: __, stitch, chunkSeconds, ...detecting } = cutting;
  const joining = stitch === undefined ? null : { ...stitch, embedding: stitch.embedding.name };
  const whole = chunkSeconds === Infinity; // not a number of JSON
  const asked = [detecting, joining, whole ? "whole" : (chunkSeconds ?? null)];
  const results = await doWork<string, JsonValue & object>({
    items: files,
    keyOf: (file) => workKey(file, ["cut", asked] as unknown as JsonValue),
    work: async (file) => (await cutVideo(file, { ...cutting, signal })) as unknown as JsonValue & object,
    shared,
    concurrency,
    signal,
    onProgress,
  });
  return results.flatMap((result) => (result === undefined ? [] : [result as unknown as CutVideo]));
}
