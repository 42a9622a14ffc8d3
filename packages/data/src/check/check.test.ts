// A folder with one clip of every kind of trouble, and what is said about each.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { movingClip, temporaryFolder } from "../../test/helpers.js";
import { checkManifest, checkPage, type CheckReport, parseBucket, writeImage, writeVideo } from "../index.js";

async function troubledFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const clip = movingClip({ frames: 17, height: 32, width: 48 });
  await writeVideo(path.join(folder, "good.mp4"), clip);
  await writeVideo(path.join(folder, "short.mp4"), {
    ...clip,
    pixels: clip.pixels.slice(0, 6 * 32 * 48 * 3),
    frames: 6,
  });
  await writeImage(path.join(folder, "c.png"), clip);
  const bytes = await readFile(path.join(folder, "good.mp4"));
  await writeFile(path.join(folder, "cut.mp4"), bytes.subarray(0, bytes.length >> 1));
  await writeFile(path.join(folder, "empty.mp4"), "");
  await writeFile(path.join(folder, "text.mp4"), "this is no video".repeat(50));
  const lines = [
    { path: "good.mp4", cap: "a <b>square</b>" },
    { path: "short.mp4", cap: "short" },
    { path: "c.png", cap: "an image" },
    { path: "cut.mp4", cap: "x" },
    { path: "empty.mp4", cap: "x" },
    { path: "text.mp4", cap: "x" },
    { path: "gone.mp4", cap: "x" },
    { path: "good.mp4", cap: "", num_frames: 30, width: 40, fps: 25, sha256: "0".repeat(64) },
    { path: "good.mp4", cap: "x", start: 3, end: 20 },
    { path: "good.mp4", cap: 7 },
  ];
  await writeFile(path.join(folder, "m.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
  return path.join(folder, "m.jsonl");
}

const at = ({ problems }: CheckReport, line: number): string[] =>
  problems.filter((problem) => problem.line === line).map(({ level, field, reason }) => `${level} ${field}: ${reason}`);

describe("checkManifest", () => {
  test("every file is opened and every problem told with line, reason and remedy", async () => {
    const file = await troubledFolder();
    const progress: number[] = [];
    const report = await checkManifest(file, {
      frames: 17,
      size: 32,
      buckets: ["17x32x32", "1x32x32"].map(parseBucket),
      thumbnails: true,
      onProgress: (event) => void ("index" in event && progress.push(event.index)),
    });
    expect(at(report, 1)).toEqual([]);
    expect(at(report, 2)).toEqual(["warning undefined: needs 17 frames, has 6: frames would repeat"]);
    expect(at(report, 3)).toEqual([]);
    for (const line of [4, 5, 6])
      expect(at(report, line), `line ${line}`).toEqual([expect.stringMatching(/^error path: /)]);
    expect(at(report, 7)).toEqual([expect.stringMatching(/gone\.mp4 does not exist/)]);
    expect(at(report, 8).toSorted()).toEqual([
      "error num_frames: 30 frames are stated but 17 decode",
      expect.stringMatching(/^error sha256: the file's is [0-9a-f]{12}…/),
      "error width: 40 is stated but frames have 48",
      "warning cap: there is no caption",
      "warning fps: 25 is stated but the file says 10",
      "warning path: the same clip is listed at line 1",
    ]);
    expect(at(report, 9)).toEqual([
      "error end: 17 frames are stated but 14 decode",
      "warning undefined: needs 17 frames, has 14: frames would repeat",
    ]);
    expect(at(report, 10)).toEqual(["error cap: Invalid input"]);
    for (const { remedy, where } of report.problems) expect(remedy, where).not.toBe("");
    expect(report.counts).toEqual({ clips: 8, readable: 5, error: 9, warning: 5, hint: 0 });
    expect(report.buckets!.counts.map(({ clips }) => clips)).toEqual([2, 3]);
    expect(report.buckets!.dropped.map(({ reason }) => reason)).toEqual(Array(3).fill("it cannot be read"));
    expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const page = checkPage(report);
    expect(page).toContain("a &#60;b&#62;square&#60;/b&#62;");
    expect(page.match(/data:image\/jpeg/g)).toHaveLength(5);
    expect(page).toContain("17x32x32");
    expect(checkPage(report, { shown: 2 })).toContain("6 more clips are not shown");
  });

  test("without a wanted length the 4k + 1 rule is a hint", async () => {
    const file = await troubledFolder();
    const report = await checkManifest(file);
    expect(at(report, 2)).toEqual(["hint undefined: has 6 frames, which is not 4k + 1"]);
    expect(report.problems.at(-1)!.remedy).toMatch(/at most \d+ of them are used at once/);
    expect(report.clips[0]!.found!.thumbnail).toBeUndefined();
    expect(report.buckets).toBeUndefined();
  });

  test("an empty manifest is an error, an abort ends it", async () => {
    const file = path.join(await temporaryFolder(), "m.jsonl");
    await writeFile(file, "\n");
    expect((await checkManifest(file)).problems).toMatchObject([
      { level: "error", reason: "the manifest holds no clips" },
    ]);
    const controller = new AbortController();
    controller.abort();
    await expect(checkManifest(await troubledFolder(), { signal: controller.signal })).rejects.toThrow("abort");
  });
});
