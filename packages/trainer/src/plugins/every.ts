// Something that happens every so many steps with the weights of that step: samples, a held-out loss, an export.
import { ConfigError, type MaybePromise, type SideWork, type TrainerPlugin, type TrainRun } from "@noisereel/core";
import { type Ema, withEma } from "../ema.js";
import { timesEvery } from "../estimating/side-work.js";
import type { LiveRun } from "../train.js";

export interface EveryOptions {
  /** Names the plugin. */
  readonly name: string;
  /** Steps between two calls; the last step is always one. */
  readonly steps: number;
  /** Also before the first step, as a baseline. Default false. */
  readonly atStart?: boolean;
  /** Calls with the averaged weights in the modules. Default the trained ones. */
  readonly ema?: Ema;
  /** `step` counts finished steps: 0 is before the first. The modules hold that step's weights and must not be changed. */
  run(step: number, run: TrainRun): MaybePromise<void>;
  /** As `run`, for estimates: takes as long and leaves nothing behind. Default none, and estimates say that it was not measured. */
  readonly rehearse?: Pick<SideWork, "once" | "dispose"> | undefined;
  /** What estimates call it. Default `name`. */
  readonly title?: string;
}

export function every(options: EveryOptions): TrainerPlugin {
  if (!(Number.isInteger(options.steps) && options.steps > 0)) {
    throw new ConfigError(`steps is ${options.steps}; use a whole number of 1 or more`);
  }
  const withWeights = async (run: TrainRun, call: () => Promise<void>): Promise<void> => {
    await (run as LiveRun).sync();
    await (options.ema === undefined ? call() : withEma(options.ema, call));
  };
  const act = (run: TrainRun): Promise<void> => withWeights(run, async () => options.run(run.step, run));
  const { rehearse, title = options.name, atStart = false } = options;
  return {
    name: options.name,
    ...(rehearse === undefined
      ? {}
      : {
          sideWork: (totalSteps) => [
            {
              ...rehearse,
              name: title,
              times: timesEvery(totalSteps, options.steps) + (atStart ? 1 : 0),
              once: (run) => withWeights(run, async () => rehearse.once(run)),
            },
          ],
        }),
    async onStart(run) {
      if (atStart && run.step === 0) await act(run);
    },
    async onStep({ step, totalSteps }, run) {
      if (step % options.steps === 0 || step === totalSteps) await act(run);
    },
  };
}
