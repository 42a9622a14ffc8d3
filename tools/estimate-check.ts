// How far `noisereel estimate` is from the run that follows, on this machine:
//   npx tsx -C @noisereel/source tools/estimate-check.ts [--recipe stages-small] [--stages stage-1,stage-2] [--set a.b=c …]
// Stages of a denoiser alone need a trained autoencoder: --set autoencoder.pretrained=FOLDER --set heldOut=0 --set sampling.prompts=0
// Each stage is estimated, begun once until its data is prepared, and then trained in a fresh process. Compared are the median
// seconds of a step and the largest resident memory; exits 1 when either is more than 15 % off.
import type { StageEstimate } from "@noisereel/trainer";
import { readRun } from "@noisereel/trainer/node";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

const allowed = 0.15;
const noisereel = ["--import", "tsx", "-C", "@noisereel/source", "apps/cli/src/main.ts"];

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [...noisereel, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(`${args.join(" ")}: ${err}`))));
  });
  return { child, ended };
}

/** Trains until the first step is logged, and stops: what the stage encodes is on the disk then. */
async function begin(args: readonly string[], log: string): Promise<void> {
  const { child, ended } = start(args);
  while (child.exitCode === null && !(await readFile(log, "utf8").catch(() => "")).includes('"seconds"')) {
    await setTimeout(20);
  }
  child.kill("SIGINT");
  await ended;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      recipe: { type: "string", default: "stages-small" },
      stages: { type: "string", default: "autoencoder,stage-1,stage-2,stage-3,stage-4" },
      from: { type: "string" },
      // Samples and held-out losses are no part of a step.
      set: { type: "string", multiple: true, default: ["heldOut=0", "sampling.prompts=0"] },
    },
  });
  const root = await mkdtemp(path.join(tmpdir(), "estimate-check-"));
  let worst = 0;
  try {
    for (const stage of values.stages.split(",")) {
      const settings = values.set.flatMap((one) => ["--set", one]);
      const common = [values.recipe, "--stage", stage, ...settings];
      const estimated = JSON.parse(await start(["estimate", ...common, "--json", "--steps", "8"]).ended) as Readonly<
        Record<string, StageEstimate>
      >;
      const run = path.join(root, stage);
      const from = values.from === undefined || stage === "autoencoder" ? [] : ["--from", values.from];
      const train = ["train", ...common, ...from, "--out", run];
      const log = path.join(run, "logs", `${stage}.jsonl`);
      await begin(train, log);
      const before = (await readFile(log, "utf8")).length;
      await start(train).ended;
      await writeFile(log, (await readFile(log, "utf8")).slice(before)); // the second process alone
      const { curves } = (await readRun(run)).stages[0]!;
      const pairs = [
        ["seconds a step", estimated[stage]!.secondsPerStep, median(curves["seconds"]!.values.slice(1))],
        ["MiB at most", estimated[stage]!.bytes.peak! / 2 ** 20, Math.max(...curves["rssBytes"]!.values) / 2 ** 20],
      ] as const;
      for (const [name, expected, seen] of pairs) {
        const off = expected / seen - 1;
        worst = Math.max(worst, Math.abs(off));
        process.stdout.write(
          `${stage}: ${name}: estimated ${expected.toPrecision(3)}, run ${seen.toPrecision(3)}, ${(100 * off).toFixed(1)} % off\n`,
        );
      }
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  process.stdout.write(worst <= allowed ? "within 15 %\n" : `up to ${(100 * worst).toFixed(0)} % off\n`);
  return worst <= allowed ? 0 : 1;
}

process.exitCode = await main();
