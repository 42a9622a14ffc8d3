// The curves of a run, kept in its checkpoints, for a report.
import type { TrainerPlugin, TrainStep } from "@noisereel/core";
import { type Curve, CurveTable } from "./curves.js";

export interface HistoryOptions {
  /** Steps between two entries. Default 1. */
  readonly every?: number;
}

export interface HistoryPlugin extends TrainerPlugin {
  /** By name: `loss.<phase>` and the step's scalars. */
  curves(): Readonly<Record<string, Curve>>;
}

/** Collects losses and scalars of every `every`-th step. A resumed run goes on with the curves of its checkpoint. */
export function historyPlugin({ every = 1 }: HistoryOptions = {}): HistoryPlugin {
  const table = new CurveTable();
  return {
    name: "history",
    curves: () => table.curves(),
    onStep({ step, totalSteps, losses, scalars }: TrainStep) {
      if (step % every !== 0 && step !== totalSteps) return;
      for (const [phase, loss] of Object.entries(losses)) table.add(`loss.${phase}`, step, loss);
      for (const [name, value] of Object.entries(scalars)) table.add(name, step, value);
    },
    sideWork: () => [],
    state: () => table.state(),
    restore: (state) => table.restore(state),
  };
}
