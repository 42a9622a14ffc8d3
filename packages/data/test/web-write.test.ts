// Writing in a browser: what comes out is read by the browser and by ffmpeg, or does not come out at all.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meanDifference, movingClip, shippedClips } from "./helpers.js";
import { probeVideo, readImage, readVideo } from "../src/index.js";
import type { WriteVideoOptions } from "../src/web/index.js";
import { openWebTests, type WebTests } from "./web-browser.js";

let tests: WebTests;
beforeAll(async () => {
  tests = await openWebTests();
});
afterAll(() => tests.close());

const made = (name: string): string => path.join(tests.folder, name);
const save = (name: string, base64: string): Promise<void> => writeFile(made(name), Buffer.from(base64, "base64"));

function psnr(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return a.length === b.length ? 10 * Math.log10((255 * 255 * a.length) / squares) : NaN;
}

describe("writeVideo in Chromium", () => {
  // Decibels, a little below what was measured: how well an encoder does at the default bitrate, and whether colours are right.
  it.for([
    ["a.mp4", "h264", 44, {}],
    ["b.mp4", "av1", 42, { codec: "av1" }],
    ["c.webm", "vp9", 44, {}],
    ["d.webm", "vp8", 42, { codec: "vp8" }],
    ["e.webm", "vp9", 42, { quantizer: 20 }],
    ["f.mp4", "h264", 36, { bitrate: 100_000, fps: 12.5 }],
  ] as const)("%s (%s) comes back in the browser and in Node", async ([name, codec, bound, options], context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const result = await tests.page.evaluate(
      async ([file, choice]) => {
        const clip = await page.readVideo("clips/cup.mp4", { end: 30 });
        const seen: number[] = [];
        const written = await page.writeVideo(file, clip, {
          ...choice,
          onProgress: (event) => void (event.type === "load" && seen.push(event.loaded / event.total!)),
        });
        const back = await page.readVideo(written);
        const { id, frames, height, width, fps } = back;
        const facts = { id, frames, height, width, fps, type: written.type, seen: seen.length, last: seen.at(-1) };
        const { psnr } = page.compare(back.pixels, clip.pixels);
        return { facts, psnr, file: await page.base64(written), open: page.leftOpen() };
      },
      [name, options as WriteVideoOptions] as const,
    );
    const type = name.endsWith(".mp4") ? "video/mp4" : "video/webm";
    expect(result.facts).toMatchObject({ id: name, frames: 30, height: 256, width: 256, type, seen: 30, last: 1 });
    expect(result.psnr).toBeGreaterThan(bound);
    expect(result.open).toMatchObject({ frames: 0, coders: 0 });
    await save(name, result.file);
    const inNode = await readVideo(made(name));
    const original = await readVideo(path.join(shippedClips, "cup.mp4"), { end: 30 });
    expect([inNode.frames, inNode.height, inNode.width]).toEqual([30, 256, 256]);
    const fps = "fps" in options ? options.fps : original.fps;
    expect(Math.abs(inNode.fps - fps)).toBeLessThan(0.01);
    expect(Math.abs(result.facts.fps - fps)).toBeLessThan(0.01);
    expect(psnr(inNode.pixels, original.pixels)).toBeGreaterThan(bound);
    expect(await probeVideo(made(name))).toMatchObject({ codec, problems: [] });
  });

  it.for(["h264.mp4", "vp9.webm", "vp8.webm"])("colours survive %s", async (name, context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const file = await tests.page.evaluate(async (target) => {
      const pixels = new Uint8Array(3 * 64 * 64 * 3);
      for (let i = 0; i < pixels.length; i += 3) pixels.set([200, 30, 60], i);
      const clip = page.createClip(pixels, { id: "red", height: 64, width: 64, fps: 5 });
      const codec = target.split(".")[0] as "h264" | "vp8" | "vp9";
      return page.base64(await page.writeVideo(target, clip, { codec, bitrate: 2_000_000 }));
    }, name);
    await save(name, file);
    const back = await readVideo(made(name));
    [200, 30, 60].forEach((value, c) => expect(Math.abs(back.pixels[c]! - value)).toBeLessThanOrEqual(3));
  });

  it.for(["vp9", "vp8", "av1"] as const)("odd sizes are written as %s", async (codec, context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    const clip = movingClip({ frames: 5, height: 75, width: 101 });
    const file = await tests.page.evaluate(
      async ([name, { pixels, ...fields }]) => {
        const odd = page.createClip(Uint8Array.from(pixels), fields);
        return page.base64(await page.writeVideo("odd.webm", odd, { codec: name, bitrate: 3_000_000 }));
      },
      [codec, { ...clip, pixels: Array.from(clip.pixels) }] as const,
    );
    await save(`odd-${codec}.webm`, file);
    const back = await readVideo(made(`odd-${codec}.webm`));
    expect([back.frames, back.height, back.width, back.fps]).toEqual([5, 75, 101, 10]);
    expect(meanDifference(back.pixels, clip.pixels)).toBeLessThan(4); // chroma at half the resolution, quantised
  });

  it("refuses what cannot be written, and leaves nothing open", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const told = await tests.page.evaluate(async () => {
      const clip = await page.readVideo("clips/cup.mp4", { end: 4 });
      const odd = page.cropClip(clip, { top: 0, left: 0, height: 61, width: 60 });
      const stop = new AbortController();
      function* changing(): Generator<import("../src/web/index.js").VideoFrame> {
        yield* page.clipFrames(clip);
        yield* page.clipFrames(odd);
      }
      function* failing(): Generator<import("../src/web/index.js").VideoFrame> {
        yield* page.clipFrames(clip);
        throw new Error("the model broke");
      }
      const onProgress = (): void => stop.abort();
      const short = { index: 0, height: 64, width: 64, fps: 5, pixels: new Uint8Array(12) };
      return [
        await page.told(() => page.writeVideo("x.gif", clip)),
        await page.told(() => page.writeVideo("x", clip)),
        await page.told(() => page.writeVideo("x.mp4", odd)),
        await page.told(() => page.writeVideo("x.mp4", [])),
        await page.told(() => page.writeVideo("x.mp4", changing())),
        await page.told(() => page.writeVideo("x.mp4", failing())),
        await page.told(() => page.writeVideo("x.mp4", [short])),
        await page.told(() => page.writeVideo("x.mp4", clip, { signal: stop.signal, onProgress })),
        await page.told(() => page.writeVideo("x.mp4", clip, { codec: "vp8" })),
        await page.told(() => page.writeVideo("x.mp4", clip, { quantizer: 9 })),
        await page.told(() => page.writeVideo("x.webm", clip, { quantizer: 64 })),
        await page.told(() => page.writeVideo("x.webm", clip, { quantizer: 9, bitrate: 9 })),
        await page.told(() => page.writeVideo("x.webm", clip, { bitrate: 0.5 })),
        await page.told(() => page.writeVideo("x.webm", clip, { fps: 0 })),
        await page.told(() => page.writeVideo("x.mp4", [{ ...short, fps: 30 }], { bitrate: 100_000 })),
        JSON.stringify({ ...page.leftOpen(), mostFrames: 0 }),
      ];
    });
    [
      'ConfigError: x.gif ends in ".gif"; writable in browsers are .mp4 and .webm; animations are written in Node',
      'ConfigError: x ends in ""; writable in browsers are .mp4 and .webm',
      "ShapeError: frames are 60x61, but h264 needs an even height and width; crop or pad to 60x62, or write .webm",
      "ClipError: cannot write x.mp4: there are no frames",
      "ShapeError: frame 4 is 60x61 but x.mp4 began with 256x256; frames of one file need one size",
      "Error: the model broke",
      "ShapeError: frame 0 has 12 bytes, but RGB of 64x64 has 12288",
      "AbortError",
      "ConfigError: codec is vp8; mp4 holds h264, vp9, av1",
      "ConfigError: quantizer is 9, but h264 is encoded at a bitrate; give bitrate, or use vp9 or av1",
      "ConfigError: quantizer is 64; use an integer from 0 to 63",
      "ConfigError: bitrate (9) and quantizer (9) exclude each other; give one",
      "ConfigError: bitrate is 0.5; use a positive integer, bits a second",
      "ConfigError: fps is 0; use more than 0, at most 1000",
      "ConfigError: bitrate is 100000, for which h264 of 64x64 becomes level 1b, which Chromium writes but does not read",
      '{"frames":0,"coders":0,"mostFrames":0}',
    ].forEach((message, i) => expect(told[i]).toContain(message));
  });

  it("a codec that the browser has no encoder for is an error, not another codec", async (context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    const told = await tests.page.evaluate(async () => {
      type Answer = (config: VideoEncoderConfig) => Promise<VideoEncoderSupport>;
      const answer: Answer = Reflect.get(VideoEncoder, "isConfigSupported");
      VideoEncoder.isConfigSupported = async (config) =>
        config.codec.startsWith("av01") ? { supported: false, config } : answer.call(VideoEncoder, config);
      const pixels = new Uint8Array(66 * 66 * 3); // a size of its own: answers are remembered
      const clip = page.createClip(pixels, { id: "black", height: 66, width: 66, fps: 5 });
      const message = await page.told(() => page.writeVideo("x.mp4", clip, { codec: "av1" }));
      VideoEncoder.isConfigSupported = answer;
      return message;
    });
    expect(told).toContain("ConfigError: codec is av1, which this browser does not encode at 66x66");
    expect(told).toContain("choose h264 or vp9 with the option codec");
  });
});

describe("streamVideo in Chromium", () => {
  it.for(["mp4", "webm"] as const)(
    "a long %s goes out while it is encoded, and few frames are open",
    async (container, context) => {
      context.skip(tests.noH264 !== undefined, tests.noH264);
      const result = await tests.page.evaluate(async (format) => {
        const size = { height: 48, width: 64 };
        function* frames(): Generator<import("../src/web/index.js").VideoFrame> {
          for (let index = 0; index < 600; index++) {
            const pixels = new Uint8Array(size.height * size.width * 3).fill(40 + (index % 150));
            yield { index, ...size, fps: 30, pixels };
          }
        }
        const parts: Uint8Array<ArrayBuffer>[] = [];
        let closed = false;
        page.leftOpen();
        const stream = new WritableStream<Uint8Array>({
          write: (part) => void parts.push(part.slice()),
          close: () => void (closed = true),
        });
        const written = await page.streamVideo(stream, frames(), { container: format });
        const writing = page.leftOpen();
        const bright: number[] = [];
        const file = new Blob(parts);
        for await (const { pixels } of page.videoFrames(file)) bright.push(pixels[0]!);
        const wrong = bright.filter((value, i) => Math.abs(value - (40 + (i % 150))) > 6).length;
        const late = await page.readVideo(file, { start: 590 });
        const reading = page.leftOpen();
        return {
          written,
          closed,
          parts: parts.length,
          writing,
          frames: bright.length,
          wrong,
          late: late.frames,
          reading,
        };
      }, container);
      expect(result).toMatchObject({ written: 600, closed: true, frames: 600, wrong: 0, late: 10 });
      expect(result.parts).toBeGreaterThan(10);
      for (const { frames, coders, mostFrames } of [result.writing, result.reading]) {
        expect([frames, coders]).toEqual([0, 0]);
        expect(mostFrames).toBeLessThan(48); // of 600
      }
    },
  );

  it("aborts the stream after an error, so that nothing half-written stays", async (context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    const result = await tests.page.evaluate(async () => {
      const ends: string[] = [];
      const stream = (): WritableStream<Uint8Array> =>
        new WritableStream({ close: () => void ends.push("closed"), abort: (why) => void ends.push(String(why)) });
      function* failing(): Generator<import("../src/web/index.js").VideoFrame> {
        yield { index: 0, height: 64, width: 64, fps: 5, pixels: new Uint8Array(64 * 64 * 3) };
        throw new Error("the model broke");
      }
      const broken = await page.told(() => page.streamVideo(stream(), failing(), { container: "webm" }));
      const unknown = await page.told(() => page.streamVideo(stream(), [], { container: "avi" as never }));
      const full = new WritableStream<Uint8Array>({
        write() {
          throw new Error("the disk is full");
        },
      });
      const frames = [0, 1].map((index) => ({ index, height: 64, width: 64, fps: 5, pixels: new Uint8Array(12_288) }));
      const disk = await page.told(() => page.streamVideo(full, frames, { container: "webm" }));
      return { broken, unknown, disk, ends, open: page.leftOpen() };
    });
    expect(result.broken).toBe("Error: the model broke");
    expect(result.ends).toEqual(["Error: the model broke"]);
    expect(result.unknown).toContain('ConfigError: container is avi; use "mp4" or "webm"');
    expect(result.disk).toContain("cannot write the webm stream: the disk is full");
    expect(result.open).toMatchObject({ frames: 0, coders: 0 });
  });
});

/** The entry that the page holds, under the name that users import: two copies of mediabunny would warn. */
const entryOfThePage: Plugin = {
  name: "entry of the page",
  setup(builder) {
    builder.onResolve({ filter: /^@noisereel\/data\/web$/ }, ({ path: name }) => ({ path: name, namespace: "page" }));
    builder.onLoad({ filter: /.*/, namespace: "page" }, () => ({ contents: "module.exports = globalThis.page;" }));
  },
};

describe("the README", () => {
  it("has examples that run as they are written", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const readme = await readFile(path.resolve(import.meta.dirname, "../README.md"), "utf8");
    const examples = [...readme.matchAll(/```ts\n(import [^`]*"@noisereel\/data\/web"[^`]*)```/g)].map(
      ([, code]) => code!,
    );
    expect(examples).toHaveLength(2);
    for (const [index, contents] of examples.entries()) {
      const { outputFiles } = await build({
        stdin: { contents, loader: "ts", resolveDir: import.meta.dirname },
        bundle: true,
        format: "iife",
        globalName: `example${index}`,
        plugins: [entryOfThePage],
        write: false,
        logLevel: "silent",
      });
      await tests.page.addScriptTag({ content: outputFiles[0]!.text });
    }
    const result = await tests.page.evaluate(async () => {
      const { example0, example1 } = globalThis as unknown as {
        example0: { firstSecond(file: File): Promise<File> };
        example1: { slower(file: File, target: FileSystemFileHandle): Promise<number> };
      };
      const file = new File([await page.blob("clips/cup.mp4")], "cup.mp4");
      const { frames, height, width, fps } = await page.readVideo(await example0.firstSecond(file));
      const folder = await navigator.storage.getDirectory();
      const target = await folder.getFileHandle("slower.mp4", { create: true });
      const written = await example1.slower(file, target);
      const back = await page.probeVideo(await target.getFile());
      return { small: { frames, height, width, fps }, written, back };
    });
    expect(result.small).toEqual({ frames: 17, height: 64, width: 64, fps: 16 });
    expect(result.back).toMatchObject({ frames: result.written, fps: 8, problems: [] });
    expect(result.written).toBe(19); // 65 frames at 26.78 a second are 2.43 s
  });
});

describe("pictures in Chromium", () => {
  it("png is exact, alone and as a sequence; jpg and webp are close", async (context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    const clip = movingClip({ frames: 3, height: 33, width: 47 });
    const result = await tests.page.evaluate(
      async ({ pixels, ...fields }) => {
        const given = page.createClip(Uint8Array.from(pixels), fields);
        const files: Record<string, string> = {};
        for (const name of ["a.png", "a.jpg", "a.webp"]) {
          files[name] = await page.base64(await page.writeImage(name, given, { frame: 2 }));
        }
        let index = 0;
        for await (const blob of page.pngFrames(given)) files[`${index++}.png`] = await page.base64(blob);
        const png = await page.encodePng(given);
        const told = [
          await page.told(() => page.writeImage("x.bmp", given)),
          await page.told(() => page.writeImage("x.png", given, { frame: 3 })),
          await page.told(() => page.writeImage("x.jpg", given, { quality: 0 })),
        ];
        return { files, png: [...png.subarray(1, 4)], told };
      },
      { ...clip, pixels: Array.from(clip.pixels) },
    );
    for (const [name, file] of Object.entries(result.files)) {
      await save(name, file);
      const back = await readImage(made(name));
      const frame = /^\d/.test(name) ? Number(name[0]) : 2;
      const wanted = clip.pixels.subarray(frame * 33 * 47 * 3, (frame + 1) * 33 * 47 * 3);
      expect(meanDifference(back.pixels, wanted)).toBeLessThanOrEqual(name.endsWith(".png") ? 0 : 4);
      const { format } = await sharp(made(name)).metadata();
      expect(name.replace("jpg", "jpeg")).toContain(format);
    }
    expect(Object.keys(result.files)).toHaveLength(6);
    expect(String.fromCharCode(...result.png)).toBe("PNG");
    expect(result.told[0]).toContain('ConfigError: x.bmp ends in ".bmp"; writable are .png, .jpg, .jpeg, .webp');
    expect(result.told[1]).toContain("frame 3 of clip moving does not exist");
    expect(result.told[2]).toContain("ConfigError: quality is 0; use 1 to 100");
  });

  it("pages printed no errors", () => expect(tests.errors).toEqual([]));
});
