import { existsSync } from "node:fs";
import { readFile, readdir, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { readVideo, writeImage, writeVideo } from "@noisereel/data";
import type { QuickstartOptions } from "@noisereel/recipes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../src/command-line.js";
import { fakeContext, fakeRun, greyClip } from "./fakes.js";

let folder = "";
const inside = (...parts: string[]): string => path.join(folder, ...parts);
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "noisereel-cli-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("sample", () => {
  it("writes clips with a sidecar for each prompt and seed", async () => {
    const run = fakeRun();
    const context = fakeContext({ run });
    await writeFile(inside("prompts.txt"), "a grey dog\n\n  a grey cat \r\n");
    const args = ["sample", "--prompts", inside("prompts.txt"), "--n", "2", "--seed", "5", "--run", "runs/fake"];
    expect(await runCommandLine([...args, "--out", inside("out")], context)).toBe(0);
    expect((await readdir(inside("out"))).filter((name) => name.endsWith(".mp4"))).toEqual([
      "001-a-grey-dog-5.mp4",
      "002-a-grey-dog-6.mp4",
      "003-a-grey-cat-5.mp4",
      "004-a-grey-cat-6.mp4",
    ]);
    expect(context.terminal.printed[0]).toBe(inside("out", "001-a-grey-dog-5.mp4"));
    const sidecar = JSON.parse(await readFile(inside("out", "004-a-grey-cat-6.json"), "utf8")) as object;
    expect(sidecar).toMatchObject({
      format: "noisereel-generation-1",
      file: "004-a-grey-cat-6.mp4",
      prompt: "a grey cat",
      seed: 6,
      steps: 3,
      sampler: { type: "ddim" },
      run: "runs/fake",
      fps: 8,
    });
    expect((await readVideo(inside("out", "001-a-grey-dog-5.mp4"))).frames).toBe(5);
    expect(run.disposed).toBe(true);
  });

  it("hands every setting to the run and writes one frame as png", async () => {
    const run = fakeRun();
    const settings = ["--steps", "2", "--guidance", "1.5", "--negative", "blur", "--sampler", "ddpm"];
    const args = ["sample", "a dog", ...settings, "--height", "16", "--width", "24", "--image", "--run", "x"];
    expect(await runCommandLine([...args, "--out", inside("out")], fakeContext({ run }))).toBe(0);
    expect(run.asked[0]).toMatchObject({
      steps: 2,
      guidanceScale: 1.5,
      negativePrompt: "blur",
      sampler: "ddpm",
      frames: 1,
      height: 16,
      width: 24,
      seed: 0,
    });
    expect(await readdir(inside("out"))).toEqual(["001-a-dog-0.json", "001-a-dog-0.png"]);
  });

  it("makes a clip again from its sidecar; flags change it", async () => {
    const run = fakeRun();
    const settings = ["--seed", "9", "--steps", "2", "--sampler", "ddpm", "--negative", "blur", "--fps", "12"];
    const out = ["--out", inside("out")];
    expect(await runCommandLine(["sample", "a dog", ...settings, "--run", "x", ...out], fakeContext({ run }))).toBe(0);
    expect((await readVideo(inside("out", "001-a-dog-9.mp4"))).fps).toBe(12);
    const from = ["sample", "--from", inside("out", "001-a-dog-9.json"), ...out];
    expect(await runCommandLine(from, fakeContext({ run }))).toBe(0);
    expect(await readFile(inside("out", "002-a-dog-9.mp4"))).toEqual(await readFile(inside("out", "001-a-dog-9.mp4")));
    expect(await runCommandLine([...from, "--seed", "4"], fakeContext({ run }))).toBe(0);
    const [first, again, changed] = run.asked.map((asked) => ({ ...asked, signal: undefined, onStep: undefined }));
    expect(again).toMatchObject({ ...first });
    expect(changed).toEqual({ ...again, seed: 4 });
  });

  it("begins with a picture, and does so again from the sidecar", async () => {
    const run = fakeRun();
    const out = ["--out", inside("out")];
    const picture = inside("first.png");
    await writeImage(picture, greyClip({ seed: 3, frames: 1, height: 40, width: 48 }));
    const args = ["sample", "a dog", "--from-image", picture, "--windows", "2", "--run", "x", ...out];
    expect(await runCommandLine(args, fakeContext({ run }))).toBe(0);
    expect(run.asked[0]).toMatchObject({ windows: 2, known: { frames: 1, height: 40, width: 48 } });
    const sidecar = inside("out", "001-a-dog-0.json");
    expect(JSON.parse(await readFile(sidecar, "utf8"))).toMatchObject({
      windows: 2,
      overlap: 5,
      known: { option: "fromImage", file: picture },
    });
    expect(await runCommandLine(["sample", "--from", sidecar, ...out], fakeContext({ run }))).toBe(0);
    expect(run.asked[1]!.known!.pixels).toEqual(run.asked[0]!.known!.pixels);
    expect(run.asked[1]!.windows).toBe(2);
    await writeImage(picture, greyClip({ seed: 4, frames: 1, height: 40, width: 48 }));
    const context = fakeContext({ run });
    expect(await runCommandLine(["sample", "--from", sidecar, ...out], context)).toBe(0);
    expect(context.terminal.noted.join()).toMatch(/first\.png is another than the one of .*001-a-dog-0\.json/);
  });

  it("continues the last frames of a video", async () => {
    const run = fakeRun();
    const video = inside("before.mp4");
    const frames = Array.from({ length: 9 }, (_, seed) => greyClip({ seed, frames: 1, height: 32, width: 32 }).pixels);
    const pixels = Uint8Array.from(frames.flatMap((frame) => [...frame]));
    await writeVideo(video, { ...greyClip({ seed: 0, frames: 9, height: 32, width: 32 }), pixels });
    const args = ["sample", "a dog", "--continue", video, "--run", "x", "--out", inside("out")];
    expect(await runCommandLine([...args, "--overlap", "1", "--frames", "9"], fakeContext({ run }))).toBe(0);
    expect(run.asked[0]!.known!.frames).toBe(1);
    // The file is lossy: the last of nine greys, 40 + 8 * 37 mod 200, to a few levels.
    expect(Math.abs(run.asked[0]!.known!.pixels[0]! - 136)).toBeLessThan(8);
    expect(await runCommandLine(args, fakeContext({ run }))).toBe(0);
    expect(run.asked[1]!.known!.frames).toBe(5);
  });

  it("shows the clip so far while it is made, and nothing of it afterwards", async () => {
    const seen: boolean[] = [];
    const out = inside("out");
    const run = fakeRun({ beforeStep: () => seen.push(existsSync(path.join(out, "preview.png"))) });
    const context = fakeContext({ run });
    const args = ["sample", "a dog", "--steps", "5", "--preview", "2", "--run", "x", "--out", out];
    expect(await runCommandLine(args, context)).toBe(0);
    expect(seen).toEqual([false, false, true, true, true]); // after step 2 and step 4
    expect(context.terminal.noted.join()).toMatch(/so far: .*preview\.png/);
    expect(await readdir(out)).toEqual(["001-a-dog-0.json", "001-a-dog-0.mp4"]);
  });

  it("says when the weights of a sidecar are gone", async () => {
    const run = fakeRun();
    const out = ["--out", inside("out")];
    await runCommandLine(["sample", "a dog", "--run", "x", ...out], fakeContext({ run }));
    const file = inside("out", "001-a-dog-0.json");
    await writeFile(file, (await readFile(file, "utf8")).replace('"fake"', '"older"'));
    const context = fakeContext({ run });
    expect(await runCommandLine(["sample", "--from", file, ...out], context)).toBe(0);
    expect(context.terminal.noted.join()).toMatch(/weights in x are others than those of .*001-a-dog-0\.json/);
  });

  it("never writes over a clip of another process", async () => {
    const args = ["sample", "a dog", "--n", "3", "--run", "x", "--out", inside("out")];
    const codes = await Promise.all([1, 2, 3].map(() => runCommandLine(args, fakeContext({ run: fakeRun() }))));
    expect(codes).toEqual([0, 0, 0]);
    const names = await readdir(inside("out"));
    expect(names.filter((name) => name.endsWith(".mp4"))).toHaveLength(9);
    expect(names).toHaveLength(18);
  });

  it.each([
    [["sample"], /there is no prompt/],
    [["sample", "free shipping"], /"free shipping", is empty once/],
    [["sample", "x", "--sampler", "dpm", "--run", "r"], /--sampler is "dpm"; use one of ddpm, ddim, .*unipc/],
    [["sample", "--from", "nowhere.json"], /nowhere\.json does not exist; name the \.json/],
    [["sample", " "], /prompt is empty/],
    [["sample", "x", "--prompts", "y"], /use one of them/],
    [["sample", "--prompts", "nowhere.txt"], /nowhere\.txt does not exist/],
    [["sample", "x", "--image", "--frames", "5", "--run", "r"], /leave one of them out/],
    [["sample", "x", "--frames", "18", "--run", "r"], /18 frames are not possible/],
    [["sample", "x", "--from-image", "a.png", "--continue", "b.mp4", "--run", "r"], /use one of them/],
    [["sample", "x", "--from-image", "nowhere.png", "--run", "r"], /nowhere\.png/],
    [["sample", "x", "--continue", "nowhere.mp4", "--run", "r"], /nowhere\.mp4/],
    [["sample", "x", "--image", "--windows", "2", "--run", "r"], /--windows would go on from; leave one of them out/],
    [
      ["sample", "x", "--windows", "2", "--overlap", "6", "--run", "r"],
      /--overlap is 6 but must be 4k \+ 1; .* 5 and 9/,
    ],
    [["sample", "x", "--overlap", "5", "--run", "r"], /use it with --continue or --windows/],
  ])("refuses %j with one sentence", async (args, sentence) => {
    const context = fakeContext({ run: fakeRun() });
    expect(await runCommandLine([...args, "--out", inside("out")], context)).toBe(1);
    const errors = context.terminal.noted.filter((line) => line.startsWith("error: "));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(sentence);
    expect(await readdir(inside("out")).catch(() => [])).toEqual([]);
  });

  it("refuses an illegal size before it loads anything", async () => {
    await mkdir(inside("run", "models", "denoiser"), { recursive: true });
    await writeFile(inside("run", "models", "denoiser", "config.json"), '{"patch_size": 2}');
    const context = fakeContext({}); // opening a run would be another error
    const size = ["--frames", "18", "--height", "60", "--width", "61"];
    expect(await runCommandLine(["sample", "x", ...size, "--run", inside("run")], context)).toBe(1);
    expect(context.terminal.noted).toEqual([
      expect.stringMatching(/18 frames.*17 or 21.*height 60.*48 or 64.*width 61.*48 or 64/),
    ]);
  });

  it.each([
    ["--from-image", ["--from-image", "first.png"]],
    ["--continue", ["--continue", "before.mp4"]],
    ["--windows", ["--windows", "3"]],
  ])("says what %s needs of a run before it loads anything", async (option, args) => {
    await mkdir(inside("run", "models", "denoiser"), { recursive: true });
    await writeFile(inside("run", "models", "denoiser", "config.json"), '{"patch_size": 2}');
    const context = fakeContext({});
    expect(await runCommandLine(["sample", "x", ...args, "--run", inside("run")], context)).toBe(1);
    expect(context.terminal.noted).toEqual([
      expect.stringMatching(
        new RegExp(`${option} needs a denoiser that goes on .* train one with .*programs/image-to-video`),
      ),
    ]);
  });

  it("keeps whole clips and says how many when it is stopped", async () => {
    const context = fakeContext({
      run: fakeRun({ beforeStep: () => steps++ === 4 && context.controller.abort() }),
    });
    let steps = 0;
    expect(await runCommandLine(["sample", "x", "--n", "3", "--run", "r", "--out", inside("out")], context)).toBe(130);
    expect(await readdir(inside("out"))).toEqual(["001-x-0.json", "001-x-0.mp4"]);
    expect(context.terminal.noted.at(-1)).toBe(`Stopped; 1 of 3 clips are in ${inside("out")}.`);
  });
});

describe("quickstart", () => {
  const report = {
    seconds: 421,
    peakRssMiB: 1234.5,
    phases: {},
    reconstruction: { psnr: 24.123, ssim: 0.81234, clips: [] },
    prompts: { matched: 6, total: 8, samples: [] },
    parameters: {},
    environment: { node: "20", platform: "test", cores: 2 },
    config: {},
  };

  it("sums the run up", async () => {
    const asked: unknown[] = [];
    const context = fakeContext({
      runQuickstart: async (options) => {
        asked.push(options);
        return report;
      },
    });
    expect(await runCommandLine(["quickstart", "--out", inside("run"), "--manifest", "m.jsonl"], context)).toBe(0);
    expect(asked[0]).toMatchObject({ folder: inside("run"), manifest: "m.jsonl", fresh: false });
    const text = context.terminal.printed.join("\n");
    for (const part of ["report.html", "reel.mp4", "PSNR 24.12 dB, SSIM 0.812", "6 of 8", "7:01", "1235 MiB"]) {
      expect(text).toContain(part);
    }
  });

  it("ends with 0 and the command that goes on when it is stopped", async () => {
    const context = fakeContext({
      runQuickstart: async (options?: QuickstartOptions) => {
        context.controller.abort();
        options?.signal?.throwIfAborted();
        return report;
      },
    });
    expect(await runCommandLine(["quickstart", "--out", "runs/my own", "--fresh"], context)).toBe(0);
    expect(context.terminal.noted.at(-1)).toMatch(/goes on from here: noisereel quickstart --out 'runs\/my own'$/);
  });

  it("removes only folders of runs", async () => {
    await mkdir(inside("photos"));
    await writeFile(inside("photos", "a.jpg"), "");
    const context = fakeContext({ runQuickstart: async () => report });
    expect(await runCommandLine(["quickstart", "--out", inside("photos"), "--fresh"], context)).toBe(1);
    expect(context.terminal.noted.at(-1)).toMatch(/is not the folder of a run .* choose another --out/);
    expect(await runCommandLine(["quickstart", "--out", inside("new"), "--fresh"], context)).toBe(0);
  });
});
