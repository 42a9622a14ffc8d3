// Steps of stages as the progress events that every long command draws.
import type { StageStep } from "@noisereel/trainer";
import type { ProgressView } from "../progress.js";

export interface StageProgress {
  step(step: StageStep): void;
}

export function stageProgress(view: ProgressView): StageProgress {
  let current: { readonly name: string; readonly from: number; readonly at: number } | undefined;
  let began = 0;
  const end = (): void => {
    if (current === undefined) return;
    const seconds = (performance.now() - began) / 1000;
    view.onEvent({ type: "phase-end", phase: current.name, seconds, skipped: false });
    current = undefined;
  };
  return {
    step({ stage, step, totalSteps, losses, seconds }) {
      if (current?.name !== stage) {
        end();
        const done = step - 1;
        began = performance.now() - seconds * 1000;
        view.onEvent({ type: "phase-start", phase: stage, title: stage, unit: "steps", count: totalSteps, done });
        // The first step compiles and would spoil the estimate.
        current = { name: stage, from: step, at: performance.now() };
      }
      const pace = (performance.now() - current.at) / 1000 / (step - current.from);
      const etaSeconds = step > current.from ? pace * (totalSteps - step) : undefined;
      const values = Object.fromEntries(Object.entries(losses).map(([phase, loss]) => [`loss.${phase}`, loss]));
      view.onEvent({ type: "phase-progress", phase: stage, done: step, count: totalSteps, etaSeconds, values });
      if (step === totalSteps) end();
    },
  };
}
