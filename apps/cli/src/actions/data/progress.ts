// Clips that are worked on, as the bar that runs show too.
import type { CallOptions } from "@noisereel/core";
import { exitCodes, StoppedError } from "../../errors.js";
import type { CommandContext } from "../../context.js";
import { showProgress } from "../../progress.js";

/** Runs `work` under a bar of `title`. An abort becomes a sentence: `stopped`. */
export async function withProgress<Result>(
  context: CommandContext,
  options: { readonly title: string; readonly count: number; readonly stopped: string },
  work: (call: CallOptions) => Promise<Result>,
): Promise<Result> {
  const { title, count, stopped } = options;
  const { terminal, signal } = context;
  const view = showProgress(terminal);
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  view.onEvent({ type: "phase-start", phase: title, title, unit: "clips", count, done: 0 });
  try {
    const result = await work({
      signal,
      onProgress(event) {
        if (event.type !== "clip") return;
        const done = event.index;
        const etaSeconds = done > 1 ? (seconds() / done) * (count - done) : undefined;
        view.onEvent({ type: "phase-progress", phase: title, done, count, etaSeconds, values: {} });
      },
    });
    view.onEvent({ type: "phase-end", phase: title, seconds: seconds(), skipped: false });
    return result;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new StoppedError(stopped, exitCodes.interrupted);
  } finally {
    view.close();
  }
}
