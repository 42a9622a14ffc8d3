// Runs a recipe in a folder: options, checkpoints, logs, clips and the page all find their place.
import { ConfigError, type JsonValue, type Tracker } from "@noisereel/core";
import { mkdir, readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { folderStore } from "../checkpoint/folder-store.js";
import type { Collective } from "../distributed/collective.js";
import { processGroup } from "../distributed/process-group.js";
import type { Recipe, RecipeContext } from "../recipe/recipe.js";
import { recipeOptions } from "../recipe/settings.js";
import { resolveStart } from "../recipe/start-from.js";
import { runStages, type StageAbout, type StagesSummary, type StageStep } from "../stages.js";
import { jsonlTracker } from "../trackers/jsonl.js";
import { tensorboardTracker } from "../trackers/tensorboard.js";
import { checkWandbKey } from "../trackers/wandb/tracker.js";
import { clipTracker, type ClipTrackerOptions } from "./clip-tracker.js";
import { writeRunPage } from "./page.js";
import { runPaths } from "./read-run.js";
import { readRunInfo, refuseOtherRun, type RunInfo, writeRunInfo } from "./run-info.js";
import { type RunOnWandb, type WandbOfRun, wandbOfRun } from "./wandb-run.js";

export interface RunRecipeOptions<Options> {
  readonly recipe: Recipe<Options>;
  /** Options of the recipe that are not its defaults. */
  readonly settings?: { readonly [key: string]: JsonValue } | undefined;
  /** Where everything goes. */
  readonly folder: string;
  readonly executor: RecipeContext["executor"];
  /** One stage alone. Default all. */
  readonly stage?: string | undefined;
  /** Where that stage starts from: a stage, or a folder with checkpoints. Default what the recipe says. */
  readonly from?: string | undefined;
  /** Remove what a run left in the folder and begin again. Default false: it goes on. */
  readonly fresh?: boolean | undefined;
  /** Also write TensorBoard's event files, to `tensorboard/`. Default false. */
  readonly tensorboard?: boolean | undefined;
  /**
   * Also send losses and clips to Weights & Biases, one run for each stage, when a checkpoint holds them. What was told and
   * not sent waits in `wandb/`. Default false.
   */
  readonly wandb?: RunOnWandb | undefined;
  /** How sampled clips are written. Default as animated PNG files. */
  readonly clips?: ClipTrackerOptions["write"];
  /** Checkpoints of a stage to keep. Default 3. */
  readonly keep?: number | undefined;
  /** Seconds between two writings of the page. Default 15. */
  readonly pageSeconds?: number | undefined;
  readonly distributed?: Collective | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((message: string) => void) | undefined;
  readonly onStage?: ((stage: string, about: StageAbout) => void) | undefined;
}

/**
 * Yields every step of every stage. Called again with the same options it goes on where it stopped. Throws ConfigError when
 * the folder holds another run, or Weights & Biases does not know the key, before anything is written.
 */
export async function* runRecipe<Options>(
  options: RunRecipeOptions<Options>,
): AsyncGenerator<StageStep, StagesSummary, void> {
  const { recipe, executor, signal, distributed, onNote = () => undefined } = options;
  const folder = path.resolve(options.folder);
  const checked = recipeOptions(recipe, options.settings ?? {});
  const stages = recipe.stages(checked, { folder, executor, note: onNote });
  const from =
    options.from === undefined
      ? undefined
      : await resolveStart(
          options.from,
          stages.map(({ name }) => name),
        );
  const stored = JSON.parse(JSON.stringify(checked)) as JsonValue;
  const group = processGroup(distributed, () => []);
  let info = await group.inTurn(async (first) => {
    if (first && options.wandb !== undefined) await checkWandbKey(options.wandb);
    const opened = await openFolder(folder, { ...options, fresh: first && options.fresh === true }, stored, stages);
    if (first) await writeRunInfo(folder, opened);
    return opened;
  });
  const wandb =
    options.wandb === undefined || !group.isFirst
      ? undefined
      : await wandbOfRun({
          folder,
          given: options.wandb,
          config: { recipe: recipe.name, options: stored, ...info.environment },
          clipExtension: options.clips?.extension,
          onNote,
        });
  const change = async (values: Partial<RunInfo>): Promise<void> => {
    info = { ...info, ...values, updated: new Date().toISOString() };
    if (group.isFirst) await writeRunInfo(folder, info);
  };
  await change({ status: "running", message: null });

  const steps = runStages({
    stages,
    store: (name) => folderStore(runPaths.checkpoints(folder, name), { keep: options.keep ?? 3 }),
    only: options.stage,
    from,
    signal,
    extend: async (name) => ({
      trackers: group.isFirst ? await trackersOf(folder, name, options, wandb) : [],
      measure: () => ({ rssBytes: process.memoryUsage.rss() }),
      distributed,
      onOpen(about) {
        info = { ...info, about: { ...info.about, [name]: about } };
        options.onStage?.(name, about);
      },
    }),
  });
  let written = performance.now();
  let ended: RunInfo["status"] = "stopped";
  let message: string | null = null;
  try {
    for (;;) {
      const next = await steps.next();
      if (next.done === true) {
        const everyStage = options.stage === undefined || stages.length === 1;
        if (next.value.finished) ended = everyStage ? "finished" : "stopped";
        await wandb?.end(next.value.finished ? 0 : 255);
        for (const name of next.value.skipped) await wandb?.finish(name);
        return next.value;
      }
      if (group.isFirst && performance.now() - written > 1000 * (options.pageSeconds ?? 15)) {
        await change({});
        await writeRunPage(folder);
        written = performance.now();
      }
      yield next.value;
    }
  } catch (error) {
    if (signal?.aborted !== true) {
      ended = "failed";
      message = (error as Error).message;
    }
    throw error;
  } finally {
    await steps.return(undefined as never);
    await wandb?.end(ended === "failed" ? 1 : 255);
    await change({ status: ended, message });
    if (group.isFirst) await writeRunPage(folder);
  }
}

async function trackersOf<Options>(
  folder: string,
  stage: string,
  options: RunRecipeOptions<Options>,
  wandb: WandbOfRun | undefined,
): Promise<Tracker[]> {
  const trackers = [
    jsonlTracker(runPaths.log(folder, stage)),
    clipTracker(runPaths.clips(folder, stage), { write: options.clips }),
  ];
  if (options.tensorboard === true)
    trackers.push(tensorboardTracker(path.join(folder, "tensorboard"), { prefix: stage }));
  if (wandb !== undefined) trackers.push(await wandb.begin(stage)); // after the clips: it sends their files
  return trackers;
}

/** Checks the folder against the run, empties it if asked, and returns what it says of itself. */
async function openFolder<Options>(
  folder: string,
  { recipe, fresh = false, distributed }: RunRecipeOptions<Options>,
  stored: JsonValue,
  stages: readonly { readonly name: string; readonly from: string | undefined }[],
): Promise<RunInfo> {
  const found = await readRunInfo(folder);
  if (found === undefined) {
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    if (names.length > 0) throw new ConfigError(`${folder} is not empty and holds no run; use another folder`);
  } else if (!fresh) {
    refuseOtherRun(folder, found, recipe.name, stored);
    return found;
  }
  if (fresh) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const now = new Date().toISOString();
  return {
    version: 1,
    recipe: recipe.name,
    options: stored,
    stages: stages.map(({ name, from }) => ({ name, from: from ?? null })),
    status: "running",
    message: null,
    started: now,
    updated: now,
    about: {},
    environment: {
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      cores: availableParallelism(),
      processes: distributed?.size ?? 1,
    },
  };
}
