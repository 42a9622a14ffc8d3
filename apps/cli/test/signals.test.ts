// A real training process that is asked to stop: it saves, ends with 0, and what goes on from there ends with the same bits.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const recipe = fileURLToPath(new URL("tiny-recipe.ts", import.meta.url));
const steps = 40;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "noisereel-signals-"));
});
afterEach(() => rm(folder, { recursive: true }));

function start(run: string): { readonly child: ChildProcess; readonly ended: Promise<{ code: number; err: string }> } {
  const command = ["--import", "tsx", "-C", "@noisereel/source", main, "train", recipe, "--out", run];
  const settings = ["--set", `steps=${steps}`, "--set", "saveEvery=1000", "--set", "milliseconds=15"];
  const env = { ...process.env, NO_COLOR: "1" };
  const child = spawn(process.execPath, [...command, ...settings], { env, stdio: ["ignore", "ignore", "pipe"] });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<{ code: number; err: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, err }));
  });
  return { child, ended };
}

/** Steps that the run has logged. */
async function stepsOf(run: string): Promise<number> {
  const text = await readFile(path.join(run, "logs", "fit.jsonl"), "utf8").catch(() => "");
  return text.split("\n").length - 1;
}

const checkpointsOf = (run: string): Promise<string[]> => readdir(path.join(run, "checkpoints", "fit"));

/** The last checkpoint's weights and optimizer, as bytes. */
async function lastBits(run: string): Promise<string> {
  const last = path.join(run, "checkpoints", "fit", `step-${String(steps).padStart(6, "0")}`);
  const files = (await readdir(last)).filter((name) => name.endsWith(".safetensors")).toSorted();
  const bytes = await Promise.all(files.map((name) => readFile(path.join(last, name), "base64")));
  return [...files, ...bytes].join("\n");
}

/** Stops a run with a signal and starts it again. */
async function stopAndResume(signal: "SIGINT" | "SIGTERM", run: string): Promise<void> {
  const { child, ended } = start(run);
  while ((await stepsOf(run)) < 3 && child.exitCode === null) await setTimeout(5);
  child.kill(signal);
  const { code, err } = await ended;
  expect([signal, code]).toEqual([signal, 0]);
  expect(err).toContain(`Stopped and saved in ${run}; the same command goes on from there.`);
  const [saved, ...others] = await checkpointsOf(run);
  expect(others).toEqual([]);
  const stoppedAt = Number(saved!.replace("step-", ""));
  expect(stoppedAt).toBe(await stepsOf(run));
  expect(stoppedAt).toBeLessThan(steps);
  expect(await start(run).ended).toMatchObject({ code: 0 });
}

it("SIGINT and SIGTERM save, end with code 0, and cost no bit", async () => {
  const runs = { whole: path.join(folder, "whole"), int: path.join(folder, "int"), term: path.join(folder, "term") };
  const [whole] = await Promise.all([
    start(runs.whole).ended,
    stopAndResume("SIGINT", runs.int),
    stopAndResume("SIGTERM", runs.term),
  ]);
  expect(whole.code).toBe(0);
  const expected = await lastBits(runs.whole);
  expect(await lastBits(runs.int)).toBe(expected);
  expect(await lastBits(runs.term)).toBe(expected);
}, 120_000);
