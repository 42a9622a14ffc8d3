import { writeFile } from "node:fs/promises";
import path from "node:path";
import { ClipError, ConfigError } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fakeFfmpeg, shippedClips, temporaryFolder } from "../../test/helpers.js";
import { findFfmpeg, probeVideo, videoFrames } from "../index.js";
import { codecFromLog, durationFromLog, frameRateFromLog } from "./log.js";
import { ppmFrames, type RgbFrame } from "./ppm.js";

describe("findFfmpeg", () => {
  test("looks at the option, the environment, PATH and the installed package, in this order", async () => {
    const folder = await temporaryFolder();
    const fake = path.join(folder, process.platform === "win32" ? "ffmpeg.exe" : "ffmpeg");
    await writeFile(fake, "#!/bin/sh\n", { mode: 0o755 });
    const environment = { NOISEREEL_FFMPEG: fake, PATH: folder };
    expect(await findFfmpeg({ ffmpeg: process.execPath, environment })).toEqual({
      path: process.execPath,
      origin: "option",
    });
    expect((await findFfmpeg({ environment })).origin).toBe("NOISEREEL_FFMPEG");
    expect((await findFfmpeg({ environment: { PATH: folder } })).origin).toBe("PATH");
    expect((await findFfmpeg({ environment: {} })).origin).toBe("@ffmpeg-installer/ffmpeg");
  });

  test("a path that is given but cannot be run is an error that names it", async () => {
    const wrong = findFfmpeg({ environment: { NOISEREEL_FFMPEG: "/nowhere/ffmpeg" } });
    await expect(wrong).rejects.toThrow(ConfigError);
    await expect(wrong).rejects.toThrow("NOISEREEL_FFMPEG is /nowhere/ffmpeg");
  });
});

describe("probeVideo", () => {
  test("says size, rate, frames and codec of a real clip", async () => {
    expect(await probeVideo(path.join(shippedClips, "plant.mp4"))).toEqual({
      height: 256,
      width: 256,
      fps: 30.02,
      frames: 33,
      seconds: 33 / 30.02,
      codec: "h264",
      problems: [],
    });
  });

  test("count: false does not decode the whole file", async () => {
    const facts = await probeVideo(path.join(shippedClips, "plant.mp4"), { count: false });
    expect(facts.frames).toBeUndefined();
    expect(facts.seconds).toBeCloseTo(1.1, 1);
  });
});

test("the log of an old and of a new ffmpeg is understood", () => {
  const old = [
    "[info] Input #0, avi, from 'x':",
    "[info]   Duration: 01:02:03.50, start: 0",
    "[info]     Stream #0:0: Video: cinepak (cvid / 0x64), rgb24, 320x240, 15 fps, 15 tbr",
  ];
  expect([frameRateFromLog(old), codecFromLog(old), durationFromLog(old)]).toEqual([15, "cinepak", 3723.5]);
  const without = [
    "[info] Input #0, ogg, from 'x':",
    "[info]   Stream #0:1[0x1]: Video: theora, yuv420p(tv), 214x160, 14.99 tbr, 15 tbn",
  ];
  expect([frameRateFromLog(without), durationFromLog(without)]).toEqual([14.99, undefined]);
});

test("frames come out the same however the stream is cut into chunks", async () => {
  const picture = fc.record({ height: fc.integer({ min: 1, max: 4 }), width: fc.integer({ min: 1, max: 12 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(picture, { maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      async (sizes, cuts) => {
        const frames = sizes.map(({ height, width }, n) => ({
          height,
          width,
          pixels: Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 7 + n) % 256),
        }));
        const stream = Buffer.concat(
          frames.flatMap(({ height, width, pixels }) => [Buffer.from(`P6\n${width} ${height}\n255\n`), pixels]),
        );
        const out: RgbFrame[] = [];
        for await (const frame of ppmFrames(cut(stream, cuts), { file: "x", maxPixels: 100 })) out.push(frame);
        expect(out).toEqual(frames);
      },
    ),
    { numRuns: 60 },
  );
});

async function* cut(bytes: Buffer, sizes: Iterator<number>): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const next = at + (sizes.next().value as number);
    yield bytes.subarray(at, next);
    at = next;
  }
}

describe("a process that misbehaves", () => {
  test("is killed when it does nothing for too long", async () => {
    const folder = await temporaryFolder();
    const ffmpeg = await fakeFfmpeg(folder, "exec sleep 60");
    const frames = videoFrames(path.join(shippedClips, "cup.mp4"), { ffmpeg, stallSeconds: 0.3 });
    await expect(frames.next()).rejects.toThrow("ffmpeg did nothing for 0.3 s");
  });

  test("is told with its first error line", async () => {
    const folder = await temporaryFolder();
    const ffmpeg = await fakeFfmpeg(
      folder,
      'echo "[mov @ 0x1] [error] the sky fell." >&2; echo "[fatal] so" >&2; exit 3',
    );
    const reading = videoFrames(path.join(shippedClips, "cup.mp4"), { ffmpeg }).next();
    await expect(reading).rejects.toThrow(ClipError);
    await expect(reading).rejects.toThrow(/cup\.mp4: the sky fell; the file is damaged/);
  });

  test("stops when the caller leaves the loop", async () => {
    const folder = await temporaryFolder();
    const marker = path.join(folder, "gone");
    const ffmpeg = await fakeFfmpeg(
      folder,
      `echo "[info] Input #0" >&2; echo "[info] Stream #0:0: Video: x, 10 fps" >&2
       while printf 'P6\\n1 1\\n255\\nabc'; do :; done; touch ${marker}`,
    );
    for await (const frame of videoFrames(path.join(shippedClips, "cup.mp4"), { ffmpeg })) {
      if (frame.index === 5) break;
    }
    await expect(writeFile(marker, "", { flag: "wx" })).resolves.toBeUndefined(); // killed, not ended by itself
  });
});
