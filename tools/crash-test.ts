// `npm run crash-test -- --kills N`: kills a training process again and again, at least a third of the times while it saves, and
// checks that no checkpoint is lost and that every resumed state is, bit for bit, that of an undisturbed run.
import { type Checkpoint, createRng } from "@noisereel/core";
import { folderStore } from "@noisereel/trainer/node";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const help = `Usage: npm run crash-test -- [--kills N] [--steps N] [--seed N]

Prints "N kills, N resumed, N bit-equal" and exits 1 unless the three numbers are the same.

  --kills N  SIGKILLs in all; at least a third of them while a checkpoint is written. Default 100.
  --steps N  steps of a run, each saved; a run that reaches its end is begun anew. Default 60.
  --seed N   of the moments. Default the time, so that each test is about other moments.
`;

/** Milliseconds that a step takes beside its arithmetic, so that a run is not all saving. */
const pause = "50";

const worker = fileURLToPath(new URL("../packages/trainer/test/kill-worker.ts", import.meta.url));

interface Attempt {
  readonly killed: boolean;
  /** While a save was under way. */
  readonly whileSaving: boolean;
  /** The first step it trained; undefined when it was killed before its end. */
  readonly firstStep: number | undefined;
  /** The last checkpoint that it said was saved. */
  readonly saved: number | undefined;
  readonly weights: string | undefined;
}

/** When to kill: so many milliseconds after the first output, or after the beginning of the n-th save. */
type Moment = { readonly after: "start" | "saving"; readonly count: number; readonly milliseconds: number };

function attempt(folder: string, steps: number, moment?: Moment, keep = 2): Promise<Attempt> {
  const args = [
    "--import",
    "tsx",
    "--conditions=@noisereel/source",
    worker,
    folder,
    String(steps),
    String(keep),
    pause,
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  let armed = false;
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (moment === undefined || armed) return;
    const saves = output.match(/^saving /gm)?.length ?? 0;
    if (moment.after === "saving" && saves < moment.count) return;
    armed = true;
    if (moment.milliseconds === 0) child.kill("SIGKILL");
    else setTimeout(() => child.kill("SIGKILL"), moment.milliseconds);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const killed = signal === "SIGKILL";
      if (code !== 0 && !killed) return reject(new Error(`the worker failed: ${errors}`));
      const numbers = (pattern: RegExp): number[] => [...output.matchAll(pattern)].map(([, step]) => Number(step));
      const saving = numbers(/^saving step-(\d+)$/gm);
      const saved = numbers(/^saved step-(\d+)$/gm);
      resolve({
        killed,
        whileSaving: killed && saving.length > saved.length,
        firstStep: saving[0],
        saved: saved.at(-1),
        weights: /^weights (\w+)$/m.exec(output)?.[1],
      });
    });
  });
}

/** A hash of every tensor of a checkpoint: weights, average, optimizer. */
function fingerprint({ tensors }: Checkpoint): string {
  const hash = createHash("sha256");
  for (const [name, { bytes }] of [...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update(bytes);
  return hash.digest("hex");
}

const stepOf = (id: string): number => Number(id.replace("step-", ""));

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "100" },
      steps: { type: "string", default: "60" },
      seed: { type: "string", default: String(Date.now()) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [kills, steps, seed] = [values.kills, values.steps, values.seed].map(Number) as [number, number, number];
  if (![kills, steps, seed].every((value) => Number.isSafeInteger(value) && value > 0)) {
    process.stderr.write(`--kills, --steps and --seed want whole numbers of 1 or more\n\n${help}`);
    return 2;
  }
  const rng = createRng(seed);
  const root = await mkdtemp(path.join(tmpdir(), "crash-test-"));
  try {
    const reference = path.join(root, "undisturbed");
    const { weights } = await attempt(reference, steps, undefined, steps);
    if (weights === undefined) throw new Error("the undisturbed run did not end");
    const counts = { kills: 0, saving: 0, resumed: 0, equal: 0, finished: 0 };
    let folder = path.join(root, "run-0");
    let expected = 0;
    while (counts.kills < kills) {
      const inSave = counts.saving * 3 < kills && (counts.kills % 3 === 0 || counts.saving * 3 < counts.kills);
      const moment: Moment = inSave
        ? { after: "saving", count: 1 + rng.integer(12), milliseconds: rng.integer(8) }
        : { after: "start", count: 0, milliseconds: rng.integer(600) };
      const ended = await attempt(folder, steps, moment);
      // Nothing that was said to be saved may be trained again.
      if (ended.firstStep !== undefined && ended.firstStep <= expected) {
        process.stdout.write(`step ${ended.firstStep} was trained again although step ${expected} was saved\n`);
      }
      if (!ended.killed) {
        counts.finished++;
        if (ended.weights !== weights) process.stdout.write("a run ended with other weights\n");
        await rm(folder, { recursive: true });
        folder = path.join(root, `run-${counts.finished}`);
        expected = 0;
        continue;
      }
      counts.kills++;
      if (ended.whileSaving) counts.saving++;
      expected = Math.max(expected, ended.saved ?? 0);
      const store = folderStore(folder);
      const latest = (await store.list()).at(-1);
      const step = latest === undefined ? 0 : stepOf(latest);
      if (step >= expected) counts.resumed++;
      else process.stdout.write(`kill ${counts.kills}: step ${expected} was saved but step ${step} is the newest\n`);
      const same =
        latest === undefined ||
        fingerprint(await store.load(latest)) === fingerprint(await folderStore(reference).load(latest));
      if (same) counts.equal++;
      else process.stdout.write(`kill ${counts.kills}: step ${step} differs from the undisturbed run's\n`);
      expected = step;
    }
    const last = await attempt(folder, steps);
    const { equal, resumed, saving, finished } = counts;
    process.stdout.write(`${counts.kills} kills, ${resumed} resumed, ${equal} bit-equal\n`);
    process.stdout.write(
      `${saving} of the kills while saving, ${finished + 1} runs finished, the last one ${last.weights === weights ? "with the undisturbed run's weights" : "with other weights"} (seed ${seed})\n`,
    );
    return resumed === kills && equal === kills && last.weights === weights ? 0 : 1;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

process.exitCode = await main();
