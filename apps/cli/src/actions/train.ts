// Trains a recipe, draws its progress and sums it up.
import { onnxExecutor } from "@noisereel/compile";
import { ConfigError } from "@noisereel/core";
import { writeVideo } from "@noisereel/data";
import { parseSettings, type StagesSummary, type StageStep } from "@noisereel/trainer";
import { mpi, runPaths, runRecipe } from "@noisereel/trainer/node";
import { availableParallelism, cpus } from "node:os";
import path from "node:path";
import type { RecipeArguments } from "../commands/recipe-options.js";
import type { CommandContext } from "../context.js";
import { exitCodes, StoppedError } from "../errors.js";
import { alignColumns, formatNumber, formatSeconds } from "../format.js";
import type { WandbProject } from "../options.js";
import { showProgress } from "../progress.js";
import type { Terminal } from "../terminal.js";
import { estimateRecipe } from "./estimate.js";
import { loadRecipe } from "./load-recipe.js";
import { processThreads } from "./process-threads.js";
import { stageProgress } from "./stage-progress.js";

export interface TrainArguments extends RecipeArguments {
  readonly out?: string;
  readonly from?: string;
  readonly dryRun?: true;
  readonly fresh?: true;
  readonly keep: number;
  readonly tensorboard?: true;
  readonly wandb?: WandbProject;
  readonly mpi?: true;
}

export async function trainRecipe(given: string, options: TrainArguments, context: CommandContext): Promise<void> {
  if (options.from !== undefined && options.stage === undefined) {
    throw new ConfigError(`--from ${options.from} is for one stage; name it with --stage`);
  }
  if (options.dryRun === true) return estimateRecipe(given, options, context);
  const { signal } = context;
  const distributed = options.mpi === true ? await mpi() : undefined;
  const terminal = distributed === undefined || distributed.rank === 0 ? context.terminal : silent(context.terminal);
  const recipe = await loadRecipe(given, context);
  const folder = options.out ?? path.join("runs", recipe.name);
  const progress = showProgress(terminal);
  const stages = stageProgress(progress);
  const last = new Map<string, StageStep>();
  const steps = runRecipe({
    recipe,
    settings: parseSettings(options.set),
    folder,
    executor: onnxExecutor(distributed === undefined ? {} : { threads: ownThreads() }),
    stage: options.stage,
    from: options.from,
    fresh: options.fresh === true,
    tensorboard: options.tensorboard === true,
    wandb: options.wandb,
    keep: options.keep,
    clips: { extension: ".mp4", file: async (file, clip) => void (await writeVideo(file, clip)) },
    distributed,
    signal,
    onNote: (message) => progress.onEvent({ type: "note", message }),
    onStage: (name, { dropped }) => {
      for (const { id, reason } of dropped) {
        progress.onEvent({ type: "note", message: `${name}: clip ${id} is left out: ${reason}` });
      }
    },
  });
  let summary: StagesSummary;
  try {
    for (;;) {
      const next = await steps.next();
      if (next.done === true) {
        summary = next.value;
        break;
      }
      stages.step(next.value);
      last.set(next.value.stage, next.value);
    }
    await distributed?.close();
  } catch (error) {
    progress.close();
    if (!signal.aborted) throw error;
    throw stopped(folder);
  } finally {
    progress.close();
  }
  if (!summary.finished) throw stopped(folder);
  terminal.print();
  for (const line of alignColumns(resultRows(summary, last, folder))) terminal.print(line);
}

const ownThreads = (): number =>
  processThreads({ cores: cpus().length, own: availableParallelism(), environment: process.env });

function resultRows(summary: StagesSummary, last: ReadonlyMap<string, StageStep>, folder: string): string[][] {
  const rows = summary.skipped.map((name) => [name, "done before"]);
  for (const [name, stage] of Object.entries(summary.stages)) {
    const losses = Object.entries(last.get(name)?.losses ?? {}).map(
      ([phase, loss]) => `${phase} ${formatNumber(loss)}`,
    );
    const trouble = [
      ...(stage.skipped.length > 0 ? [`${stage.skipped.length} steps skipped`] : []),
      ...(stage.rollbacks > 0 ? [`${stage.rollbacks} rollbacks`] : []),
    ];
    const seconds = `${stage.step - stage.startedAt} steps in ${formatSeconds(stage.seconds)}`;
    rows.push([name, [seconds, ...losses, ...trouble].join(", ")]);
  }
  return [...rows, ["page", runPaths.page(folder)], ["models", path.join(folder, "models")]];
}

/** Only rank 0 speaks. */
function silent(terminal: Terminal): Terminal {
  return { ...terminal, print: () => undefined, note: () => undefined, interactive: false };
}

/** The run saved and can go on, so this is no failure. */
function stopped(folder: string): StoppedError {
  return new StoppedError(`Stopped and saved in ${folder}; the same command goes on from there.`, exitCodes.success);
}
