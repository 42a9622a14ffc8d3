// `npm run bench:engine`: every work here and in PyTorch, in turn, as ratios.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleServer } from "./bundle.js";
import { MeasuredProcess, type Sample } from "./child.js";
import { works } from "./works.js";

const help = `Usage: NOISEREEL_PYTHON=/path/to/python npm run bench:engine -- [options]

Runs every work in a process of its own, beside the same work in PyTorch in another, one run each in turn, and prints
the medians of the ratios of time and the ratio of the largest resident sets. Both sides get the same weights and inputs and
keep their own threads policy; that their results agree is checked. Without NOISEREEL_PYTHON (a Python that has torch)
only noisereel is measured and there are no ratios.

  --released   The whole released models instead of parts of them: minutes and up to 13 GiB a work, both sides together.
  --rounds N   Measured runs of each side. Default 9, with --released 3.
  --warmup N   Runs before that. Default 3, with --released 1.
  --only A,B   Works by key: ${Object.keys(works).join(", ")}.
  --json       One JSON object a line: work, timeRatio, rssRatio, samples.
  --profile F  Prefix of the path of ONNX Runtime's profile of each node.

Examples
  NOISEREEL_PYTHON=.venv/bin/python npm run bench:engine
  npm run -s bench:engine -- --only vae-step,latte-step --rounds 5
  npm run -s bench:engine -- --released
`;

interface Row {
  readonly key: string;
  readonly ours: readonly Sample[];
  readonly theirs: readonly Sample[];
  readonly stats: object[];
}

async function measure(
  key: string,
  settings: {
    /** The bundled `serve.ts`. */
    readonly server: string;
    readonly rounds: number;
    readonly warmup: number;
    readonly profile: string | undefined;
  },
): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), "noisereel-engine-"));
  const file = join(folder, "work.safetensors");
  const python = process.env["NOISEREEL_PYTHON"];
  const running: MeasuredProcess[] = [];
  try {
    const profile = settings.profile === undefined ? [] : [`${settings.profile}-${key}`];
    execFileSync(process.execPath, [settings.server, key, file, "--write"]);
    const ours = await MeasuredProcess.start(process.execPath, [settings.server, key, file, ...profile]);
    running.push(ours);
    const baseline = fileURLToPath(new URL("../baselines/engine.py", import.meta.url));
    const theirs = python === undefined ? undefined : await MeasuredProcess.start(python, [baseline, key, file]);
    if (theirs !== undefined) running.push(theirs);
    const samples: { ours: Sample[]; theirs: Sample[] } = { ours: [], theirs: [] };
    for (let round = 0; round < settings.warmup + settings.rounds; round++) {
      samples.ours.push(await ours.run());
      if (theirs !== undefined) samples.theirs.push(await theirs.run());
    }
    assertSameResults(key, samples.ours, samples.theirs);
    const stats = await ours.end();
    await theirs?.end();
    return { key, ours: samples.ours.slice(settings.warmup), theirs: samples.theirs.slice(settings.warmup), stats };
  } finally {
    for (const process of running) process.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Both sides start from the same weights and take the same steps. */
function assertSameResults(key: string, ours: readonly Sample[], theirs: readonly Sample[]): void {
  for (const [round, { value }] of theirs.entries()) {
    const difference = Math.abs(ours[round]!.value / value - 1);
    if (!(difference < 1e-3)) {
      throw new Error(`${key}: round ${round} gave ${ours[round]!.value} here and ${value} in PyTorch`);
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

function figures({ ours, theirs }: Row) {
  const ratio = (of: (sample: Sample) => number): number => median(ours.map((own, i) => of(own) / of(theirs[i]!)));
  const compared = theirs.length > 0;
  return {
    milliseconds: median(ours.map(({ milliseconds }) => milliseconds)),
    timeRatio: compared ? ratio(({ milliseconds }) => milliseconds) : null,
    cpuRatio: compared ? ratio(({ cpu }) => cpu) : null,
    rssRatio: compared ? ours.at(-1)!.peakBytes / theirs.at(-1)!.peakBytes : null,
    peakMiB: Math.round(ours.at(-1)!.peakBytes / 2 ** 20),
    samples: ours.length,
  };
}

const cell = (value: number | null): string => (value === null ? "-" : value.toFixed(2));

function printRow(row: Row, json: boolean): void {
  const { name, timeBar, rssBar } = works[row.key]!;
  const { milliseconds, timeRatio, cpuRatio, rssRatio, peakMiB, samples } = figures(row);
  if (json) {
    const graph = row.stats[0] ?? {};
    const object = {
      work: name,
      timeRatio,
      rssRatio,
      samples,
      cpuRatio,
      milliseconds,
      peakMiB,
      timeBar,
      rssBar,
      ...graph,
    };
    process.stdout.write(`${JSON.stringify(object)}\n`);
    return;
  }
  const cells = [
    name,
    milliseconds.toFixed(0),
    `${cell(timeRatio)} (${timeBar})`,
    cell(cpuRatio),
    `${cell(rssRatio)} (${rssBar})`,
    String(peakMiB),
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      released: { type: "boolean", default: false },
      rounds: { type: "string" },
      warmup: { type: "string" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const whole = Object.keys(works).filter((key) => (works[key]!.released ?? false) === values.released);
  const keys = values.only?.split(",") ?? whole;
  const unknown = keys.filter((key) => !(key in works));
  if (unknown.length > 0) throw new Error(`--only names ${unknown.join(", ")}; use ${Object.keys(works).join(", ")}`);
  const rounds = Number(values.rounds ?? (values.released ? 3 : 9));
  const warmup = Number(values.warmup ?? (values.released ? 1 : 3));
  if (!(Number.isInteger(rounds) && rounds >= 1))
    throw new Error(`--rounds is ${values.rounds}; use a whole number from 1`);
  if (!(Number.isInteger(warmup) && warmup >= 0))
    throw new Error(`--warmup is ${values.warmup}; use a whole number from 0`);
  if (!values.json) {
    process.stdout.write("| work | ms | time ÷ PyTorch (bar) | CPU time ÷ | peak RSS ÷ PyTorch (bar) | MiB |\n");
    process.stdout.write("| --- | --- | --- | --- | --- | --- |\n");
  }
  const server = await bundleServer();
  try {
    const settings = { server, rounds, warmup, profile: values.profile };
    for (const key of keys) printRow(await measure(key, settings), values.json);
  } finally {
    await rm(server);
  }
  return 0;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  return 2;
});
