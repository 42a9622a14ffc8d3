import { createRng } from "@noisereel/core";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const totalSteps = 60;
const kills = 8;

let folder = "";
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "kill-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  /** The steps that it printed. */
  readonly steps: readonly number[];
  readonly weights: string | undefined;
}

/** Runs the worker; with `killAfter` it is killed that many milliseconds after its first step. */
function runWorker(store: string, killAfter?: number): Promise<Outcome> {
  const worker = fileURLToPath(new URL("kill-worker.ts", import.meta.url));
  const options = ["--import", "tsx", "--conditions=@noisereel/source", worker, store, String(totalSteps)];
  const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (killAfter === undefined || timer !== undefined || !/^step \d+$/m.test(output)) return;
    timer = setTimeout(() => child.kill("SIGKILL"), killAfter);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the worker failed: ${errors}`));
      const steps = [...output.matchAll(/^step (\d+)$/gm)].map(([, step]) => Number(step));
      const weights = /^weights (\w+)$/m.exec(output)?.[1];
      resolve({ steps, weights });
    });
  });
}

test("a run killed again and again ends with the same bits as an undisturbed one", async () => {
  const { weights: expected } = await runWorker(path.join(folder, "whole"));
  expect(expected).toMatch(/^[0-9a-f]{64}$/);
  const store = path.join(folder, "killed");
  const rng = createRng(11);
  let last = 0;
  for (let kill = 0; kill < kills; kill++) {
    const { steps, weights } = await runWorker(store, rng.integer(40));
    if (weights !== undefined) break;
    // A step is printed after it was saved, so none that was printed is trained again.
    expect(steps[0]).toBeGreaterThan(last);
    last = steps.at(-1)!;
  }
  expect((await runWorker(store)).weights).toBe(expected);
}, 240_000);
