// How much of a second process is left after talking, in real training with the compiled executor:
//   npx tsx -C @noisereel/source tools/mpi-efficiency.ts --autoencoder FOLDER [--stage stage-1] [--from CHECKPOINTS] [--steps 80] [--rounds 3]
// `FOLDER` is a trained autoencoder, e.g. models/autoencoder of a `noisereel train stages-small`; later stages start from the
// checkpoints of the stage before. One rank trains with the preset's batch, two with twice that, each bound to a core of its own, so
// that each has the same work: the efficiency is the seconds of a step with one rank over those with two. The two take turns.
import { presets } from "@noisereel/recipes";
import { recipeOptions } from "@noisereel/trainer";
import { readRun } from "@noisereel/trainer/node";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const cli = ["--import", "tsx", "-C", "@noisereel/source", "apps/cli/src/main.ts"];

interface Job {
  readonly autoencoder: string;
  readonly stage: string;
  readonly from: string | undefined;
  readonly steps: string;
  readonly folder: string;
}

/** Median seconds of a step, the first ones left out. */
async function secondsOfStep(ranks: number, { autoencoder, stage, from, steps, folder }: Job): Promise<number> {
  const { batch } = recipeOptions(presets["stages-small"], {}).stages[stage]!;
  const settings = {
    "autoencoder.pretrained": autoencoder,
    heldOut: 0,
    "sampling.prompts": 0,
    saveEvery: 1_000_000,
    [`stages.${stage}.steps`]: steps,
    [`stages.${stage}.batch`]: ranks * batch,
  };
  const set = Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  const start = from === undefined ? [] : ["--from", from];
  const train = ["train", "stages-small", "--mpi", "--stage", stage, ...start, ...set, "--out", folder];
  const child = spawn("mpirun", ["-n", String(ranks), "--bind-to", "core", process.execPath, ...cli, ...train], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`mpirun ended with status ${code}`);
  const seconds = (await readRun(folder)).stages[0]!.curves["seconds"]!.values.slice(5);
  return median(seconds);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      autoencoder: { type: "string" },
      stage: { type: "string", default: "stage-1" },
      from: { type: "string" },
      steps: { type: "string", default: "80" },
      rounds: { type: "string", default: "3" },
    },
  });
  if (values.autoencoder === undefined) throw new Error("--autoencoder is missing; give a folder with a trained one");
  const root = await mkdtemp(path.join(tmpdir(), "mpi-efficiency-"));
  const efficiencies: number[] = [];
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      const job = { ...values, autoencoder: path.resolve(values.autoencoder), from: values.from };
      const [one, two] = [
        await secondsOfStep(1, { ...job, folder: path.join(root, `one-${round}`) }),
        await secondsOfStep(2, { ...job, folder: path.join(root, `two-${round}`) }),
      ];
      efficiencies.push(one / two);
      process.stdout.write(
        `${values.stage}: one rank ${(1000 * one).toFixed(1)} ms a step, two ${(1000 * two).toFixed(1)} ms, efficiency ${(one / two).toFixed(2)}\n`,
      );
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  process.stdout.write(`median efficiency ${median(efficiencies).toFixed(2)}\n`);
}

await main();
