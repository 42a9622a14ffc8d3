// Measures a few steps of every stage and says what the run will take.
import { onnxExecutor } from "@noisereel/compile";
import { ConfigError } from "@noisereel/core";
import { parseSettings, recipeOptions, type StageEstimate } from "@noisereel/trainer";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { RecipeArguments } from "../commands/recipe-options.js";
import type { CommandContext } from "../context.js";
import { alignColumns, formatSeconds } from "../format.js";
import { loadRecipe } from "./load-recipe.js";

export interface EstimateArguments extends RecipeArguments {
  /** Timed steps of a stage. */
  readonly steps: number;
  /** Where a run that has begun may have left what later stages need. */
  readonly out?: string;
  /** Checkpoints of a stage that are kept. */
  readonly keep?: number;
  readonly json?: true;
}

export async function estimateRecipe(
  given: string,
  options: EstimateArguments,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const recipe = await loadRecipe(given, context);
  const checked = recipeOptions(recipe, parseSettings(options.set));
  // A dry run writes nothing; should a recipe do, then where nobody minds.
  const folder = options.out ?? (await mkdtemp(path.join(os.tmpdir(), "noisereel-estimate-")));
  const note = (message: string): void => terminal.note(message);
  const all = recipe.stages(checked, { folder: path.resolve(folder), executor: onnxExecutor(), note });
  const stages = options.stage === undefined ? all : all.filter(({ name }) => name === options.stage);
  if (stages.length === 0) {
    throw new ConfigError(
      `there is no stage "${options.stage}"; the stages are ${all.map(({ name }) => name).join(", ")}`,
    );
  }
  const found: Record<string, StageEstimate> = {};
  try {
    for (const stage of stages) {
      signal.throwIfAborted();
      terminal.note(`${stage.name}: measuring ${options.steps + 1} steps`);
      found[stage.name] = await stage.estimate({ steps: options.steps, memoryBytes: () => process.memoryUsage.rss() });
      if (options.json !== true) printStage(stage.name, found[stage.name]!, context, options.keep ?? 3);
    }
  } finally {
    if (options.out === undefined) await rm(folder, { recursive: true, force: true });
  }
  if (options.json === true) return terminal.print(JSON.stringify(found, null, 2));
  const seconds = Object.values(found).reduce((sum, { secondsTotal }) => sum + secondsTotal, 0);
  terminal.print(`all: ${formatSeconds(seconds)} of steps; encoding, samples and saving come on top`);
}

function printStage(name: string, stage: StageEstimate, { terminal }: CommandContext, keep: number): void {
  const { bytes, facts, dropped } = stage;
  const rows = [
    ...Object.entries(facts).map(([fact, value]) => [fact, String(value)]),
    ["parameters", stage.parameters.toLocaleString("en")],
    ["weights", mebibytes(bytes.weights)],
    ["optimizer", mebibytes(bytes.optimizer)],
    ["average", mebibytes(bytes.ema)],
    ["a step", bytes.working === undefined ? "not measured" : `${mebibytes(bytes.working)} of activations and graph`],
    ["process", bytes.peak === undefined ? "not measured" : `${mebibytes(bytes.peak)} at most`],
    [
      "time",
      `${stage.secondsPerStep.toFixed(3)} s a step, ${formatSeconds(stage.secondsToStart)} to start, ${formatSeconds(stage.secondsTotal)} in all`,
    ],
    [
      "disk",
      `${mebibytes(bytes.checkpoint)} a checkpoint, ${mebibytes(keep * bytes.checkpoint)} for the ${keep} that are kept`,
    ],
    ["left out", dropped.length === 0 ? "no clip" : `${dropped.length} clips`],
    ...dropped.map(({ id, reason }) => [`  ${id}`, reason]),
  ];
  terminal.print(name);
  for (const line of alignColumns(rows)) terminal.print(line);
  terminal.print();
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
