// A terminal that remembers, and a trained run that paints instead of computing.
import { type Clip, ConfigError, ShapeError } from "@noisereel/core";
import type { SampleOptions, TrainedRun } from "@noisereel/recipes";
import { Writable } from "node:stream";
import type { CommandContext, Recipes } from "../src/context.js";
import type { Terminal } from "../src/terminal.js";

export interface RecordedTerminal extends Terminal {
  readonly printed: string[];
  readonly noted: string[];
  /** What was written to the stream of bars. */
  drawn(): string;
}

export function recordedTerminal(options: { readonly interactive?: boolean } = {}): RecordedTerminal {
  const printed: string[] = [];
  const noted: string[] = [];
  let drawn = "";
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      drawn += chunk.toString();
      done();
    },
  });
  const errorStream = Object.assign(stream, {
    isTTY: true,
    columns: 100,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });
  return {
    printed,
    noted,
    drawn: () => drawn,
    print: (line = "") => void printed.push(line),
    note: (line) => void noted.push(line),
    errorStream,
    interactive: options.interactive ?? false,
  };
}

/** A clip whose grey depends on the seed. */
export function greyClip(options: { seed: number; frames: number; height: number; width: number }): Clip {
  const { seed, frames, height, width } = options;
  const pixels = new Uint8Array(frames * height * width * 3).fill(40 + ((seed * 37) % 200));
  return { id: `grey-${seed}`, pixels, frames, height, width, fps: 8 };
}

export interface FakeRun extends TrainedRun {
  readonly asked: SampleOptions[];
  disposed: boolean;
}

export function fakeRun(options: { readonly beforeStep?: (index: number) => void } = {}): FakeRun {
  const defaults = { frames: 5, height: 32, width: 32, fps: 8, steps: 3, guidanceScale: 4, sampler: "ddim" };
  const asked: SampleOptions[] = [];
  return {
    asked,
    disposed: false,
    folder: "runs/fake",
    defaults,
    samplers: ["ddim", "ddpm"],
    captions: ["a grey field", "a darker grey field"],
    async sample(request) {
      asked.push(request);
      const { seed, signal, onStep, prompt, negativePrompt = "" } = request;
      const { steps, frames, height, width, guidanceScale, sampler } = { ...defaults, ...request };
      const { windows = 1, overlap = 5 } = request;
      if ((frames - 1) % 4 !== 0) throw new ShapeError(`${frames} frames are not possible; nearest: 17 or 21`);
      if (!["ddim", "ddpm"].includes(sampler)) throw new ConfigError(`sampler is "${sampler}"; use ddim or ddpm`);
      const clip = greyClip({ seed, frames, height, width });
      for (let index = 1; index <= steps; index++) {
        options.beforeStep?.(index);
        signal?.throwIfAborted();
        await onStep?.({ index, count: steps, timestep: 1000 - index, preview: async () => clip });
      }
      const model = "fake";
      const used = { prompt, negativePrompt, seed, steps, guidanceScale, sampler, frames, height, width, model };
      return { clip, seconds: 0.25, settings: windows === 1 ? used : { ...used, windows, overlap } };
    },
    async reconstruct(clip) {
      return { original: clip, reconstruction: clip, psnr: 30.125, ssim: 0.98765 };
    },
    dispose() {
      this.disposed = true;
    },
  };
}

/** A context around `run`; `controller` aborts it. */
export function fakeContext(options: {
  readonly run?: TrainedRun;
  readonly runQuickstart?: Recipes["runQuickstart"];
  readonly interactive?: boolean;
}): CommandContext & { readonly terminal: RecordedTerminal; readonly controller: AbortController } {
  const controller = new AbortController();
  return {
    terminal: recordedTerminal({ interactive: options.interactive ?? false }),
    signal: controller.signal,
    controller,
    invokedAs: "noisereel",
    loadRecipes: async () => ({
      openRun: async () => {
        if (options.run === undefined) throw new ConfigError("this test opens no run");
        return options.run;
      },
      runQuickstart:
        options.runQuickstart ??
        (() => {
          throw new ConfigError("this test runs no quickstart");
        }),
    }),
  };
}
