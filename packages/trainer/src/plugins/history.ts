// The curves of a run, kept in its checkpoints, for a report.
import {
  type Checkpoint,
  CheckpointError,
  type StoredTensor,
  type TrainerPlugin,
  type TrainStep,
} from "@noisereel/core";

export interface HistoryOptions {
  /** Steps between two entries. Default 1. */
  readonly every?: number;
}

export interface Curve {
  /** From 1. */
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

export interface HistoryPlugin extends TrainerPlugin {
  /** By name: `loss.<phase>` and the step's scalars. */
  curves(): Readonly<Record<string, Curve>>;
}

/** Collects losses and scalars of every `every`-th step. A resumed run goes on with the curves of its checkpoint. */
export function historyPlugin({ every = 1 }: HistoryOptions = {}): HistoryPlugin {
  let curves = new Map<string, { readonly steps: number[]; readonly values: number[] }>();
  const add = (name: string, step: number, value: number): void => {
    if (!curves.has(name)) curves.set(name, { steps: [], values: [] });
    const curve = curves.get(name)!;
    curve.steps.push(step);
    curve.values.push(value);
  };
  return {
    name: "history",
    curves: () => Object.fromEntries(curves),
    onStep({ step, totalSteps, losses, scalars }: TrainStep) {
      if (step % every !== 0 && step !== totalSteps) return;
      for (const [phase, loss] of Object.entries(losses)) add(`loss.${phase}`, step, loss);
      for (const [name, value] of Object.entries(scalars)) add(name, step, value);
    },
    state(): Checkpoint {
      const tensors = new Map<string, StoredTensor>();
      for (const [name, { steps, values }] of curves) {
        tensors.set(`steps.${name}`, storeDoubles(steps));
        tensors.set(`values.${name}`, storeDoubles(values));
      }
      return { tensors, meta: { names: [...curves.keys()] } };
    },
    restore({ tensors, meta }) {
      const read = (name: string): number[] => {
        const stored = tensors.get(name);
        if (stored === undefined) throw new CheckpointError(`the history has no ${name}; the checkpoint is damaged`);
        return [...new Float64Array(stored.bytes.slice().buffer)];
      };
      curves = new Map(
        (meta["names"] as readonly string[]).map((name) => [
          name,
          { steps: read(`steps.${name}`), values: read(`values.${name}`) },
        ]),
      );
    },
  };
}

function storeDoubles(values: readonly number[]): StoredTensor {
  return { dtype: "F64", shape: [values.length], bytes: new Uint8Array(Float64Array.from(values).buffer) };
}
