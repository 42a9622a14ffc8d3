// Measures a few steps of every stage and says what the run will take.
import { onnxExecutor } from "@noisereel/compile";
import { ConfigError } from "@noisereel/core";
import { parseSettings, type Recipe, recipeOptions, type Stage, type StageEstimate } from "@noisereel/trainer";
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
      const measure = async (set: readonly string[]): Promise<StageEstimate> => {
        signal.throwIfAborted();
        const own: Measurement = {
          given,
          recipe,
          stage: name,
          set,
          steps: options.steps,
          folder: path.resolve(folder),
        };
        return options.here === true || context.runSelf === undefined
          ? measureHere(own, context)
          : measureApart(own, context.runSelf, signal);
      };
      terminal.note(`${name}: measuring ${options.steps + 1} steps`);
      const kept = await measure(options.set);
      const other = options.here === true ? undefined : otherWay(recipe, settings, recomputeOption);
      found[name] = {
        ...kept,
        ...(other === undefined ? {} : { [other.key]: await measure([...options.set, other.set]) }),
      };
      if (options.json !== true) printStage(name, found[name], context, options.keep ?? 3);
    }
  } finally {
    if (options.out === undefined) await rm(folder, { recursive: true, force: true });
  }
  if (options.json === true) return terminal.print(JSON.stringify(found, null, 2));
  const seconds = Object.values(found).reduce((sum, { secondsTotal }) => sum + secondsTotal, 0);
  terminal.print(`all: ${formatSeconds(seconds)} of steps; encoding, samples and saving come on top`);
}

/** A stage as the run would be, and the other way round with or without recomputation. */
export interface StageEstimates extends StageEstimate {
  readonly withRecompute?: StageEstimate;
  readonly withoutRecompute?: StageEstimate;
}

interface Measurement {
  readonly given: string;
  readonly recipe: Recipe<unknown>;
  readonly stage: string;
  readonly set: readonly string[];
  readonly steps: number;
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

async function measureHere(own: Measurement, { terminal }: CommandContext): Promise<StageEstimate> {
  const stages = makeStages(own.recipe, parseSettings(own.set), own.folder, (message) => terminal.note(message));
  const stage = stages.find(({ name }) => name === own.stage)!;
  return stage.estimate({ steps: own.steps, memoryBytes: () => process.memoryUsage.rss() });
}

async function measureApart(
  { given, stage, set, steps, folder }: Measurement,
  run: NonNullable<CommandContext["runSelf"]>,
  signal: AbortSignal,
): Promise<StageEstimate> {
  const settings = set.flatMap((one) => ["--set", one]);
  const args = ["estimate", given, "--here", "--json", "--stage", stage, "--steps", String(steps), "--out", folder];
  const answer = JSON.parse(await run([...args, ...settings], { signal })) as Readonly<Record<string, StageEstimate>>;
  return answer[stage]!;
}

function printStage(name: string, stage: StageEstimates, { terminal }: CommandContext, keep: number): void {
  const { bytes, facts, dropped } = stage;
  const rows = [
    ...Object.entries(facts).map(([fact, value]) => [fact, String(value)]),
    ["parameters", stage.parameters.toLocaleString("en")],
    ["weights", mebibytes(bytes.weights)],
    ["optimizer", mebibytes(bytes.optimizer)],
    ["average", mebibytes(bytes.ema)],
    ["a step", bytes.working === undefined ? "not measured" : `${mebibytes(bytes.working)} of activations and graph`],
    ...recomputeRows(stage),
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

/** What a step takes the other way. */
function recomputeRows({ withRecompute, withoutRecompute }: StageEstimates): string[][] {
  const rows = [
    ["  recomputing", withRecompute],
    ["  keeping all", withoutRecompute],
  ] as const;
  return rows.flatMap(([name, stage]) =>
    stage?.bytes.working === undefined
      ? []
      : [[name, `${mebibytes(stage.bytes.working)}, ${stage.secondsPerStep.toFixed(3)} s a step`]],
  );
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
