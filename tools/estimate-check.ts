// How far `noisereel estimate` is from the run that follows, on this machine:
//   npx tsx -C @noisereel/source tools/estimate-check.ts [--recipe stages-small] [--stages stage-1,stage-2] [--set a.b=c …]
//     [--out FOLDER]   a run to go on in, kept; without it a temporary one, in which the stages have to come in order
// Each stage is estimated and then trained, each in a process of its own. Compared are the mean seconds of a step after the first,
// the most memory that was resident, and the seconds from the run's beginning (the program is loaded by then) to its end. Exits 1
// when one of them is more than 15 % off. Memory is read from /proc; elsewhere it is what the log has after each step.
import type { StageEstimate } from "@noisereel/trainer";
import { readRun } from "@noisereel/trainer/node";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

const allowed = 0.15;
const noisereel = ["--import", "tsx", "-C", "@noisereel/source", "apps/cli/src/main.ts"];

interface Figures {
  readonly secondsPerStep: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Runs the command and returns what it prints. `watch` is called again and again while it runs. */
async function noisereelProcess(
  args: readonly string[],
  watch: (pid: number) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const child = spawn(process.execPath, [...noisereel, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const code = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  while (child.exitCode === null && child.signalCode === null) {
    await watch(child.pid!);
    await setTimeout(20);
  }
  if ((await code) !== 0) throw new Error(`${args.join(" ")}: ${err}`);
  return out;
}

async function estimated(stage: string, args: readonly string[]): Promise<Figures> {
  const found = JSON.parse(await noisereelProcess(["estimate", ...args, "--here", "--json"])) as Readonly<
    Record<string, StageEstimate>
  >;
  const { secondsPerStep, secondsTotal, secondsOfSteps, sideWork, bytes } = found[stage]!;
  const parts = sideWork.map(({ name, seconds }) => `${name} ${seconds?.toFixed(1) ?? "not measured"}`);
  process.stdout.write(`${stage}: estimated steps ${secondsOfSteps.toFixed(1)}, ${parts.join(", ")}\n`);
  return { secondsPerStep, seconds: secondsTotal, bytes: bytes.peak! };
}

async function trained(stage: string, folder: string, args: readonly string[]): Promise<Figures> {
  const started = Date.now();
  let [bytes, begun] = [0, 0];
  await noisereelProcess(["train", ...args], async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    bytes = Math.max(bytes, 1024 * Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0));
    if (begun > 0) return;
    const { status: state, updated } = await runInfo(folder);
    if (state === "running" && Date.parse(updated) >= started) begun = Date.parse(updated);
  });
  const { curves } = (await readRun(folder)).stages.find(({ name }) => name === stage)!;
  const steps = curves["seconds"]!.values.slice(1);
  return {
    secondsPerStep: steps.reduce((sum, value) => sum + value) / steps.length,
    bytes: Math.max(bytes, ...curves["rssBytes"]!.values),
    seconds: (Date.parse((await runInfo(folder)).updated) - begun) / 1000,
  };
}

/** What the run says of itself; blank before it has. */
async function runInfo(folder: string): Promise<{ readonly status: string; readonly updated: string }> {
  const text = await readFile(path.join(folder, "run.json"), "utf8").catch(() => '{ "status": "", "updated": "" }');
  return JSON.parse(text) as { readonly status: string; readonly updated: string };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      recipe: { type: "string", default: "stages-small" },
      stages: { type: "string", default: "autoencoder,stage-1,stage-1-video-only,stage-2,stage-3,stage-4" },
      out: { type: "string" },
      from: { type: "string" },
      set: { type: "string", multiple: true, default: [] },
    },
  });
  const root = await mkdtemp(path.join(tmpdir(), "estimate-check-"));
  const folder = values.out ?? path.join(root, "run");
  let worst = 0;
  try {
    for (const stage of values.stages.split(",")) {
      const settings = values.set.flatMap((one) => ["--set", one]);
      const args = [values.recipe, "--stage", stage, ...settings, "--out", folder];
      const before = await estimated(stage, args);
      const from = values.from === undefined ? [] : ["--from", values.from];
      const after = await trained(stage, folder, [...args, ...from]);
      const pairs = [
        ["seconds a step", before.secondsPerStep, after.secondsPerStep],
        ["MiB at most", before.bytes / 2 ** 20, after.bytes / 2 ** 20],
        ["seconds in all", before.seconds, after.seconds],
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
