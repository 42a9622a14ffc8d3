// The loss of every step, kept in the checkpoints so that a resumed run draws the whole curve.
import { storeFloats, toFloat32 } from "@noisereel/core";
import type { TrainerPlugin } from "@noisereel/core";

export interface HistoryPlugin extends TrainerPlugin {
  /** The first phase's loss, step by step. */
  losses(): readonly number[];
}

export function historyPlugin(): HistoryPlugin {
  let losses: number[] = [];
  return {
    name: "history",
    losses: () => losses,
    onStep(step) {
      losses.push(Object.values(step.losses)[0]!);
    },
    state: () => ({
      tensors: new Map([["losses", storeFloats(Float32Array.from(losses), [losses.length])]]),
      meta: {},
    }),
    restore({ tensors }) {
      losses = [...toFloat32(tensors.get("losses")!)];
    },
  };
}
