import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { RecipeEvent } from "../run/events.js";
import { type PhaseOptions, RunFolder } from "./run-folder.js";

let folder: string;
let events: RecipeEvent[];
beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), "noisereel-run-")), "run");
  events = [];
});

const open = (config: Record<string, number> = { seed: 0 }, fresh = false) =>
  RunFolder.open({ folder, config, fresh, emit: (event) => events.push(event) });
const phase: PhaseOptions = { name: "count", title: "Counting", unit: "steps", count: 2 };

describe("RunFolder", () => {
  it("runs a phase once and remembers what it gave", async () => {
    const work = async (advance: (done: number) => void) => {
      advance(1);
      advance(2);
      return { answer: 42 };
    };
    expect(await (await open()).phase(phase, work)).toEqual({ answer: 42 });
    const again = await open();
    const failing = () => Promise.reject(new Error("it ran again"));
    expect(await again.phase(phase, failing)).toEqual({ answer: 42 });
    expect(events.map(({ type }) => type)).toEqual([
      "phase-start",
      "phase-progress",
      "phase-progress",
      "phase-end",
      "phase-end",
    ]);
    expect(events.at(-1)).toMatchObject({ skipped: true });
    expect(events[2]).toMatchObject({ done: 2, count: 2, etaSeconds: 0 });
    expect(again.seconds["count"]).toBeGreaterThanOrEqual(0);
  });

  it("keeps the time of an interrupted phase and runs it again", async () => {
    const wait = () => new Promise((resolve) => setTimeout(resolve, 30));
    await expect(
      (await open()).phase(phase, () => wait().then(() => Promise.reject(new Error("stopped")))),
    ).rejects.toThrow("stopped");
    const run = await open();
    await run.phase(phase, () => wait().then(() => 1));
    expect(run.seconds["count"]).toBeGreaterThan(0.05);
  });

  it("repeats a phase whose result is in memory", async () => {
    let runs = 0;
    const work = async () => {
      runs++;
    };
    await (await open()).repeat(phase, work);
    await (await open()).repeat(phase, work);
    expect(runs).toBe(2);
  });

  it("refuses the folder of another configuration, unless it may start afresh", async () => {
    await (await open()).phase(phase, async () => 1);
    await expect(open({ seed: 1 })).rejects.toThrow(/another configuration.*--fresh.*--out/);
    const fresh = await open({ seed: 1 }, true);
    expect(fresh.seconds).toEqual({});
    expect(await readdir(folder)).toEqual(["config.json"]);
    expect(JSON.parse(await readFile(path.join(folder, "config.json"), "utf8"))).toEqual({ seed: 1 });
  });
});
