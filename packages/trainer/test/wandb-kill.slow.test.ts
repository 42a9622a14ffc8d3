// A process that tells Weights & Biases, killed at random moments, also while it sends, by a server that loses answers.
import { createRng } from "@noisereel/core";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type FakeWandb, fakeWandb } from "./fake-wandb.js";

const totalSteps = 320; // more than five milliseconds each allow before the last kill
const kills = 6;

/** Runs the worker; with `killAfter` it is killed that many milliseconds after its first step. True when it ended by itself. */
function runWorker(folder: string, server: FakeWandb, killAfter?: number): Promise<boolean> {
  const worker = fileURLToPath(new URL("wandb-worker.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@noisereel/source", worker, folder, String(totalSteps)],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, WANDB_API_KEY: server.key, WANDB_BASE_URL: server.url },
    },
  );
  let errors = "";
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", () => {
    if (killAfter !== undefined) timer ??= setTimeout(() => child.kill("SIGKILL"), killAfter);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the worker failed: ${errors}`));
      else resolve(signal !== "SIGKILL");
    });
  });
}

test("a killed run has every step once on the server, as in its log", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "wandb-kill-"));
  const server = await fakeWandb();
  try {
    const rng = createRng(5);
    let killed = 0;
    for (let kill = 0; kill < kills; kill++) {
      for (let index = 0; index < 3; index++) server.faults.push((["lost", 503, "hang up"] as const)[rng.integer(3)]!);
      if (!(await runWorker(folder, server, rng.integer(250)))) killed++;
    }
    expect(killed).toBe(kills);
    server.faults.splice(0);
    expect(await runWorker(folder, server)).toBe(true);
    const log = (await readFile(path.join(folder, "log.jsonl"), "utf8")).trim().split("\n");
    const expected = log.map((line) => JSON.parse(line) as Record<string, number>);
    expect(expected).toHaveLength(totalSteps);
    const rows = server.rows("killed").map(({ _step, "loss/fit": loss, seconds }) => [_step, loss, seconds]);
    expect(rows).toEqual(expected.map((row) => [row["step"], row["loss.fit"], row["seconds"]]));
    expect(server.runs.map(({ id, exitCode }) => [id, exitCode])).toEqual([["killed", 0]]);
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
});
