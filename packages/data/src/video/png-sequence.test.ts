import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { expect, test } from "vitest";
import { listFolder, movingClip, temporaryFolder } from "../../test/helpers.js";
import { clipFrames, framePixels, readImage, writeVideo } from "../index.js";

const clip = movingClip({ frames: 11, height: 9, width: 15 });

test("a folder of numbered pictures, exact, from a clip or a stream", async () => {
  const folder = path.join(await temporaryFolder(), "new", "frames");
  expect(await writeVideo(path.join(folder, "%05d.png"), clip)).toBe(11);
  const names = await listFolder(folder);
  expect([names[0], names.at(-1), names.length]).toEqual(["00000.png", "00010.png", 11]);
  for (const [i, name] of names.entries()) {
    expect((await readImage(path.join(folder, name))).pixels).toEqual(framePixels(clip, i));
  }
  const streamed = path.join(folder, "..", "streamed");
  await writeVideo(path.join(streamed, "shot-%d.png"), clipFrames(clip));
  expect(await readFile(path.join(streamed, "shot-10.png"))).toEqual(await readFile(path.join(folder, "00010.png")));
  expect(await listFolder(path.dirname(folder))).toEqual(["frames", "streamed"]);
});

test("an older sequence is replaced as a whole; a folder with anything else stays as it is", async () => {
  const parent = await temporaryFolder();
  const file = path.join(parent, "frames", "%03d.png");
  await writeVideo(file, clip);
  await writeVideo(file, movingClip({ frames: 2, height: 8, width: 8 }));
  expect(await listFolder(path.dirname(file))).toEqual(["000.png", "001.png"]);
  await writeFile(path.join(parent, "frames", "notes.txt"), "mine");
  const again = writeVideo(file, clip);
  await expect(again).rejects.toThrow(ConfigError);
  await expect(again).rejects.toThrow("holds notes.txt, which is no frame of the sequence");
  expect(await listFolder(path.dirname(file))).toEqual(["000.png", "001.png", "notes.txt"]);
  expect(await listFolder(parent)).toEqual(["frames"]);
});

test("after an error or an abort what was there before is still there", async () => {
  const parent = await temporaryFolder();
  const file = path.join(parent, "frames", "%05d.png");
  await writeVideo(file, movingClip({ frames: 2, height: 8, width: 8 }));
  const failing = (function* () {
    yield* clipFrames(clip);
    throw new Error("the model broke");
  })();
  await expect(writeVideo(file, failing)).rejects.toThrow("the model broke");
  const stop = new AbortController();
  const stopped = (function* () {
    for (const frame of clipFrames(clip)) {
      if (frame.index === 4) stop.abort();
      yield frame;
    }
  })();
  await expect(writeVideo(file, stopped, { signal: stop.signal })).rejects.toThrow("abort");
  const changing = [...clipFrames(clip), ...clipFrames(movingClip({ frames: 1, height: 8, width: 8 }))];
  await expect(writeVideo(file, changing)).rejects.toThrow("frame 11 is 8x8 but");
  await expect(writeVideo(file, [])).rejects.toThrow("there are no frames");
  expect(await listFolder(path.dirname(file))).toEqual(["00000.png", "00001.png"]);
  expect(await listFolder(parent)).toEqual(["frames"]);
});

test("what does not apply, and what cannot be, is told", async () => {
  const parent = await temporaryFolder();
  const file = path.join(parent, "frames", "%05d.png");
  for (const options of [{ crf: 3 }, { codec: "h264" }, { fps: 3 }, { preset: "slow" }] as const) {
    await expect(writeVideo(file, clip, options)).rejects.toThrow("does not apply to pictures");
  }
  await expect(writeVideo(path.join(parent, "frames.png"), clip)).rejects.toThrow("folder/%05d.png");
  await mkdir(path.join(parent, "frames", "below"), { recursive: true });
  await expect(writeVideo(file, clip)).rejects.toThrow("holds below");
  await writeFile(path.join(parent, "file"), "");
  await expect(writeVideo(path.join(parent, "file", "%d.png"), clip)).rejects.toThrow("cannot write into");
  expect(await listFolder(parent)).toEqual(["file", "frames"]);
});
