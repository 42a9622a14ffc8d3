// Measures a few steps of every stage and says what the run will take.
import { onnxExecutor } from "@noisereel/compile";
import { ConfigError } from "@noisereel/core";
import { writeVideo } from "@noisereel/data";
import { parseSettings, type Recipe, recipeOptions, type Stage, type StageEstimate } from "@noisereel/trainer";
import { clipTracker, folderStore } from "@noisereel/trainer/node";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { RecipeArguments } from "../commands/recipe-options.js";
import type { CommandContext } from "../context.js";
import { alignColumns } from "../format.js";
import { estimateRows, type StageEstimates, totalLine } from "./estimate-rows.js";
import { loadRecipe } from "./load-recipe.js";

export interface EstimateArguments extends RecipeArguments {
  /** Timed steps of a stage. Default until they have settled. */
  readonly steps?: number;
  /** Leaves out what a run does beside its steps. */
  readonly stepsOnly?: true;
  /** Where a run that has begun may have left what later stages need. */
  readonly out?: string;
  /** Checkpoints of a stage that are kept. */
  readonly keep?: number;
  readonly json?: true;
  /** Measures in this process, and the recipe's way only: what a process of its own is told. */
  readonly here?: true;
}

type Settings = ReturnType<typeof parseSettings>;

export async function estimateRecipe(
  given: string,
  options: EstimateArguments,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const recipe = await loadRecipe(given, context);
  const settings = parseSettings(options.set);
  // A dry run writes nothing; should a recipe do, then where nobody minds.
  const folder = options.out ?? (await mkdtemp(path.join(os.tmpdir(), "noisereel-estimate-")));
  const found: Record<string, StageEstimates> = {};
  try {
    for (const { name, recomputeOption } of chosenStages(recipe, settings, options.stage)) {
      const measure = async (set: readonly string[], stepsOnly: boolean): Promise<StageEstimate> => {
        signal.throwIfAborted();
        const own: Measurement = {
          given,
          recipe,
          stage: name,
          set,
          steps: options.steps,
          stepsOnly,
          folder: path.resolve(folder),
        };
        return options.here === true || context.runSelf === undefined
          ? measureHere(own, context)
          : measureApart(own, context.runSelf, signal);
      };
      terminal.note(`${name}: measuring`);
      const kept = await measure(options.set, options.stepsOnly === true);
      const other = options.here === true ? undefined : otherWay(recipe, settings, recomputeOption);
      found[name] = {
        ...kept,
        ...(other === undefined ? {} : { [other.key]: await measure([...options.set, other.set], true) }),
      };
      if (options.json === true) continue;
      terminal.print(name);
      for (const line of alignColumns(estimateRows(found[name], options.keep ?? 3))) terminal.print(line);
      terminal.print();
    }
  } finally {
    if (options.out === undefined) await rm(folder, { recursive: true, force: true });
  }
  if (options.json === true) return terminal.print(JSON.stringify(found, null, 2));
  terminal.print(totalLine(Object.values(found)));
}

interface Measurement {
  readonly given: string;
  readonly recipe: Recipe<unknown>;
  readonly stage: string;
  readonly set: readonly string[];
  readonly steps: number | undefined;
  readonly stepsOnly: boolean;
  readonly folder: string;
}

function makeStages(recipe: Recipe<unknown>, settings: Settings, folder: string, note: (message: string) => void) {
  return recipe.stages(recipeOptions(recipe, settings), { folder, executor: onnxExecutor(), note });
}

function chosenStages(recipe: Recipe<unknown>, settings: Settings, only: string | undefined): readonly Stage[] {
  const stages = makeStages(recipe, settings, path.resolve("."), () => undefined);
  const chosen = only === undefined ? stages : stages.filter(({ name }) => name === only);
  if (chosen.length > 0) return chosen;
  throw new ConfigError(`there is no stage "${only}"; the stages are ${stages.map(({ name }) => name).join(", ")}`);
}

/** The setting that turns recomputation the other way, when the recipe has one. */
function otherWay(
  recipe: Recipe<unknown>,
  settings: Settings,
  option: string | undefined,
): { readonly set: string; readonly key: "withRecompute" | "withoutRecompute" } | undefined {
  if (option === undefined) return undefined;
  const checked = recipeOptions(recipe, settings);
  const value = option
    .split(".")
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], checked);
  if (typeof value !== "boolean")
    throw new ConfigError(`recipe option ${option} is ${String(value)}; it has to be a boolean`);
  return { set: `${option}=${!value}`, key: value ? "withoutRecompute" : "withRecompute" };
}

/** What the stage would write, checkpoints and sampled clips, goes to a temporary folder for as long. */
async function measureHere(own: Measurement, { terminal, signal }: CommandContext): Promise<StageEstimate> {
  const stages = makeStages(own.recipe, parseSettings(own.set), own.folder, (message) => terminal.note(message));
  const stage = stages.find(({ name }) => name === own.stage)!;
  const scratch = await mkdtemp(path.join(os.tmpdir(), "noisereel-scratch-"));
  const write = {
    extension: ".mp4",
    file: async (file: string, clip: Parameters<typeof writeVideo>[1]) => void (await writeVideo(file, clip)),
  };
  try {
    return await stage.estimate({
      steps: own.steps,
      sideWork: !own.stepsOnly,
      scratch: folderStore(path.join(scratch, "checkpoints")),
      trackers: [clipTracker(path.join(scratch, "clips"), { write })],
      memoryBytes: () => process.memoryUsage.rss(),
      signal,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function measureApart(
  { given, stage, set, steps, stepsOnly, folder }: Measurement,
  run: NonNullable<CommandContext["runSelf"]>,
  signal: AbortSignal,
): Promise<StageEstimate> {
  const settings = set.flatMap((one) => ["--set", one]);
  const how = [...(steps === undefined ? [] : ["--steps", String(steps)]), ...(stepsOnly ? ["--steps-only"] : [])];
  const args = ["estimate", given, "--here", "--json", "--stage", stage, "--out", folder, ...how, ...settings];
  const answer = JSON.parse(await run(args, { signal })) as Readonly<Record<string, StageEstimate>>;
  return answer[stage]!;
}
