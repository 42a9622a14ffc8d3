// The data commands on real files: a film to cut, clips to check, measure, count and draw.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createRng } from "@noisereel/core";
import { openLatentCache, readImage, readManifest, writeVideo } from "@noisereel/data";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../src/command-line.js";
import { fakeContext, greyClip } from "./fakes.js";

let folder = "";
const inside = (...parts: string[]): string => path.join(folder, ...parts);
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "noisereel-cli-data-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; printed: string; noted: string }> {
  const context = fakeContext({});
  const code = await runCommandLine(["data", ...args], context);
  return { code, printed: context.terminal.printed.join("\n"), noted: context.terminal.noted.join("\n") };
}

/** Two grey scenes of 20 frames. */
async function film(name = "film.mp4"): Promise<string> {
  const [a, b] = [1, 5].map((seed) => greyClip({ seed, frames: 20, height: 32, width: 32 }).pixels) as [
    Uint8Array,
    Uint8Array,
  ];
  const pixels = new Uint8Array(a.length + b.length);
  pixels.set(a);
  pixels.set(b, a.length);
  await writeVideo(inside(name), { id: "film", pixels, frames: 40, height: 32, width: 32, fps: 10 });
  return inside(name);
}

async function manifest(): Promise<string> {
  await film("a.mp4");
  await film("b.mp4");
  await writeFile(inside("broken.mp4"), "no video");
  const lines = [
    { path: "a.mp4", cap: "a grey field turns dark", cap_source: "human" },
    { path: "b.mp4", cap: "the same" },
    { path: "broken.mp4", cap: "nothing" },
  ];
  await writeFile(inside("m.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
  return inside("m.jsonl");
}

describe("data cut", () => {
  it("lists scenes as ranges, draws the curve, and writes files when asked to", async () => {
    const video = await film();
    const before = await readFile(video);
    const first = await run("cut", video, "--out", inside("clips.jsonl"), "--plots", inside("plots"));
    expect(first).toMatchObject({ code: 0 });
    expect(first.printed).toContain("2 scenes, 2 clips");
    const { entries } = await readManifest(inside("clips.jsonl"));
    expect(entries.map(({ start, end }) => [start, end])).toEqual([
      [0, 20],
      [20, 40],
    ]);
    expect(await readFile(inside("plots", "film.mp4.svg"), "utf8")).toContain("<polyline");
    const second = await run("cut", video, "--out", inside("files.csv"), "--files", inside("clips"), "--whole");
    expect(second.code).toBe(0);
    expect(await readdir(inside("clips"))).toEqual(["film-0-20.mp4", "film-20-40.mp4"]);
    expect((await readManifest(inside("files.csv"))).entries[0]!.path).toBe(inside("clips", "film-0-20.mp4"));
    expect(await readFile(video)).toEqual(before);
  });
});

describe("data check", () => {
  it("prints problems with line and remedy, writes the page, and ends with 1", async () => {
    const file = await manifest();
    const { code, printed, noted } = await run(
      "check",
      file,
      "--frames",
      "65",
      "--bucket",
      "17x32x32",
      "--out",
      inside("r.html"),
    );
    expect(code).toBe(1);
    expect(printed).toMatch(/error: line 3 \(broken\.mp4\), field path: .*; replace the file, or leave the entry out/);
    expect(printed).toContain("warning: line 1 (a.mp4): needs 65 frames, has 40: frames would repeat");
    expect(printed).toMatch(/17x32x32 +2 clips/);
    expect(noted).toContain("1 problem to solve first.");
    expect(await readFile(inside("r.html"), "utf8")).toContain("data:image/jpeg");
  });

  it("ends with 0 without errors, with 1 for warnings under --strict", async () => {
    await film("a.mp4");
    expect((await run("check", folder, "--out", inside("r.json"))).code).toBe(0);
    expect(JSON.parse(await readFile(inside("r.json"), "utf8"))).toMatchObject({ counts: { readable: 1, warning: 1 } });
    expect((await run("check", folder, "--strict")).code).toBe(1);
    expect((await run("check", folder, "--bucket", "17")).noted).toContain('"17" is no bucket');
    expect((await run("check", folder, "--out", "r.txt")).code).toBe(2);
  });
});

describe("data filter", () => {
  it("adds columns and a judgement, and loses nothing", async () => {
    const file = await manifest();
    const { code, printed } = await run(
      "filter",
      file,
      "--out",
      inside("f.parquet"),
      "--require",
      "brightness > 0.2",
      "--require",
      "no duplicate_of",
    );
    expect(code).toBe(0);
    expect(printed).toMatch(/column +distribution/);
    expect(printed).toContain("1 clips cannot be read");
    expect(printed).toContain("1 to keep of 3 clips");
    const { entries } = await readManifest(inside("f.parquet"));
    expect(entries.map(({ columns }) => columns["keep"])).toEqual([true, false, false]);
    expect(entries[1]!.columns["failed"]).toBe("no duplicate_of");
    const wrong = await run("filter", file, "--out", inside("g.jsonl"), "--require", "bright");
    expect(wrong).toMatchObject({ code: 1, noted: expect.stringContaining('"bright" is no requirement') as string });
  });
});

describe("data stats", () => {
  it("prints the lengths of captions", async () => {
    const file = await manifest();
    const { printed } = await run("stats", file, "--lengths", "2,300");
    expect(printed).toMatch(/words +mean 2\.67, max 5, standard deviation 1\.70/);
    expect(printed).toMatch(/≤ 2 words +66\.7 %/);
    expect(JSON.parse((await run("stats", file, "--json")).printed)).toMatchObject({
      clips: 3,
      captionSources: { human: 1 },
    });
    expect((await run("stats", file, "--tokenizer", inside("no.json"))).noted).toContain("--tokenizer");
  });
});

describe("data cache", () => {
  it("tells what is there, finds damage, tidies up", async () => {
    const open = await openLatentCache({
      folder: inside("cache"),
      encoder: "vae",
      transform: { size: 8 },
      shardSize: 1,
    });
    for (const name of ["a", "b"]) {
      const mean = createRng(1).normals(16);
      await open.put(name, { shape: [1, 2, 2, 4], mean, logVariance: mean });
    }
    expect((await run("cache", inside("cache"), "--verify")).printed).toMatch(
      /2 in 2 shards[^]*encoder vae[^]*as it was written/,
    );
    const shard = (await readdir(inside("cache"))).find((name) => name.endsWith(".safetensors"))!;
    const bytes = await readFile(inside("cache", shard));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(inside("cache", shard), bytes);
    const damaged = await run("cache", inside("cache"), "--verify");
    expect(damaged).toMatchObject({ code: 1, noted: expect.stringContaining("1 shards are damaged") as string });
    expect((await run("cache", inside("cache"), "--verify", "--prune")).code).toBe(0);
    expect((await run("cache", inside("cache"))).printed).toContain("1 in 1 shards");
    expect((await run("cache", inside("gone"))).noted).toContain("is no folder");
  });
});

describe("data show", () => {
  it("draws clips", async () => {
    await film("a.mp4");
    const { code, printed } = await run(
      "show",
      folder,
      "--out",
      inside("sheet.png"),
      "--frames",
      "3",
      "--height",
      "32",
    );
    expect(code).toBe(0);
    expect(printed).toContain("a.mp4  40 frames of 32x32");
    const { width, height } = await readImage(inside("sheet.png"));
    expect(width).toBeGreaterThan(96);
    expect(height).toBeGreaterThanOrEqual(32);
    expect((await run("show", folder, "--out", inside("x.png"), "--from", "9")).noted).toContain("--from is 9 but");
    expect((await run("show", folder, "--out", "sheet.gif")).noted).toContain("is no picture");
  });
});

it("every data command has help with examples", async () => {
  for (const name of ["check", "cut", "filter", "stats", "cache", "show"]) {
    const { code, printed } = await run(name, "--help");
    expect(code).toBe(0);
    expect(printed).toContain("Examples:");
  }
});

describe("shares of the work", () => {
  it("shards of filter, check and cut merge to what one run writes; what is missing is told", async () => {
    const file = await manifest();
    const options = ["--require", "brightness > 0.2"];
    await run("filter", file, "--out", inside("whole.jsonl"), ...options);
    const out = inside("merged.jsonl");
    const first = await run("filter", file, "--out", out, ...options, "--shard", "0/2");
    expect(first).toMatchObject({ code: 0 });
    expect(first.printed).toContain(`shard 0/2: 2 finished in ${out}.parts`);
    const early = await run("filter", file, "--out", out, ...options, "--merge");
    expect(early.code).not.toBe(0);
    expect(early.noted).toContain("1 of 3 are not finished");
    await run("filter", file, "--out", out, ...options, "--shard", "1/2");
    expect((await run("filter", file, "--out", out, ...options, "--merge")).code).toBe(0);
    expect(await readFile(out, "utf8")).toBe(await readFile(inside("whole.jsonl"), "utf8"));

    await run("check", file, "--out", inside("whole.html"));
    for (const shard of ["0/2", "1/2"])
      expect((await run("check", file, "--out", inside("r.html"), "--shard", shard)).code).toBe(0);
    expect((await run("check", file, "--out", inside("r.html"), "--merge")).code).toBe(1);
    expect(await readFile(inside("r.html"), "utf8")).toBe(await readFile(inside("whole.html"), "utf8"));

    const videos = [inside("a.mp4"), inside("b.mp4")];
    await run("cut", ...videos, "--out", inside("whole.csv"));
    for (const shard of ["0/2", "1/2"]) await run("cut", ...videos, "--out", inside("cut.csv"), "--shard", shard);
    expect((await run("cut", ...videos, "--out", inside("cut.csv"), "--merge")).code).toBe(0);
    expect(await readFile(inside("cut.csv"), "utf8")).toBe(await readFile(inside("whole.csv"), "utf8"));
    expect((await readdir(folder)).filter((name) => name.endsWith(".parts")).toSorted()).toEqual([
      "cut.csv.parts",
      "merged.jsonl.parts",
      "r.html.parts",
    ]);
  }, 30_000);

  it("shards of stats, show and cache merge to what one run says", async () => {
    await Promise.all([film("a.mp4"), film("b.mp4")]);
    const lines = ["a grey field turns dark", "the same", "a part of the same"].map((cap, i) => ({
      path: i === 0 ? "a.mp4" : "b.mp4",
      cap: [cap, " "],
      id: String(i),
      ...(i === 2 ? { start: 3, end: 9 } : {}),
    }));
    await writeFile(inside("m.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
    const [file, json, sheet] = ["m.jsonl", "stats.json", "sheet.png"].map((name) => inside(name)) as [
      string,
      string,
      string,
    ];
    const whole = await run("stats", file, "--json");
    expect((await run("stats", file, "--out", json, "--shard", "0/2")).printed).toContain("shard 0/2: 2 finished");
    expect((await run("stats", file, "--out", json, "--merge")).noted).toContain("1 of 3 are not finished");
    expect((await run("stats", file, "--out", json, "--shard", "1/2")).code).toBe(0);
    expect((await run("stats", file, "--out", json, "--merge", "--json")).printed).toBe(whole.printed);
    expect(await readFile(json, "utf8")).toBe(`${whole.printed}\n`);
    expect((await run("stats", file, "--shard", "0/2")).noted).toContain("--out is missing");

    const drawn = await run("show", file, "--out", inside("whole.png"), "--frames", "2");
    for (const shard of ["0/2", "1/2"]) {
      expect((await run("show", file, "--out", sheet, "--frames", "2", "--shard", shard)).code).toBe(0);
    }
    expect(await readdir(folder)).not.toContain("sheet.png");
    const merged = await run("show", file, "--out", sheet, "--frames", "2", "--merge");
    expect(merged.printed).toBe(drawn.printed.replace("whole.png", "sheet.png"));
    expect(await readFile(sheet)).toEqual(await readFile(inside("whole.png")));
    expect(await readdir(folder)).not.toContain("whole.png.parts");

    const cache = inside("cache");
    const open = await openLatentCache({ folder: cache, encoder: "vae", transform: 1, shardSize: 1 });
    const mean = createRng(1).normals(16);
    for (const name of ["a", "b", "c"]) await open.put(name, { shape: [1, 2, 2, 4], mean, logVariance: mean });
    const shard = (await readdir(cache)).filter((name) => name.endsWith(".safetensors")).toSorted()[2]!;
    const bytes = await readFile(inside("cache", shard));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(inside("cache", shard), bytes);
    const first = await run("cache", cache, "--verify", "--shard", "0/2");
    expect(first).toMatchObject({ code: 1, printed: expect.stringContaining("share 0/2: 2 of 3 shards") as string });
    expect((await run("cache", cache, "--verify", "--merge")).noted).toContain("1 of 3 are not finished");
    const second = await run("cache", cache, "--verify", "--shard", "1/2");
    expect(second.code).toBe(0);
    expect(second.printed).not.toContain("every shard");
    const found = await run("cache", cache, "--verify", "--prune", "--merge");
    expect(found.code).toBe(0);
    expect(found.printed).toContain(`${shard} was damaged after it was written`);
    expect(await readdir(cache)).not.toContain(shard);
    expect(await readdir(folder)).not.toContain("cache.parts");
    expect((await run("cache", cache, "--verify")).printed).toContain("every shard is as it was written");
    expect((await run("cache", cache, "--shard", "0/2")).noted).toContain("give --verify or --prune");
  }, 30_000);

  it("a run in one piece goes on from what is finished, and refuses what contradicts itself", async () => {
    const file = await manifest();
    await run("check", file, "--out", inside("r.json"), "--shard", "0/2"); // two of three, as a stopped run leaves them
    expect(await readdir(folder)).toContain("r.json.parts");
    expect((await run("check", file, "--out", inside("r.json"))).code).toBe(1);
    expect(await readdir(folder)).not.toContain("r.json.parts");
    expect(JSON.parse(await readFile(inside("r.json"), "utf8"))).toMatchObject({ counts: { clips: 3, readable: 2 } });
    expect((await run("check", file, "--shard", "0/2")).noted).toContain("--out is missing");
    const both = await run("filter", file, "--out", inside("f.jsonl"), "--shard", "0/2", "--merge");
    expect(both.noted).toContain("--shard and --merge are given together");
  });
});
