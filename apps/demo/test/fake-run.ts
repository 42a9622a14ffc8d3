// A run that paints a moving disc instead of computing, with noise that clears up step by step.
import { type Clip, createRng, ShapeError } from "@noisereel/core";
import type { TrainedRun } from "@noisereel/recipes";
import type { Studio } from "../src/protocol.js";
import { limitsOf } from "../src/limits.js";

export interface FakeRunOptions {
  /** Awaited before each step, so that a test decides when a step happens. */
  readonly beforeStep?: (index: number) => Promise<void> | void;
  readonly fail?: Error;
}

export function fakeRun(options: FakeRunOptions = {}): TrainedRun {
  const defaults = { frames: 9, height: 64, width: 64, fps: 8, steps: 6, guidanceScale: 3, sampler: "ddim" };
  return {
    folder: "runs/fake",
    defaults,
    samplers: ["ddim", "ddpm"],
    captions: ["A white disc moves over a coloured field.", "A city at night, seen from below."],
    async sample(request) {
      const { seed, signal, onStep, prompt, negativePrompt = "" } = request;
      const { steps, frames, height, width, guidanceScale, sampler } = { ...defaults, ...request };
      if (options.fail !== undefined) throw options.fail;
      for (let index = 1; index <= steps; index++) {
        await options.beforeStep?.(index);
        signal?.throwIfAborted();
        const preview = async () => discClip({ seed, frames, height, width, noise: 1 - index / steps });
        await onStep?.({ index, count: steps, timestep: 1000 - index, preview });
      }
      if (frames > 65) throw new ShapeError("too many frames for this test");
      const model = "fake";
      const settings = { prompt, negativePrompt, seed, steps, guidanceScale, sampler, frames, height, width, model };
      return { clip: discClip({ seed, frames, height, width, noise: 0 }), seconds: 0.5, settings };
    },
    async reconstruct(clip) {
      return { original: clip, reconstruction: clip, psnr: 30, ssim: 0.9 };
    },
    dispose() {},
  };
}

export function fakeStudio(run: TrainedRun = fakeRun()): Extract<Studio, { ready: true }> {
  const { fps, ...defaults } = run.defaults;
  return { ready: true, run: run.folder, fps, defaults, limits: limitsOf(run, 2), examples: run.captions };
}

interface DiscOptions {
  readonly seed: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** 0 to 1. */
  readonly noise: number;
}

function discClip({ seed, frames, height, width, noise }: DiscOptions): Clip {
  const rng = createRng(seed);
  const colour = [rng.integer(160), rng.integer(160), rng.integer(160)];
  const pixels = new Uint8Array(frames * height * width * 3); // [T, H, W, 3]
  let at = 0;
  for (let frame = 0; frame < frames; frame++) {
    const center = width * (0.2 + (0.6 * frame) / Math.max(1, frames - 1));
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const inside = Math.hypot(column - center, row - height / 2) < height / 6;
        for (let channel = 0; channel < 3; channel++) {
          const clean = inside ? 250 : colour[channel]! + (60 * row) / height;
          pixels[at++] = (1 - noise) * clean + (noise > 0 ? noise * rng.integer(256) : 0);
        }
      }
    }
  }
  return { id: `disc-${seed}`, pixels, frames, height, width, fps: 8 };
}
