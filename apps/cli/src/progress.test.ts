import type { RecipeEvent } from "@noisereel/recipes";
import { expect, it } from "vitest";
import { recordedTerminal } from "../test/fakes.js";
import { showProgress } from "./progress.js";

const start: RecipeEvent = {
  type: "phase-start",
  phase: "vae",
  title: "Training the autoencoder",
  unit: "steps",
  count: 100,
  done: 20,
};
const progress = (done: number): RecipeEvent => ({
  type: "phase-progress",
  phase: "vae",
  done,
  count: 100,
  etaSeconds: 65,
  values: { loss: 0.25 },
});
const end: RecipeEvent = { type: "phase-end", phase: "vae", seconds: 130, skipped: false };

it("writes a line every few seconds where there is no terminal", () => {
  const terminal = recordedTerminal();
  let time = 0;
  const view = showProgress(terminal, { lineInterval: 10, now: () => time });
  view.onEvent(start);
  for (let done = 21; done <= 100; done++) {
    time += 500;
    view.onEvent(progress(done));
  }
  view.onEvent({ type: "note", message: "clip 7 was dropped: it is empty" });
  view.onEvent(end);
  view.close();
  expect(terminal.noted).toEqual([
    "Training the autoencoder: 100 steps, 20 of them done before",
    "   40 %  40/100 steps  1:05 left  loss 0.2500",
    "   60 %  60/100 steps  1:05 left  loss 0.2500",
    "   80 %  80/100 steps  1:05 left  loss 0.2500",
    "  note: clip 7 was dropped: it is empty",
    "✓ Training the autoencoder: 100 steps in 2:10  loss 0.2500",
  ]);
  expect(terminal.drawn()).toBe("");
});

it("draws one bar with ETA and values that fits the terminal", () => {
  const terminal = recordedTerminal({ interactive: true });
  const view = showProgress(terminal);
  view.onEvent(start);
  view.onEvent(progress(50));
  view.onEvent({ type: "note", message: "half" });
  view.onEvent(end);
  view.close();
  expect(terminal.drawn()).toContain("Training the autoencoder  ████░░░░░░░░░░░░░░░░   20 %  20/100 steps");
  expect(terminal.drawn()).toContain("██████████░░░░░░░░░░   50 %  50/100 steps  1:05 left  loss 0.2500");
  expect(terminal.noted.at(-1)).toMatch(/^✓ Training the autoencoder: 100 steps in 2:10/);
});

it("says which phases an earlier run finished", () => {
  const terminal = recordedTerminal();
  showProgress(terminal).onEvent({ type: "phase-end", phase: "clips", seconds: 3, skipped: true });
  expect(terminal.noted).toEqual(["✓ clips: done before"]);
});
