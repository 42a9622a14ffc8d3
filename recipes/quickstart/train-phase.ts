// One training as a phase of a run: resumable, with its loss curve in the run's state.
import type { NamedTensors } from "@noisereel/core";
import { fit, historyPlugin, latestCheckpoint, type TrainOptions } from "@noisereel/trainer";
import { folderStore } from "@noisereel/trainer/node";
import type { RunFolder } from "./run-folder.js";

export interface TrainPhaseOptions<Item, Batch extends NamedTensors> extends Omit<
  TrainOptions<Item, Batch>,
  "store" | "plugins" | "signal"
> {
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly signal: AbortSignal;
  /** Runs when the last step is done, with the trained weights in the modules. */
  readonly afterwards: () => Promise<void>;
}

/** Trains to the last step from wherever an interrupted run stopped, and returns the loss of every step. */
export async function trainInPhase<Item, Batch extends NamedTensors>(
  run: RunFolder,
  options: TrainPhaseOptions<Item, Batch>,
): Promise<readonly number[]> {
  const { name, title, signal, totalSteps, afterwards } = options;
  const store = checkpoints(run, name);
  const done = Number((await latestCheckpoint(store))?.checkpoint.meta["step"] ?? 0);
  return run.phase({ name, title, unit: "steps", count: totalSteps, done }, async (advance) => {
    const history = historyPlugin();
    const summary = await fit({
      ...options,
      store,
      plugins: [history],
      onStep: ({ step, losses }) => advance(step, { loss: Object.values(losses)[0]! }),
    });
    if (!summary.finished) signal.throwIfAborted();
    await afterwards();
    return history.curves()[`loss.${options.task.phases[0]!.name}`]!.values;
  });
}

/** Where a phase keeps its checkpoints. */
export const checkpoints = (run: RunFolder, phase: string) => folderStore(run.path("checkpoints", phase), { keep: 2 });
