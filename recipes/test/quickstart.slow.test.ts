import { createRng } from "@noisereel/core";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecipeEvent } from "../run/events.js";
import { openRun } from "../run/open-run.js";
import type { QuickstartReport } from "../quickstart/report.js";

const tsx = createRequire(import.meta.url).resolve("tsx/cli");
const script = path.join(import.meta.dirname, "short-run.ts");

interface Ended {
  readonly code: number | null;
  readonly killed: boolean;
  readonly events: readonly RecipeEvent[];
  readonly stderr: string;
}

/** Runs the short quickstart in its own process; kills it right after the given number of events. */
function shortRun(folder: string, killAfterEvents = Infinity): Promise<Ended> {
  // The loader runs the script in a child, so the whole process group has to go.
  const child = spawn(process.execPath, [tsx, "-C", "@noisereel/source", script, folder], { detached: true });
  const events: RecipeEvent[] = [];
  let stderr = "";
  let rest = "";
  let killed = false;
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      events.push(JSON.parse(line) as RecipeEvent);
      if (events.length >= killAfterEvents && !killed) {
        killed = true;
        process.kill(-child.pid!, "SIGKILL");
      }
    }
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, killed, events, stderr }));
  });
}

/** The sha256 of every file of the trained models. */
async function modelHashes(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const file of await readdir(path.join(folder, "models"), { recursive: true })) {
    const absolute = path.join(folder, "models", file);
    if (!(await stat(absolute)).isFile()) continue;
    hashes[file] = createHash("sha256")
      .update(await readFile(absolute))
      .digest("hex");
  }
  return hashes;
}

describe("the quickstart, shortened", () => {
  let root: string;
  let undisturbed: string;
  let first: Ended;

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "noisereel-quickstart-"));
    undisturbed = path.join(root, "undisturbed");
    first = await shortRun(undisturbed);
  }, 600_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  it("ends with a report, a reel and models", async () => {
    expect(first.stderr).toBe("");
    expect(first.code).toBe(0);
    const report = JSON.parse(await readFile(path.join(undisturbed, "report.json"), "utf8")) as QuickstartReport;
    expect(report.prompts.total).toBe(8);
    expect(report.reconstruction.clips).toHaveLength(8);
    expect(report.reconstruction.psnr).toBeGreaterThan(0);
    expect(Object.keys(report.phases)).toEqual([
      "clips",
      "autoencoder",
      "latents",
      "stage-1",
      "stage-2",
      "reconstruction",
      "sampling",
    ]);
    const html = await readFile(path.join(undisturbed, "report.html"), "utf8");
    for (const [, file] of html.matchAll(/<video[^>]* src="([^"]+)"/g)) {
      expect((await stat(path.join(undisturbed, file!))).size).toBeGreaterThan(500);
    }
    expect(html.match(/<svg/g)).toHaveLength(3);
  });

  it("tells progress with an estimate of the time left", () => {
    const progress = first.events.filter((event) => event.type === "phase-progress");
    expect(progress.filter(({ phase }) => phase === "autoencoder").map(({ done }) => done)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    // The first unit of a process compiles; the pace is known from the second on.
    const later = progress.filter(({ done }) => done > 1);
    expect(later.every(({ etaSeconds }) => etaSeconds !== undefined && etaSeconds >= 0)).toBe(true);
  });

  it("gives the same weights, bit for bit, when it was killed on the way", async () => {
    const folder = path.join(root, "killed");
    const expected = await modelHashes(undisturbed);
    expect(Object.keys(expected).length).toBeGreaterThan(5);
    // Moments that differ from run to run: this test is about any moment.
    const moments = createRng(Date.now());
    const killed: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      const moment = 10 + moments.integer(25);
      const ended = await shortRun(folder, moment);
      if (ended.killed) killed.push(moment);
    }
    const last = await shortRun(folder);
    expect(last.stderr).toBe("");
    expect(last.code).toBe(0);
    expect(killed.length).toBeGreaterThan(0);
    expect(await modelHashes(folder), `killed after events ${killed.join(", ")}`).toEqual(expected);
  });

  it("samples the same bytes for the same seed and other bytes for another", async () => {
    const trained = await openRun(undisturbed);
    try {
      const sample = async (seed: number) => (await trained.sample({ prompt: trained.captions[0]!, seed })).clip.pixels;
      const once = await sample(1);
      expect(await sample(1)).toEqual(once);
      expect(await sample(2)).not.toEqual(once);
    } finally {
      trained.dispose();
    }
  });

  it("refuses illegal requests before it works, in one sentence", async () => {
    const trained = await openRun(undisturbed);
    try {
      const prompt = trained.captions[0]!;
      await expect(trained.sample({ prompt, seed: 0, frames: 18 })).rejects.toThrow(/18.*17.*21/s);
      await expect(trained.sample({ prompt, seed: 0, height: 60, width: 61 })).rejects.toThrow(/60.*48.*64/s);
      await expect(trained.sample({ prompt, seed: 0, sampler: "magic" })).rejects.toThrow(/"magic"; .* use one of/);
      await expect(trained.sample({ prompt: "free shipping", seed: 0 })).rejects.toThrow(/free shipping/);
    } finally {
      trained.dispose();
    }
  });
});
