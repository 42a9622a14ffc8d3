// The command line of an experiment: `[--out FOLDER] [--fresh]`, progress to the terminal, stopped by Ctrl-C.
import { enableProdMode } from "@tensorflow/tfjs";
import { parseArgs } from "node:util";
import type { RecipeEvent } from "../run/events.js";

export interface ExperimentCall {
  readonly folder: string;
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RecipeEvent) => void;
}

/** Reads the command line; what it names instead of `folder`, and what shows a run's events. */
export function experimentCall(folder: string): ExperimentCall {
  const { values } = parseArgs({
    options: { out: { type: "string", default: folder }, fresh: { type: "boolean", default: false } },
  });
  enableProdMode();
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort(new Error("stopped; the same command goes on from here")));
  return { folder: values.out, fresh: values.fresh, signal: controller.signal, onEvent: eventPrinter() };
}

/** Prints phases, and their progress every ten seconds. */
export function eventPrinter(): (event: RecipeEvent) => void {
  let shown = 0;
  return (event) => {
    if (event.type === "note") console.log(event.message);
    if (event.type === "phase-start") console.log(`${event.title}: ${event.count} ${event.unit}`);
    if (event.type === "phase-end" && !event.skipped) console.log(`  ${event.seconds.toFixed(0)} s`);
    if (event.type !== "phase-progress" || performance.now() - shown < 10_000) return;
    shown = performance.now();
    const left = event.etaSeconds === undefined ? "" : `, ${event.etaSeconds.toFixed(0)} s left`;
    const loss = event.values["loss"];
    console.log(`  ${event.done}/${event.count}${left}${loss === undefined ? "" : `, loss ${loss.toFixed(4)}`}`);
  };
}
