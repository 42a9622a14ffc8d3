// Reading and writing in headless Chromium: colours beside Node's, frames a second, and an hour of video.
// npx tsx -C @noisereel/source packages/data/bench/browser.ts
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { findFfmpeg, readVideo, writeVideo } from "../src/index.js";
import { shippedClips } from "../test/helpers.js";
import { expected, openWebTests } from "../test/web-browser.js";

const tests = await openWebTests();
if (tests.noH264 !== undefined) throw new Error(tests.noH264);
const { page: browser, folder } = tests;
await browser.evaluate("globalThis.__name = (value) => value"); // tsx names functions by it, in the page too
const made = (name: string): string => path.join(folder, name);
const { path: program } = await findFfmpeg();
const ffmpeg = (...parts: string[]) => promisify(execFile)(program, ["-v", "error", "-y", ...parts]);
const clip = (name: string): string => path.join(shippedClips, name);

console.log("colours of the first frame, difference from Node's readVideo (of 255)");
await writeVideo(made("tagged.mp4"), await readVideo(clip("city.mp4"), { end: 10 }));
for (const url of ["clips/race.mp4", "clips/cup.mp4", "clips/city.mp4", "made/tagged.mp4"]) {
  const file = url.startsWith("clips/") ? clip(url.slice(6)) : made(url.slice(5));
  const { url: pixels } = await expected(folder, "node.rgb", await readVideo(file, { end: 1 }));
  const [ours, theirs] = await browser.evaluate(
    async ([address, wanted]) => {
      const blob = await page.blob(address);
      const inNode = await page.bytes(wanted);
      const { pixels: converted } = await page.readVideo(blob, { end: 1 });
      return [page.compare(converted, inNode), page.compare(await page.convertedByBrowser(blob), inNode)] as const;
    },
    [url, pixels] as const,
  );
  const told = ({ mean, max }: typeof ours): string => `mean ${mean.toFixed(4)}, largest ${max}`;
  console.log(`  ${url}: ${told(ours)}; as the browser converts it: ${told(theirs)}`);
}

console.log("frames a second, median of three");
await ffmpeg("-i", clip("city.mp4"), "-vf", "scale=1920:1080", "-crf", "30", made("large.mp4"));
for (const url of ["clips/city.mp4", "made/large.mp4"]) {
  const rates = await browser.evaluate(async (address) => {
    const blob = await page.blob(address);
    const median = async (frames: () => Promise<number>): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        const begin = performance.now();
        const count = await frames();
        times.push((1000 * count) / (performance.now() - begin));
      }
      return times.toSorted((a, b) => a - b)[1]!;
    };
    const count = async (size?: { height: number; width: number }): Promise<number> => {
      let frames = 0;
      for await (const { pixels } of page.videoFrames(blob, { size })) frames += pixels.length > 0 ? 1 : 0;
      return frames;
    };
    const few = await page.readVideo(blob, { end: 30 });
    const written = async (codec: "h264" | "vp9"): Promise<number> => {
      await page.writeVideo("x.mp4", few, { codec });
      return few.frames;
    };
    return {
      read: await median(() => count()),
      "read at 256x256": await median(() => count({ height: 256, width: 256 })),
      "write H.264": await median(() => written("h264")),
      "write VP9": await median(() => written("vp9")),
    };
  }, url);
  const told = Object.entries(rates).map(([what, rate]) => `${what} ${rate.toFixed(0)}`);
  console.log(`  ${url}: ${told.join(", ")}`);
}

console.log("an hour");
await ffmpeg("-stream_loop", "1384", "-i", clip("city.mp4"), "-c", "copy", "-movflags", "+faststart", made("hour.mp4"));
await ffmpeg("-i", made("hour.mp4"), "-c", "copy", made("hour.mkv"));
for (const url of ["made/hour.mp4", "made/hour.mkv"]) {
  const facts = await browser.evaluate(async (address) => {
    const blob = await page.blob(address);
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const begin = performance.now();
      await work();
      return (performance.now() - begin) / 1000;
    };
    const first = await timed(() => page.readVideo(blob, { end: 1 }));
    const late = await timed(() => page.readVideo(blob, { start: 80_000, end: 80_001 }));
    page.leftOpen();
    const memory = (): number =>
      (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
    let [seen, mostMemory] = [0, 0];
    for await (const { index } of page.videoFrames(blob, { end: 5000 })) {
      if (index % 500 === 0) mostMemory = Math.max(mostMemory, memory());
      seen++;
    }
    const { mostFrames } = page.leftOpen();
    return { megabytes: blob.size / 2 ** 20, first, late, seen, mostFrames, heap: mostMemory / 2 ** 20 };
  }, url);
  console.log(
    `  ${url} (${facts.megabytes.toFixed(0)} MiB): first frame after ${facts.first.toFixed(2)} s, frame 80,000 after ${facts.late.toFixed(2)} s; ` +
      `over ${facts.seen} frames at most ${facts.mostFrames} open, JavaScript heap at most ${facts.heap.toFixed(0)} MiB`,
  );
}
await tests.close();
