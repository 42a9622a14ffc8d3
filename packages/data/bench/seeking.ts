// Seconds to read ranges of a long film, from key packets and from the film's start:
//   npx tsx -C @noisereel/source packages/data/bench/seeking.ts [--minutes 10] [--ranges 60] [--frames 17]
// The film is made first: drifting gratings of 160x96 at 30 frames a second, H.264 as writeVideo writes it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { createRng } from "@noisereel/core";
import { readVideo, type VideoFrame, writeVideo } from "../src/index.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    ranges: { type: "string", default: "60" },
    frames: { type: "string", default: "17" },
  },
});
const [minutes, ranges, frames] = [values.minutes, values.ranges, values.frames].map(Number) as [
  number,
  number,
  number,
];
const [height, width, fps] = [96, 160, 30];

function* film(): Generator<VideoFrame> {
  for (let index = 0; index < minutes * 60 * fps; index++) {
    const pixels = new Uint8Array(height * width * 3);
    const [a, b] = [3 + ((index >> 8) % 5), 2 + ((index >> 8) % 7)];
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        pixels[i++] = (a * x + b * y + index) & 255;
        pixels[i++] = (y * 2 + (index >> 2)) & 255;
        pixels[i++] = (x ^ (index >> 4)) & 255;
      }
    }
    yield { index, height, width, fps, pixels };
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "noisereel-seeking-"));
  try {
    const file = path.join(folder, "film.mp4");
    const total = await writeVideo(file, film(), { preset: "ultrafast" });
    const rng = createRng(0);
    const starts = Array.from({ length: ranges }, () => rng.integer(total - frames));
    const read = async (seek: "auto" | "never"): Promise<{ seconds: number; first: number; pixels: Uint8Array[] }> => {
      const begun = performance.now();
      let first = 0;
      const pixels: Uint8Array[] = [];
      for (const start of starts) {
        pixels.push((await readVideo(file, { start, end: start + frames, seek })).pixels);
        first ||= performance.now() - begun;
      }
      return { seconds: (performance.now() - begun) / 1000, first: first / 1000, pixels };
    };
    const [sought, decoded] = [await read("auto"), await read("never")];
    const same = sought.pixels.every((pixels, i) => Buffer.compare(pixels, decoded.pixels[i]!) === 0);
    if (!same) throw new Error("the frames differ");
    console.log(`film: ${minutes} min, ${total} frames of ${width}x${height}; ${ranges} ranges of ${frames} frames`);
    console.log(`from key packets: ${sought.seconds.toFixed(2)} s, the first range ${sought.first.toFixed(2)} s`);
    console.log(`from the start:   ${decoded.seconds.toFixed(2)} s`);
    console.log(`ratio: ${(decoded.seconds / sought.seconds).toFixed(1)}; the same bytes`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

void main();
