// A run, or several, as one HTML file with everything in it: curves, clips, options.
import { writeFileAtomically } from "@noisereel/core/node";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { escapeHtml, lineChart, type Series, shortNumber } from "./chart.js";
import { readRun, runPaths, type RunRecord, type StageRecord } from "./read-run.js";
import { pageStyle } from "./page-style.js";

/** Writes `run.html` into a run's folder, from what lies there. Returns its path. */
export async function writeRunPage(folder: string): Promise<string> {
  const file = runPaths.page(folder);
  await writeFileAtomically(file, await runPageHtml(await readRun(folder)));
  return file;
}

/** One run. While it is running the page loads itself again every 15 seconds. */
export async function runPageHtml(run: RunRecord): Promise<string> {
  const { info, stages } = run;
  const sections: string[] = [];
  for (const stage of stages) {
    const dropped = info.about[stage.name]?.dropped ?? [];
    sections.push(
      section(
        stage.name,
        facts(info.about[stage.name]?.facts ?? {}),
        `<div class="charts">${stageCharts(stage).join("")}</div>`,
        list(
          "Left out",
          dropped.map(({ id, reason }) => `${id}: ${reason}`),
        ),
        await clipTable(stage),
      ),
    );
  }
  return document(
    `${path.basename(run.folder)}: ${info.recipe}`,
    info.status === "running",
    [
      facts({ status: info.status, begun: info.started, "last change": info.updated, ...info.environment }),
      info.message === null ? "" : `<p class="problem">${escapeHtml(info.message)}</p>`,
      `<section><h2>Held-out loss of all stages</h2><div class="charts">${heldOutCharts([run]).join("")}</div></section>`,
      ...stages.map((stage) => comparison(run, stage)),
      ...sections,
      `<details><summary>Options</summary><pre>${escapeHtml(JSON.stringify(info.options, null, 2))}</pre></details>`,
    ].join("\n"),
  );
}

/** Several runs beside each other. */
export function comparePageHtml(runs: readonly RunRecord[]): string {
  const names = [...new Set(runs.flatMap(({ stages }) => stages.map(({ name }) => name)))];
  const sections = names.map((name) => {
    const having = runs.flatMap((run) => {
      const stage = run.stages.find((one) => one.name === name);
      return stage === undefined ? [] : [{ label: path.basename(run.folder), stage }];
    });
    const keys = [...new Set(having.flatMap(({ stage }) => Object.keys(stage.curves)))].filter(isCompared);
    const charts = keys.map((key) => {
      const series = having.flatMap(({ label, stage }) => seriesOf(stage, key, label));
      return lineChart({ title: key, series, log: isLoss(key) });
    });
    return section(name, `<div class="charts">${charts.join("")}</div>`);
  });
  return document(runs.map(({ folder }) => path.basename(folder)).join(" and "), false, sections.join("\n"));
}

const isLoss = (key: string): boolean => key.startsWith("loss.") || key.startsWith("heldOut");
const isCompared = (key: string): boolean => isLoss(key) || key.startsWith("gradientNorm.") || key === "seconds";

/** The held-out loss of each phase over all stages, stage by stage in one chart. */
function heldOutCharts(runs: readonly RunRecord[]): string[] {
  const stages = runs.flatMap((run) => run.stages);
  const keys = [...new Set(stages.flatMap(({ curves }) => Object.keys(curves)))].filter((key) =>
    /^heldOut(\w*)\.\w+$/.test(key),
  );
  return keys.map((key) =>
    lineChart({ title: key, log: true, series: stages.flatMap((stage) => seriesOf(stage, key, stage.name)) }),
  );
}

/** The held-out losses of two stages of equal budget against the share of it that was spent, or "". */
function comparison({ info, stages }: RunRecord, stage: StageRecord): string {
  const { compare } = info.about[stage.name] ?? {};
  const other = stages.find(({ name }) => name === compare?.stage);
  if (compare === undefined || other === undefined) return "";
  const keys = Object.keys(stage.curves).filter((key) => /^heldOut(\w*)\.\w+$/.test(key) && key in other.curves);
  const percent = (one: StageRecord, key: string): Series[] =>
    seriesOf(one, key, one.name).map(({ name, curve }) => ({
      name,
      curve: {
        ...curve,
        steps: curve.steps.map((step) => (100 * step) / (info.about[one.name]?.totalSteps ?? one.step)),
      },
    }));
  const charts = keys.map((key) =>
    lineChart({
      title: `${key}, by percent of the budget`,
      log: true,
      series: [other, stage].flatMap((one) => percent(one, key)),
    }),
  );
  const ends = keys.map((key) => {
    const [there, here] = [other, stage].map((one) => shortNumber(one.curves[key]!.values.at(-1)!));
    return `${key}: ${other.name} ends at ${there}, ${stage.name} at ${here}`;
  });
  return section(compare.title, `<div class="charts">${charts.join("")}</div>`, list("At the last step", ends));
}

function stageCharts(stage: StageRecord): string[] {
  const keys = Object.keys(stage.curves);
  const having = (pattern: RegExp): Series[] =>
    keys.filter((key) => pattern.test(key)).flatMap((key) => seriesOf(stage, key, key));
  const scaled = (key: string, name: string, factor: number): Series[] =>
    seriesOf(stage, key, name).map(({ curve, ...rest }) => ({
      ...rest,
      curve: { ...curve, values: curve.values.map((value) => value * factor) },
    }));
  const known = /^(loss\.|heldOut|gradientNorm\.|learningRate\.|seconds$|dataSeconds$|tensors$|rssBytes$|finite$)/;
  const others = keys.filter((key) => !known.test(key));
  return [
    lineChart({ title: "Training loss", log: true, series: having(/^loss\./) }),
    lineChart({ title: "Held-out loss by timestep", log: true, series: having(/^heldOut\w*\.\w+\.t\d+$/) }),
    lineChart({ title: "Gradient norm before clipping", log: true, series: having(/^gradientNorm\./) }),
    lineChart({ title: "Learning rate", series: having(/^learningRate\./) }),
    lineChart({ title: "Seconds a step, and waiting for data", series: having(/^(seconds|dataSeconds)$/) }),
    lineChart({ title: "Resident memory, MiB", series: scaled("rssBytes", "rss", 2 ** -20) }),
    lineChart({ title: "Tensors in memory", series: having(/^tensors$/) }),
    ...others.map((key) => lineChart({ title: key, series: seriesOf(stage, key, key) })),
  ];
}

function seriesOf(stage: StageRecord, key: string, name: string): Series[] {
  const curve = stage.curves[key];
  return curve === undefined ? [] : [{ name, curve }];
}

/** One row for each step, one column for each key. */
async function clipTable({ clips }: StageRecord): Promise<string> {
  if (clips.length === 0) return "";
  const keys = [...new Set(clips.map(({ key }) => key))];
  const rows: string[] = [];
  for (const step of new Set(clips.map((clip) => clip.step))) {
    const cells: string[] = [];
    for (const key of keys) {
      const found = clips.find((clip) => clip.step === step && clip.key === key);
      cells.push(`<td>${found === undefined ? "" : await embedded(found.file)}</td>`);
    }
    rows.push(`<tr><th>step ${step}</th>${cells.join("")}</tr>`);
  }
  const heads = keys.map((key) => `<th>${escapeHtml(key)}</th>`).join("");
  return `<h3>Samples</h3><div class="wide"><table class="clips"><tr><th></th>${heads}</tr>${rows.join("")}</table></div>`;
}

async function embedded(file: string): Promise<string> {
  const type = file.endsWith(".png") ? "image/png" : `video/${path.extname(file).slice(1)}`;
  const source = `data:${type};base64,${(await readFile(file)).toString("base64")}`;
  if (type === "image/png") return `<img alt="" src="${source}">`;
  return `<video autoplay loop muted playsinline src="${source}"></video>`;
}

function facts(values: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(values).map(
    ([name, value]) =>
      `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(typeof value === "number" ? shortNumber(value) : value)}</dd></div>`,
  );
  return entries.length === 0 ? "" : `<dl>${entries.join("")}</dl>`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<h3>${title}</h3><ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join("")}</ul>`;
}

const section = (title: string, ...parts: readonly string[]): string =>
  `<section><h2>${escapeHtml(title)}</h2>${parts.join("\n")}</section>`;

function document(title: string, live: boolean, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">${live ? '\n<meta http-equiv="refresh" content="15">' : ""}
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
}
