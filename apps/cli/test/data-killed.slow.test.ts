// `data check` in a process of its own that is killed without warning, again and again: the report is that of one that was not.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeVideo } from "@noisereel/data";
import { afterEach, beforeEach, expect, it } from "vitest";
import { greyClip } from "./fakes.js";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const clips = 40;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "noisereel-killed-"));
});
afterEach(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
}

/** Runs `data check`, and kills it once `enough` clips are noted. */
async function check(report: string, enough?: number): Promise<Ended> {
  const out = path.join(folder, report);
  const command = ["--import", "tsx", "-C", "@noisereel/source", main, "data", "check", path.join(folder, "m.jsonl")];
  const child = spawn(process.execPath, [...command, "--out", out, "--size", "64"], {
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const closed = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out: text }));
  });
  if (enough !== undefined) await killAt(child, `${out}.parts`, enough);
  return closed;
}

async function killAt(child: ChildProcess, parts: string, enough: number): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    if ((await noted(parts)) >= enough) child.kill("SIGKILL");
    await setTimeout(5);
  }
}

/** Lines in the journals of a folder, whole or not. */
async function noted(parts: string): Promise<number> {
  const names = await readdir(parts).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(path.join(parts, name), "utf8")));
  return texts.reduce((sum, text) => sum + text.split("\n").length - 1, 0);
}

it("killed twice, it goes on, and its report is that of a run in one piece", async () => {
  const lines: string[] = [];
  for (let i = 0; i < clips; i++) {
    const clip = greyClip({ seed: i, frames: 30 + (i % 7), height: 32, width: 48 });
    await writeVideo(path.join(folder, `${i}.mp4`), clip, { preset: "ultrafast" });
    lines.push(JSON.stringify({ path: `${i}.mp4`, cap: `clip ${i}`, num_frames: 30 + (i % 5) }));
  }
  await writeFile(path.join(folder, "7.mp4"), "no video any more");
  await writeFile(path.join(folder, "m.jsonl"), lines.join("\n"));
  const whole = await check("whole.html");
  expect(whole).toMatchObject({ code: 1, signal: null }); // one clip cannot be read

  const parts = path.join(folder, "killed.html.parts");
  for (const enough of [5, 15]) {
    expect(await check("killed.html", enough)).toMatchObject({ code: null, signal: "SIGKILL" });
    expect(await readdir(folder)).not.toContain("killed.html");
    expect(await noted(parts)).toBeGreaterThanOrEqual(enough);
    expect(await noted(parts)).toBeLessThan(clips); // it was in the middle of its work
  }
  const last = await check("killed.html");
  expect(last.code).toBe(1);
  expect(last.out).toBe(whole.out.replace("whole.html", "killed.html"));
  expect(await readFile(path.join(folder, "killed.html"), "utf8")).toBe(
    await readFile(path.join(folder, "whole.html"), "utf8"),
  );
  expect((await readdir(folder)).filter((name) => name.includes(".parts") || name.startsWith(".tmp-"))).toEqual([]);
});
