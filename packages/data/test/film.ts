// A film with known cuts: scenes of drifting colours between hard cuts and fades through black, with flashes inside.
import { createRng, type Rng } from "@noisereel/core";
import type { VideoFrame } from "../src/index.js";

export interface Film {
  readonly frames: readonly VideoFrame[];
  /** First frames of scenes after hard cuts. */
  readonly cuts: readonly number[];
  /** Middles of the black between scenes that fade. */
  readonly fades: readonly number[];
  readonly flashes: readonly number[];
}

interface Blob {
  readonly colour: readonly number[];
  readonly at: readonly [number, number];
  readonly speed: readonly [number, number];
  readonly size: number;
}

/** `boundaries` scene changes, every fifth of them a fade, and a flash in every fourth scene. */
export function syntheticFilm(options: { boundaries: number; seed: number; height?: number; width?: number }): Film {
  const { boundaries, seed, height = 27, width = 48 } = options;
  const rng = createRng(seed).fork("film");
  const frames: VideoFrame[] = [];
  const [cuts, fades, flashes]: [number[], number[], number[]] = [[], [], []];
  const push = (pixels: Uint8Array): void => void frames.push({ index: frames.length, height, width, fps: 25, pixels });
  for (let scene = 0; scene <= boundaries; scene++) {
    const fadesIn = scene > 0 && scene % 5 === 0;
    const fadesOut = scene < boundaries && (scene + 1) % 5 === 0;
    const draws = rng.fork(`scene-${scene}`);
    const length = 30 + draws.integer(31);
    const blobs = randomBlobs(draws, height, width);
    const flash = scene % 4 === 2 ? 16 + draws.integer(8) : undefined;
    if (scene > 0 && !fadesIn) cuts.push(frames.length);
    for (let t = 0; t < length; t++) {
      const light = Math.min(1, fadesIn ? t / 8 : 1, fadesOut ? (length - 1 - t) / 8 : 1);
      const flashed = flash !== undefined && t >= flash && t < flash + 1 + (scene % 3);
      if (flashed && t === flash) flashes.push(frames.length);
      push(paint({ blobs, t, light, flashed, height, width, noise: draws }));
    }
    if (fadesOut) {
      fades.push(frames.length + 2);
      for (let t = 0; t < 4; t++) push(new Uint8Array(height * width * 3));
    }
  }
  return { frames, cuts, fades, flashes };
}

function randomBlobs(rng: Rng, height: number, width: number): Blob[] {
  return Array.from({ length: 5 }, (_, i) => ({
    colour: [rng.integer(256), rng.integer(256), rng.integer(256)],
    at: [rng.uniform() * height, rng.uniform() * width],
    speed: [(rng.uniform() - 0.5) * 0.6, (rng.uniform() - 0.5) * 1.2], // pixels a frame
    size: i === 0 ? 1e6 : 4 + rng.uniform() * 10, // the first is the background
  }));
}

function paint(picture: {
  blobs: readonly Blob[];
  t: number;
  light: number;
  flashed: boolean;
  height: number;
  width: number;
  noise: Rng;
}): Uint8Array {
  const { blobs, t, light, flashed, height, width, noise } = picture;
  const pixels = new Uint8ClampedArray(height * width * 3);
  let i = 0;
  for (let y = 0; y < height; y++) {
    const grain = noise.integer(7) - 3;
    for (let x = 0; x < width; x++) {
      let shown = blobs[0]!;
      for (const blob of blobs) {
        const dy = y - blob.at[0] - blob.speed[0] * t;
        const dx = x - blob.at[1] - blob.speed[1] * t;
        if (dy * dy + dx * dx < blob.size * blob.size) shown = blob;
      }
      for (let c = 0; c < 3; c++) {
        const value = shown.colour[c]! * (0.8 + (0.4 * x) / width) + grain;
        pixels[i++] = light * (flashed ? 200 + 0.2 * value : value);
      }
    }
  }
  return new Uint8Array(pixels.buffer);
}
