// Precision, recall and F1 of the cut detectors on films whose cuts are known:
//   npx tsx -C @noisereel/source packages/data/bench/scene-cuts.ts
import { readdir } from "node:fs/promises";
import path from "node:path";
import { clipFrames, cutAgreement, detectScenes, readVideo, type VideoFrame } from "../src/index.js";
import { syntheticFilm } from "../test/film.js";

const clipFolder = path.resolve(import.meta.dirname, "../../../clips");

async function main(): Promise<void> {
  for (const seed of [1, 2, 3]) {
    const film = syntheticFilm({ boundaries: 60, seed });
    // A fade has no exact frame: its middle may be found two frames off.
    await report(`60 cuts, fades and flashes, seed ${seed}`, film.frames, [...film.cuts, ...film.fades], 2);
  }
  const names = (await readdir(clipFolder)).filter((name) => name.endsWith(".mp4"));
  const clips = await Promise.all(names.map((name) => readVideo(path.join(clipFolder, name))));
  let end = 0;
  const cuts = clips.map(({ frames }) => (end += frames)).slice(0, -1);
  const frames = clips.flatMap((clip) => [...clipFrames(clip)]);
  await report(`the ${names.length} shipped clips joined`, frames, cuts, 0);
}

async function report(
  name: string,
  frames: readonly VideoFrame[],
  known: readonly number[],
  tolerance: number,
): Promise<void> {
  for (const detector of ["content", "adaptive"] as const) {
    const { scenes } = await detectScenes(frames, { detector, flashFrames: 5, fadeLevel: 16 });
    const found = scenes.slice(1).map(({ start }) => start);
    const { precision, recall, f1 } = cutAgreement(found, known, { tolerance });
    const figures = Object.entries({ precision, recall, F1: f1 }).map(([key, value]) => `${key} ${value.toFixed(3)}`);
    console.log(`${name}, ${detector}: ${figures.join(", ")}`);
  }
}

void main();
