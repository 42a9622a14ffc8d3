// What the model makes of the same prompts and seeds as it learns, with the trained weights and with their average.
import { type Clip, ConfigError, type Tracker, type TrainerPlugin, type TrainRun } from "@noisereel/core";
import { type Ema, withEma } from "../ema.js";
import { timesEvery } from "../estimating/side-work.js";
import type { LiveRun } from "../train.js";

export interface SamplesOptions {
  readonly prompts: readonly string[];
  /** An integer from 0; prompt `i` is sampled with `seed + i`, each time the same. Default 0. */
  readonly seed?: number;
  /** Steps between two rounds. One is made before the first step, as a baseline, and one after the last. */
  readonly steps: number;
  /** Makes a clip with the weights that the modules hold now. */
  sample(request: { readonly prompt: string; readonly seed: number; readonly signal: AbortSignal }): Promise<Clip>;
  /** Sample with the averaged weights too. */
  readonly ema?: Ema | undefined;
  /** Told `<name>-<prompt's number, from 0>-raw` and `-ema`. */
  readonly trackers: readonly Tracker[];
  /** Default "sample". */
  readonly name?: string;
}

/**
 * Makes samples at step 0, every `steps` steps, and at the end. An abort ends a round. For an estimate they are made in the same
 * way, trackers included.
 */
export function samplesPlugin(options: SamplesOptions): TrainerPlugin {
  const { prompts, seed = 0, steps, ema, trackers, name = "sample" } = options;
  if (prompts.length === 0) throw new ConfigError("prompts is empty; give at least one prompt to sample");
  if (!(Number.isInteger(steps) && steps > 0)) {
    throw new ConfigError(`steps is ${steps}; use a whole number of 1 or more`);
  }

  async function round(step: number, weights: "raw" | "ema", signal: AbortSignal): Promise<void> {
    for (const [index, prompt] of prompts.entries()) {
      if (signal.aborted) return;
      const clip = await options.sample({ prompt, seed: seed + index, signal });
      for (const tracker of trackers) await tracker.clip?.(step, `${name}-${index}-${weights}`, clip);
    }
  }

  const weights = ema === undefined ? (["raw"] as const) : (["raw", "ema"] as const);

  async function rounds(run: TrainRun, chosen: readonly ("raw" | "ema")[]): Promise<void> {
    await (run as LiveRun).sync();
    try {
      for (const kind of chosen) {
        const make = () => round(run.step, kind, run.signal);
        await (kind === "raw" ? make() : withEma(ema!, make));
      }
    } catch (error) {
      // The run itself is stopping: it saves and ends.
      if (!run.signal.aborted) throw error;
    }
  }

  return {
    name,
    async onStart(run) {
      if (run.step === 0) await rounds(run, weights);
    },
    async onStep({ step, totalSteps }, run) {
      if (step % steps === 0 || step === totalSteps) await rounds(run, weights);
    },
    // A round of one kind of weights is what is timed: half of the time for the same figure.
    sideWork: (totalSteps) => [
      {
        name: "samples",
        times: weights.length * (1 + timesEvery(totalSteps, steps)),
        once: (run) => rounds(run, ["raw"]),
      },
    ],
  };
}
