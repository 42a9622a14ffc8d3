// From films with known cuts to clips: detectors, stitching, ranges and files.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { syntheticFilm } from "../../test/film.js";
import { listFolder, meanDifference, shippedClips, temporaryFolder } from "../../test/helpers.js";
import {
  clipFrames,
  colourLayoutEmbedding,
  cutAgreement,
  cutEntries,
  cutVideo,
  type CutVideo,
  detectScenes,
  type DetectScenesOptions,
  readVideo,
  scorePlot,
  stitchScenes,
  vectorDistance,
  type VideoFrame,
  writeClips,
  writeVideo,
} from "../index.js";

const starts = (scenes: readonly { readonly start: number }[]): number[] => scenes.slice(1).map(({ start }) => start);

const film = syntheticFilm({ boundaries: 60, seed: 1 });
const known = [...film.cuts, ...film.fades];
/** A fade has no exact frame: its middle may be found two frames off. */
const tolerance = 2;
const detectors: [string, DetectScenesOptions][] = [
  ["content", {}],
  ["adaptive", { detector: "adaptive" }],
];

test.each(detectors)(
  "%s: F1 of at least 0.95 on a film with 60 known boundaries, fades and flashes",
  async (_, options) => {
    expect([film.cuts.length, film.fades.length, film.flashes.length]).toEqual([48, 12, 15]);
    const found = await detectScenes(film.frames, { flashFrames: 5, fadeLevel: 16, ...options });
    const agreement = cutAgreement(starts(found.scenes), known, { tolerance });
    expect(agreement.f1).toBeGreaterThanOrEqual(0.95);
    // hard cuts are found on their very frame
    expect(cutAgreement(starts(found.scenes), film.cuts).recall).toBeGreaterThanOrEqual(0.95);
  },
);

test("without the two options flashes become cuts and fades are missed, as in PySceneDetect", async () => {
  const found = starts((await detectScenes(film.frames)).scenes);
  expect(film.flashes.filter((flash) => found.includes(flash)).length).toBeGreaterThan(film.flashes.length / 2);
  expect(cutAgreement(found, film.fades, { tolerance }).recall).toBeLessThan(0.5);
});

let joined: Promise<{ frames: VideoFrame[]; cuts: number[] }> | undefined;
const joinedClips = (): NonNullable<typeof joined> => (joined ??= joinClips());

async function joinClips(): Promise<{ frames: VideoFrame[]; cuts: number[] }> {
  const names = ["box", "campus", "city", "cockatoo", "coin", "cup", "plant", "race"];
  const clips = await Promise.all(names.map((name) => readVideo(path.join(shippedClips, `${name}.mp4`))));
  let end = 0;
  return {
    frames: clips.flatMap((clip) => [...clipFrames(clip)]),
    cuts: clips.map(({ frames }) => (end += frames)).slice(0, -1),
  };
}

test("F1 of at least 0.9 on the shipped clips joined together, with every detector", async () => {
  const { frames, cuts } = await joinedClips();
  for (const [, options] of detectors) {
    const { scenes } = await detectScenes(frames, { flashFrames: 5, fadeLevel: 16, ...options });
    expect(cutAgreement(starts(scenes), cuts).f1).toBeGreaterThanOrEqual(0.9);
  }
});

test("agreement counts each cut once", () => {
  expect(cutAgreement([10, 11, 50], [10, 30, 51], { tolerance: 1 })).toMatchObject({
    matched: 2,
    precision: 2 / 3,
    recall: 2 / 3,
  });
  expect(cutAgreement([], [])).toMatchObject({ matched: 0, f1: 1 });
  expect(cutAgreement([5], [9])).toMatchObject({ matched: 0, f1: 0 });
});

test("options that cannot be used are named", async () => {
  await expect(detectScenes([], { flashFrames: -1 })).rejects.toThrow("flashFrames is -1; use an integer from 0");
  await expect(detectScenes(film.frames.slice(0, 2), { fadeLevel: 300 })).rejects.toThrow("fadeLevel is 300");
  await expect(detectScenes([], { adaptiveRatio: 0 })).rejects.toThrow("adaptiveRatio is 0");
});

test("the embedding tells pictures of one scene from those of another", async () => {
  const { frames, cuts } = await joinedClips();
  const embedding = colourLayoutEmbedding();
  const { thresholds } = embedding;
  const edges = [0, ...cuts, frames.length];
  const vectors = await embedding.embed(edges.slice(1).flatMap((end, i) => [frames[edges[i]!]!, frames[end - 1]!]));
  for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
  const scenes = edges.slice(1).map((_, i) => ({ start: vectors[2 * i]!, end: vectors[2 * i + 1]! }));
  scenes.forEach((scene, i) => {
    expect(vectorDistance(scene.start, scene.end), `scene ${i}`).toBeLessThan(thresholds.transition);
    const next = scenes[i + 1];
    if (next !== undefined)
      expect(vectorDistance(scene.end, next.start), `after ${i}`).toBeGreaterThan(thresholds.join);
  });
});

test("stitching joins, drops and says why", () => {
  const at = (x: number): Float32Array => Float32Array.of(x, 0);
  const pair = (start: number, end: number): { start: Float32Array; end: Float32Array } => ({
    start: at(start),
    end: at(end),
  });
  const ranges = [0, 50, 100, 150, 200, 210, 300].map((start, i, all) => ({ start, end: all[i + 1] ?? 360 }));
  const vectors = [
    pair(0, 0.3),
    pair(0.5, 0.6),
    pair(5, 7),
    pair(9, 9.3),
    pair(20, 20.2),
    pair(30, 30.01),
    pair(0.1, 0.5),
  ];
  const thresholds = { transition: 1, join: 0.6, still: 0.05 };
  const { clips, dropped } = stitchScenes(ranges, vectors, { fps: 25, thresholds, redundancy: 0.2, trim: 0 });
  expect(clips).toEqual([
    { start: 0, end: 100 },
    { start: 150, end: 200 },
  ]);
  expect(dropped.map(({ start, reason }) => [start, reason])).toEqual([
    [100, "transition inside: its ends are 2.00 apart"],
    [200, "shorter than 2 s: 0.40 s"],
    [210, "still: its ends are 0.010 apart"],
    [300, "like an earlier clip"],
  ]);
  expect(stitchScenes(ranges.slice(0, 1), vectors.slice(0, 1), { fps: 5, thresholds, trim: 0.1 }).clips).toEqual([
    { start: 5, end: 45 },
  ]);
  expect(() => stitchScenes(ranges, [], { fps: 25, thresholds })).toThrow("0 vectors for 7 pieces");
  expect(() => stitchScenes([], [], { fps: 25, thresholds, trim: 0.5 })).toThrow("trim is 0.5");
});

/** Three scenes of 30 frames as a file. */
async function shortFilm(): Promise<{ folder: string; file: string; frames: readonly VideoFrame[] }> {
  const { frames, cuts } = syntheticFilm({ boundaries: 2, seed: 3, height: 36, width: 64 });
  const all = frames.slice(0, cuts[1]! + 30);
  const folder = await temporaryFolder();
  const file = path.join(folder, "film.mp4");
  await writeVideo(file, all, { crf: 8 });
  return { folder, file, frames: all };
}

const timeless = ({ clips, scenes, dropped }: CutVideo): unknown => ({ clips, scenes, dropped });

test("a video becomes ranges of itself, and files only when asked for", async () => {
  const { folder, file, frames } = await shortFilm();
  const seen: number[] = [];
  const cut = await cutVideo(file, {
    chunkSeconds: 1,
    onProgress: (event) => void ("loaded" in event && seen.push(event.loaded)),
  });
  expect(cut).toMatchObject({ frames: frames.length, fps: 25, height: 36, width: 64 });
  expect(cut.scenes.length).toBe(3);
  expect(timeless(await cutVideo(file, { chunkSeconds: 1 }))).toEqual(timeless(cut));
  expect(await listFolder(folder)).toEqual(["film.mp4"]);
  const entries = cutEntries(cut);
  const before = await readFile(file);
  const clips = path.join(folder, "clips");
  const written = await writeClips(entries, { folder: clips, crf: 4 });
  expect(await readFile(file)).toEqual(before);
  expect(written.map(({ path: name, start, end }) => [path.basename(name), start, end])).toEqual(
    entries.map(({ start, end }) => [`film-${start}-${end}.mp4`, undefined, undefined]),
  );
  for (const [index, entry] of written.entries()) {
    const { start, end } = entries[index]!;
    const clip = await readVideo(entry.path);
    const original = await readVideo(file, { start: start!, end: end! });
    expect(clip.frames).toBe(end! - start!);
    // two lossy encodings: a wrong frame differs by more than 10 on the average
    expect(meanDifference(clip.pixels, original.pixels)).toBeLessThan(4);
  }
  const stamp = await readFile(written[0]!.path);
  await writeClips(entries, { folder: clips, crf: 51 }); // what is there is kept
  expect(await readFile(written[0]!.path)).toEqual(stamp);
  await expect(writeClips([{ ...entries[0]!, end: undefined, start: 3 }], { folder })).rejects.toThrow(
    "has a start but no end",
  );
});

test("stitching reads the video a second time and joins what belongs together", async () => {
  const { file } = await shortFilm();
  const divided = await cutVideo(file, { chunkSeconds: 0.2 });
  const embedding = colourLayoutEmbedding();
  const stitched = await cutVideo(file, { chunkSeconds: 0.2, stitch: { embedding, minSeconds: 0.5 }, decodeWidth: 32 });
  expect(divided.clips.length).toBeGreaterThan(stitched.scenes.length);
  expect(stitched.clips.length + stitched.dropped.length).toBeLessThan(divided.clips.length);
  for (const { start, end } of stitched.clips) {
    expect(stitched.scenes.some((scene) => scene.start <= start && end <= scene.end)).toBe(true);
  }
});

test("the plot shows every cut, however long the film", () => {
  const scores = Float64Array.from({ length: 20_000 }, (_, i) => (i === 12_345 ? 90 : 2));
  const svg = scorePlot({
    scores: [...scores],
    fps: 25,
    threshold: 27,
    clips: [{ start: 0, end: 12_345 }],
    dropped: [{ start: 12_345, end: 20_000 }],
    title: "a < b",
  });
  expect(svg).toContain("a &#60; b");
  const heights = /points="([^"]*)"/
    .exec(svg)![1]!
    .split(" ")
    .map((point) => Number(point.split(",")[1]));
  expect(Math.min(...heights)).toBeLessThan(50);
  expect(svg.match(/<rect/g)).toHaveLength(3);
});
