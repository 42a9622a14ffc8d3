import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const worker = fileURLToPath(new URL("mpi-worker.ts", import.meta.url));
const found = spawnSync("mpirun", ["--version"]);
const reason = found.error === undefined && found.status === 0 ? undefined : "mpirun is not installed";

let folder = "";
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "mpi-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly losses: readonly string[];
  readonly weights: readonly string[];
}

/** Runs the worker as `size` ranks; 0 runs it without mpirun. */
function job(size: number, ...args: readonly string[]): Promise<Ended> {
  const node = [process.execPath, "--import", "tsx", "-C", "@noisereel/source", worker, ...args];
  const [command, ...rest] = size === 0 ? node : ["mpirun", "-n", String(size), "--oversubscribe", ...node];
  const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };
  return new Promise((resolve) => {
    execFile(command!, rest, { env }, (error, out) => {
      const losses = [...out.matchAll(/^loss (.*)$/gm)].map(([, line]) => line!);
      const weights = [...out.matchAll(/^rank \d of \d weights (\w+)$/gm)].map(([, hash]) => hash!);
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), losses, weights });
    });
  });
}

describe.skipIf(reason !== undefined)(`training over MPI${reason === undefined ? "" : ` (${reason})`}`, () => {
  test("two ranks see the losses of one rank with the same batch, and hold the same bits", async () => {
    const one = await job(0, path.join(folder, "one"), "8");
    const two = await job(2, path.join(folder, "two"), "8");
    expect([one.code, two.code, one.losses.length]).toEqual([0, 0, 8]);
    for (const [index, line] of one.losses.entries()) {
      // The order of a sum differs: 1e-4 is what the losses may differ by.
      expect(Number(two.losses[index]!.split(" ")[1])).toBeCloseTo(Number(line.split(" ")[1]), 4);
    }
    expect(two.weights).toHaveLength(2);
    expect(new Set(two.weights).size).toBe(1);
  }, 120_000);

  test("a dead rank ends the job, and the run goes on with another number of ranks", async () => {
    const store = path.join(folder, "store");
    const dead = await job(2, store, "8", "5");
    expect(dead.code).not.toBe(0);
    expect(dead.weights).toEqual([]);
    expect(await readdir(store)).toEqual(["step-000003"]);
    const resumed = await job(0, store, "8");
    expect(resumed.losses.map((line) => line.split(" ")[0])).toEqual(["4", "5", "6", "7", "8"]);
  }, 120_000);
});
