import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ClipError, ConfigError, ShapeError } from "@noisereel/core";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import {
  fakeFfmpeg,
  listFolder,
  meanDifference,
  movingClip,
  shippedClips,
  temporaryFolder,
} from "../../test/helpers.js";
import {
  clipFrames,
  encodePng,
  framePixels,
  readImage,
  readVideo,
  videoFrames,
  writeImage,
  writeVideo,
} from "../index.js";

const cup = path.join(shippedClips, "cup.mp4");
const clip = movingClip({ frames: 9, height: 48, width: 64 });

describe("readVideo", () => {
  test("a range is the same frames as the whole, cut", async () => {
    const whole = await readVideo(cup);
    const part = await readVideo(cup, { start: 20, end: 60, maxFrames: 5, caption: "a cup" });
    expect([whole.frames, part.frames, part.fps, part.caption]).toEqual([65, 5, 26.78, "a cup"]);
    expect(meanDifference(part.pixels, whole.pixels.subarray(20 * 256 * 256 * 3, 25 * 256 * 256 * 3))).toBe(0);
  });

  test("fps resamples by time, size scales while decoding", async () => {
    const slow = await readVideo(cup, { fps: 13.39, size: { height: 32, width: 64 } });
    expect([slow.frames, slow.fps, slow.height, slow.width]).toEqual([33, 13.39, 32, 64]);
  });

  test("a clip that needs too much memory, or frames that are too large, are refused", async () => {
    await expect(readVideo(cup, { maxBytes: 1_000_000 })).rejects.toThrow("cup.mp4 needs more than 1 MiB of memory");
    await expect(readVideo(cup, { maxPixels: 1000 })).rejects.toThrow("its frames of 256x256 exceed the limit of 1000");
  });

  test("illegal options name the argument, the value and the remedy", async () => {
    await expect(readVideo(cup, { start: -1 })).rejects.toThrow("start is -1; use a frame number");
    await expect(readVideo(cup, { start: 4, end: 4 })).rejects.toThrow(
      "end is 4; use a frame number larger than start (4)",
    );
    await expect(readVideo(cup, { fps: 0 })).rejects.toThrow(ConfigError);
    await expect(readVideo(cup, { start: 500 })).rejects.toThrow("has no frame from 500 to its end");
  });
});

describe("broken files give one clear sentence", () => {
  test.each([
    ["missing.mp4", undefined, "missing.mp4 does not exist; check the path"],
    ["empty.mp4", Buffer.alloc(0), "empty.mp4 is empty (0 bytes)"],
    ["text.mp4", Buffer.from("hello"), /cannot read .*text\.mp4: .*; the file is damaged, cut short or no video/],
    ["list.m3u8", Buffer.from("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n"), /cannot read/],
    ["text.gif", Buffer.from("hello"), /cannot read .*text\.gif/],
  ])("%s", async (name, content, message) => {
    const file = path.join(await temporaryFolder(), name);
    if (content !== undefined) await writeFile(file, content);
    const reading = readVideo(file);
    await expect(reading).rejects.toThrow(ClipError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ path: file });
  });

  test("an mp4 that is cut short, or has damaged frames", async () => {
    const folder = await temporaryFolder();
    const bytes = await readFile(cup);
    const short = path.join(folder, "short.mp4");
    await writeFile(short, bytes.subarray(0, 30_000));
    await expect(readVideo(short)).rejects.toThrow(/is damaged: .* frames were decoded; damaged: "keep" accepts them/);
    expect((await readVideo(short, { damaged: "keep" })).frames).toBeLessThan(65);
    const scratched = path.join(folder, "scratched.mp4");
    await writeFile(scratched, Buffer.from(bytes).fill(0xaa, 25_000, 27_000));
    await expect(readVideo(scratched)).rejects.toThrow(/scratched\.mp4/);
  });

  test("a folder", async () => {
    await expect(readVideo(shippedClips)).rejects.toThrow("is not a file");
  });
});

describe("abort", () => {
  test("ends reading and writing with the signal's reason and leaves no file", async () => {
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const seen = (async () => {
      for await (const frame of videoFrames(cup, { signal: stop.signal })) if (frame.index === 2) stop.abort();
    })();
    await expect(seen).rejects.toThrow("aborted");
    await expect(readVideo(cup, { signal: stop.signal })).rejects.toThrow("aborted");
    const later = new AbortController();
    const frames = (function* () {
      for (const frame of clipFrames(clip)) {
        if (frame.index === 4) later.abort();
        yield frame;
      }
    })();
    await expect(writeVideo(path.join(folder, "a.mp4"), frames, { signal: later.signal })).rejects.toThrow("aborted");
    expect(await listFolder(folder)).toEqual([]);
  });
});

describe("writeVideo", () => {
  // H.264 and VP9 halve the colour's resolution and quantise; GIF has 256 colours. Lossless WebP is exact.
  test.each([
    ["a.mp4", 2.5],
    ["a.mov", 2.5],
    ["a.webm", 4],
    ["a.gif", 4],
    ["a.webp", 0],
  ])("%s comes back with the same frames", async (name, tolerance) => {
    const file = path.join(await temporaryFolder(), name);
    expect(await writeVideo(file, clip)).toBe(9);
    const back = await readVideo(file);
    expect([back.frames, back.height, back.width, back.fps]).toEqual([9, 48, 64, 10]);
    expect(meanDifference(back.pixels, clip.pixels)).toBeLessThanOrEqual(tolerance);
  });

  test("the same frames give the same bytes, from a clip or a stream, and the index comes first", async () => {
    const folder = await temporaryFolder();
    const files = ["a.mp4", "b.mp4"].map((name) => path.join(folder, name));
    await writeVideo(files[0]!, clip, { crf: 20 });
    await writeVideo(files[1]!, clipFrames(clip), { crf: 20 });
    const [a, b] = await Promise.all(files.map((file) => readFile(file)));
    expect(a!.equals(b!)).toBe(true);
    expect(a!.indexOf("moov")).toBeLessThan(a!.indexOf("mdat"));
    expect(a!.indexOf("avc1")).toBeGreaterThan(0);
  });

  test("colours survive the way to YUV and back", async () => {
    const file = path.join(await temporaryFolder(), "red.mp4");
    const pixels = new Uint8Array(2 * 32 * 32 * 3);
    for (let i = 0; i < pixels.length; i += 3) pixels.set([200, 30, 60], i);
    await writeVideo(file, { id: "red", pixels, frames: 2, height: 32, width: 32, fps: 5 }, { crf: 5 });
    const back = await readVideo(file);
    [200, 30, 60].forEach((value, c) => expect(Math.abs(back.pixels[c]! - value)).toBeLessThanOrEqual(3));
  });

  test("refuses what cannot be written, before or while writing, and leaves nothing", async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, "x.mp4");
    const odd = movingClip({ frames: 1, height: 61, width: 60 });
    await expect(writeVideo(file, odd)).rejects.toThrow(ShapeError);
    await expect(writeVideo(file, odd)).rejects.toThrow("crop or pad to 60x62");
    await expect(writeVideo(path.join(folder, "x.wmv"), clip)).rejects.toThrow('ends in ".wmv"; writable are .mp4');
    await expect(writeVideo(file, clip, { crf: 99 })).rejects.toThrow("crf is 99; use an integer from 0 to 51");
    await expect(writeVideo(file, [])).rejects.toThrow("there are no frames");
    const changing = [...clipFrames(clip), ...clipFrames(movingClip({ frames: 1, height: 32, width: 32 }))];
    await expect(writeVideo(file, changing)).rejects.toThrow("frame 9 is 32x32 but");
    const failing = (function* () {
      yield* clipFrames(clip);
      throw new Error("the model broke");
    })();
    await expect(writeVideo(file, failing)).rejects.toThrow("the model broke");
    expect(await listFolder(folder)).toEqual([]);
  });

  test.each([0, 1])(
    "a full disk keeps the file that was there before, ffmpeg ending with status %i",
    async (status) => {
      const folder = await temporaryFolder();
      const file = path.join(folder, "x.mp4");
      await writeFile(file, "before");
      const ffmpeg = await fakeFfmpeg(
        await temporaryFolder(),
        `cat > /dev/null; echo half > "$last"; echo "[error] Error writing trailer: No space left on device" >&2; exit ${status}`,
      );
      await expect(writeVideo(file, clip, { ffmpeg })).rejects.toThrow(
        `cannot write ${file}: Error writing trailer: No space left`,
      );
      expect(await readFile(file, "utf8")).toBe("before");
      expect(await listFolder(folder)).toEqual(["x.mp4"]);
      const nowhere = path.join(folder, "x.mp4", "y.mp4");
      await expect(writeVideo(nowhere, clip)).rejects.toThrow(ClipError);
    },
  );

  test("makes the folder; a folder in the file's place is an error and stays", async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, "new", "x.mp4");
    await writeVideo(file, clip);
    expect(await listFolder(path.dirname(file))).toEqual(["x.mp4"]);
    const taken = path.join(folder, "taken.mp4");
    await mkdir(path.join(taken, "inside"), { recursive: true });
    await expect(writeVideo(taken, clip)).rejects.toThrow(`cannot write ${taken}`);
    expect(await listFolder(folder)).toEqual(["new", "taken.mp4"]);
  });
});

describe("images", () => {
  test("png is exact; jpg and webp are close", async () => {
    const folder = await temporaryFolder();
    for (const [name, tolerance] of [
      ["a.png", 0],
      ["a.jpg", 3],
      ["a.webp", 3],
    ] as const) {
      const file = path.join(folder, name);
      await writeImage(file, clip, { frame: 3 });
      const back = await readImage(file, { caption: "still" });
      expect([back.frames, back.height, back.width, back.fps, back.caption]).toEqual([1, 48, 64, 1, "still"]);
      expect(meanDifference(back.pixels, framePixels(clip, 3))).toBeLessThanOrEqual(tolerance);
    }
    expect((await encodePng(clip)).subarray(1, 4)).toEqual(new Uint8Array(Buffer.from("PNG")));
  });

  test("a picture lies upright, grey becomes RGB, transparency becomes white", async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, "turned.jpg");
    const grey = { create: { width: 8, height: 4, channels: 3, background: "#777777" } } as const;
    await sharp(grey).greyscale().withMetadata({ orientation: 6 }).jpeg().toFile(file);
    const turned = await readImage(file);
    expect([turned.height, turned.width, turned.pixels.length]).toEqual([8, 4, 96]);
    const clear = path.join(folder, "clear.png");
    await sharp({ create: { width: 2, height: 2, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
      .png()
      .toFile(clear);
    expect([...(await readImage(clear)).pixels]).toEqual(Array.from({ length: 12 }, () => 255));
  });

  test("broken and unknown files are refused", async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, "x.png"), "hello");
    await expect(readImage(path.join(folder, "x.png"))).rejects.toThrow(/cannot read .*x\.png/);
    await expect(writeImage(path.join(folder, "x.bmp"), clip)).rejects.toThrow('ends in ".bmp"; writable are .png');
    await expect(writeImage(path.join(folder, "y.png"), clip, { frame: 9 })).rejects.toThrow("frame 9 of clip moving");
    expect(await listFolder(folder)).toEqual(["x.png"]);
  });
});
