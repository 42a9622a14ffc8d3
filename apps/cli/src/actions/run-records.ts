// What `noisereel runs` prints of the folders of runs.
import { ConfigError } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import {
  comparePageHtml,
  folderStore,
  listRuns,
  readRun,
  runPaths,
  type RunRecord,
  type StageRecord,
  writeRunPage,
} from "@noisereel/trainer/node";
import path from "node:path";
import type { CommandContext } from "../context.js";
import { alignColumns, formatNumber } from "../format.js";

/** One line for each run. */
export async function showRuns(folder: string, { terminal }: CommandContext): Promise<void> {
  const found = await listRuns(folder);
  if (found.length === 0) {
    throw new ConfigError(`${folder} holds no runs; make one with \`noisereel train\`, or name another folder`);
  }
  const rows = [["RUN", "RECIPE", "STATUS", "LAST CHANGE", "STAGES"]];
  for (const one of found) {
    const { info, stages } = await readRun(one);
    const steps = stages.map(({ name, step }) => `${name} ${step}`).join(", ");
    rows.push([one, info.recipe, info.status, info.updated.slice(0, 16).replace("T", " "), steps || "none"]);
  }
  for (const line of alignColumns(rows, "")) terminal.print(line);
}

/** A run in a screenful. */
export async function showRun(
  folder: string,
  { html }: { readonly html?: true },
  { terminal }: CommandContext,
): Promise<void> {
  const run = await readRun(folder);
  const { info } = run;
  const rows = [
    ["recipe", info.recipe],
    ["status", info.message === null ? info.status : `${info.status}: ${info.message}`],
    ["begun", info.started],
    ["last change", info.updated],
  ];
  for (const line of alignColumns(rows)) terminal.print(line);
  for (const stage of run.stages) {
    terminal.print();
    terminal.print(`${stage.name}, step ${stage.step}`);
    const checkpoints = (await folderStore(runPaths.checkpoints(folder, stage.name)).inspect()).map(
      ({ id, problem }) => (problem === undefined ? id : `${id} (damaged: ${problem})`),
    );
    const stageRows = [
      ...Object.entries(info.about[stage.name]?.facts ?? {}).map(([name, value]) => [name, String(value)]),
      ...lossRows(stage),
      ["checkpoints", checkpoints.join(", ") || "none"],
      ...(info.about[stage.name]?.dropped ?? []).map(({ id, reason }) => [`left out ${id}`, reason]),
    ];
    for (const line of alignColumns(stageRows)) terminal.print(line);
  }
  terminal.print();
  terminal.print(html === true ? await writeRunPage(folder) : runPaths.page(folder));
}

/** A table for each stage that two or more runs have, with their options that differ. */
export async function compareRuns(
  folders: readonly string[],
  { html }: { readonly html?: string },
  { terminal }: CommandContext,
): Promise<void> {
  if (folders.length < 2) throw new ConfigError(`${folders.join(", ")} is one run; name two or more to compare`);
  const runs: RunRecord[] = [];
  for (const folder of folders) runs.push(await readRun(folder));
  const names = folders.map((folder) => path.basename(path.resolve(folder)));
  const rows: string[][] = [["", ...names]];
  for (const [name, values] of differingOptions(runs)) rows.push([name, ...values]);
  for (const stage of new Set(runs.flatMap((run) => run.stages.map((one) => one.name)))) {
    const records = runs.map((run) => run.stages.find((one) => one.name === stage));
    rows.push([stage, ...records.map((record) => (record === undefined ? "-" : `step ${record.step}`))]);
    const keys = new Set(
      records.flatMap((record) => (record === undefined ? [] : lossRows(record).map(([key]) => key!))),
    );
    for (const key of keys) {
      const cells = records.map((record) =>
        record === undefined ? "-" : (lossRows(record).find(([own]) => own === key)?.[1] ?? "-"),
      );
      rows.push([`  ${key}`, ...cells]);
    }
  }
  for (const line of alignColumns(rows, "")) terminal.print(line);
  if (html === undefined) return;
  await writeFileAtomically(html, comparePageHtml(runs));
  terminal.print(html);
}

/** First and last value of every loss; the training loss as the mean of its last steps, because single ones are noise. */
function lossRows({ curves }: StageRecord): string[][] {
  return Object.entries(curves)
    .filter(([name]) => name.startsWith("loss.") || /^heldOut\w*\.\w+$/.test(name))
    .map(([name, { values }]) => {
      const window = name.startsWith("loss.") ? Math.max(1, Math.round(values.length / 20)) : 1;
      const mean = (part: readonly number[]): number => part.reduce((sum, value) => sum + value, 0) / part.length;
      return [name, `${formatNumber(mean(values.slice(0, window)))} → ${formatNumber(mean(values.slice(-window)))}`];
    });
}

function differingOptions(runs: readonly RunRecord[]): [string, string[]][] {
  const flat = runs.map(({ info }) => new Map(leaves(info.options, "")));
  const names = new Set(flat.flatMap((options) => [...options.keys()]));
  return [...names]
    .map((name): [string, string[]] => [name, flat.map((options) => options.get(name) ?? "not set")])
    .filter(([, values]) => new Set(values).size > 1);
}

function* leaves(value: unknown, name: string): Generator<[string, string]> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield [name, JSON.stringify(value)];
    return;
  }
  for (const [key, inner] of Object.entries(value)) yield* leaves(inner, name === "" ? key : `${name}.${key}`);
}
