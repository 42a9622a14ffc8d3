// Reading in a browser: the same frames as in Node, and errors that say what to do.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { cropClip, findFfmpeg, readImage, readVideo, writeImage, writeVideo } from "../src/index.js";
import type { ReadVideoOptions } from "../src/web/index.js";
import { movingClip, shippedClips } from "./helpers.js";
import { expected, openWebTests, type WebTests } from "./web-browser.js";

let tests: WebTests;
beforeAll(async () => {
  tests = await openWebTests();
});
afterAll(() => tests.close());

const clipNames = ["box", "campus", "city", "cockatoo", "coin", "cup", "plant", "race"];
const made = (name: string): string => path.join(tests.folder, name);

async function ffmpeg(...parts: string[]): Promise<void> {
  const { path: program } = await findFfmpeg();
  await promisify(execFile)(program, ["-v", "error", "-y", ...parts]);
}

/** Reads `url` in the page and the file in Node, and says how far they are apart. */
async function bothWays(url: string, options: ReadVideoOptions = {}) {
  const file = url.startsWith("clips/") ? path.join(shippedClips, url.slice(6)) : made(url.slice(5));
  const inNode = await readVideo(file, options);
  const inBrowser = await tests.page.evaluate(
    async ([address, choice, pixels]) => {
      const { frames, height, width, fps, ...clip } = await page.readVideo(await page.blob(address), choice);
      const difference = page.compare(clip.pixels, await page.bytes(pixels));
      return { frames, height, width, fps, ...difference, open: page.leftOpen() };
    },
    [url, options, (await expected(tests.folder, "node.rgb", inNode)).url] as const,
  );
  return { inNode, inBrowser };
}

/**
 * All pixels within 2 of Node's: decoders agree to the bit, and the two conversions to RGB round differently by one, seldom two
 * (measured: 0.006 on average, more than 70 dB). A wrong or misplaced frame is apart by dozens.
 */
function expectSame({ inNode, inBrowser }: Awaited<ReturnType<typeof bothWays>>): void {
  const { frames, height, width } = inNode;
  expect(inBrowser).toMatchObject({ frames, height, width, length: true, open: { frames: 0, coders: 0 } });
  expect(inBrowser.max).toBeLessThanOrEqual(2);
  expect(inBrowser.psnr ?? Infinity).toBeGreaterThan(60);
}

describe("videos in Chromium", () => {
  it.for(clipNames)("the shipped clip %s has Node's frames and rate", async (name, context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const both = await bothWays(`clips/${name}.mp4`);
    expectSame(both);
    expect(Math.abs(both.inBrowser.fps - both.inNode.fps)).toBeLessThan(0.006); // ffmpeg prints two digits
  });

  it("a range is the whole, cut, wherever it begins", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const wrong = await tests.page.evaluate(async () => {
      const file = await page.blob("clips/cup.mp4");
      const whole = await page.readVideo(file);
      const ranges = [0, 1, 17, 30, 64].flatMap((start) => [start + 1, start + 6].map((end) => ({ start, end })));
      const bad: string[] = [];
      for (const { start, end } of ranges.filter(({ end }) => end <= whole.frames)) {
        const part = await page.readVideo(file, { start, end });
        const cut = page.selectFrames(
          whole,
          Array.from({ length: end - start }, (_, i) => start + i),
        );
        if (part.frames !== end - start || page.compare(part.pixels, cut.pixels).max > 0) bad.push(`${start}-${end}`);
      }
      const some = await page.readVideo(file, { start: 10, only: [0, 7, 31] });
      if (page.compare(some.pixels, page.selectFrames(whole, [10, 17, 41]).pixels).max > 0) bad.push("only");
      const few = await page.readVideo(file, { start: 60, maxFrames: 50 });
      if (few.frames !== 5) bad.push("maxFrames");
      return bad;
    });
    expect(wrong).toEqual([]);
  });

  it.for([
    ["campus", { fps: 7 }],
    ["campus", { fps: 3, start: 2, end: 9 }],
    ["coin", { fps: 15, start: 3 }],
    ["coin", { fps: 50, end: 40 }],
    ["cup", { fps: 13.39 }],
  ] as const)("%s at another rate is Node's choice of frames: %o", async ([name, options], context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const both = await bothWays(`clips/${name}.mp4`, options);
    expectSame(both);
    expect(both.inBrowser.fps).toBe(options.fps);
  });

  it.for([
    ["odd.mp4", ["-vf", "crop=101:75:0:0:exact=1,format=yuv444p"]],
    ["half.mp4", ["-pix_fmt", "yuv422p"]],
    ["deep.mp4", ["-pix_fmt", "yuv420p10le"]],
    ["full.mp4", ["-pix_fmt", "yuvj420p"]],
    ["vp9.webm", ["-c:v", "libvpx-vp9", "-b:v", "1M", "-deadline", "realtime"]],
    ["vp8.webm", ["-c:v", "libvpx", "-b:v", "1M", "-deadline", "realtime"]],
    ["copy.mkv", ["-c", "copy"]],
    ["copy.ts", ["-c", "copy"]],
    ["fragments.mp4", ["-movflags", "frag_keyframe+empty_moov"]],
    ["changing.mp4", ["-vf", "setpts='(N+0.4*mod(N,3)+4*gt(N,10))/30/TB'", "-vsync", "vfr"]],
  ] as const)("%s: %o", async ([name, parts], context) => {
    context.skip(name.endsWith(".webm") ? tests.missing !== undefined : tests.noH264 !== undefined, tests.noH264);
    await ffmpeg("-i", path.join(shippedClips, "coin.mp4"), "-frames:v", "20", ...parts, made(name));
    expectSame(await bothWays(`made/${name}`));
    expectSame(await bothWays(`made/${name}`, { fps: 12, start: 1 }));
  });

  it("frames before the cut of an edit list do not count", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    await ffmpeg("-ss", "0.3", "-i", path.join(shippedClips, "city.mp4"), "-c", "copy", made("cut.mp4"));
    const both = await bothWays("made/cut.mp4");
    expect(both.inNode.frames).toBeLessThan(65);
    expectSame(both);
  });

  it.for([90, 180, 270])("a video that is to be turned by %i degrees lies upright", async (degrees, context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const file = made(`turned-${degrees}.mp4`);
    const cup = await readVideo(path.join(shippedClips, "cup.mp4"), { end: 4 });
    await writeVideo(file, cropClip(cup, { top: 90, left: 80, height: 48, width: 64 }));
    const bytes = await readFile(file);
    const matrix = bytes.indexOf("tkhd") + 44;
    const one = 65536;
    const [a, b] = degrees === 180 ? [-one, 0] : [0, degrees === 90 ? one : -one];
    [a, b, 0, -b, a, 0].forEach((value, i) => bytes.writeInt32BE(value, matrix + 4 * i));
    await writeFile(file, bytes);
    const both = await bothWays(`made/turned-${degrees}.mp4`);
    expectSame(both);
    expect(both.inBrowser.height).toBe(degrees === 180 ? 48 : 64);
  });

  it("size is the centre, scaled as by centerCropResize", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const result = await tests.page.evaluate(async () => {
      const size = { height: 40, width: 64 };
      const small = await page.readVideo("clips/cup.mp4", { size, end: 3 }); // by its address, for once
      const whole = await page.readVideo(await page.blob("clips/cup.mp4"), { end: 3 });
      const same = await page.centerCropResize(size)(whole, undefined as never);
      return { id: small.id, size: [small.height, small.width], ...page.compare(small.pixels, same.pixels) };
    });
    expect(result).toMatchObject({ id: "clips/cup.mp4", size: [40, 64], length: true, max: 0 });
  });

  it("probeVideo tells what the file holds, and what is wrong with it", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const bytes = await readFile(path.join(shippedClips, "cup.mp4"));
    await writeFile(made("short.mp4"), bytes.subarray(0, 30_000));
    const [sound, quick, short] = await tests.page.evaluate(async () => {
      const seen: number[] = [];
      const file = await page.blob("clips/cup.mp4");
      const counted = await page.probeVideo(file, {
        onProgress: (event) => void (event.type === "load" && seen.push(event.loaded, event.total!)),
      });
      const known = await page.probeVideo(file, { count: false });
      return [{ ...counted, last: seen.slice(-2) }, known, await page.probeVideo(await page.blob("made/short.mp4"))];
    });
    const facts = { height: 256, width: 256, codec: "h264" };
    expect(sound).toMatchObject({ ...facts, frames: 65, problems: [], last: [65, 65] });
    expect(quick).toMatchObject({ ...facts, problems: [] });
    expect(quick.frames).toBeUndefined();
    expect(Math.abs(quick.seconds! - 65 / 26.777)).toBeLessThan(0.001);
    expect(short.frames).toBeLessThan(65);
    expect(short.problems[0]).toMatch(/damaged or cut short: frame \d+ of 65 does not decode/);
  });

  it("pixels become a tensor", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const result = await tests.page.evaluate(async () => {
      const clip = await page.readVideo("clips/cup.mp4", { end: 5, size: { height: 32, width: 32 } });
      const tensor = page.clipToTensor(clip);
      const back = await page.tensorToClip(tensor, { fps: clip.fps });
      return { shape: tensor.shape, ...page.compare(back.pixels, clip.pixels) };
    });
    expect(result).toMatchObject({ shape: [1, 5, 32, 32, 3], max: 0 });
  });
});

describe("long files", () => {
  it("a few frames from the middle, over the network: exact, and asked for where they are", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const city = path.join(shippedClips, "city.mp4");
    await ffmpeg("-stream_loop", "49", "-i", city, "-c", "copy", "-movflags", "+faststart", made("long.mp4")); // 6.5 MB
    const bytes = await readFile(made("long.mp4"));
    const asked: number[] = [];
    const server = createServer((request, response) => {
      const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
      const from = Number(range?.[1] ?? 0);
      asked.push(from / bytes.length);
      const to = Math.min(bytes.length, range?.[2] ? Number(range[2]) + 1 : bytes.length);
      response.writeHead(range === null ? 200 : 206, {
        "access-control-allow-origin": "*",
        "access-control-allow-headers": "range",
        "access-control-expose-headers": "content-range",
        "content-range": `bytes ${from}-${to - 1}/${bytes.length}`,
        "content-length": to - from,
      });
      if (request.method === "OPTIONS") return response.end();
      return response.end(bytes.subarray(from, to));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/long.mp4`;
    const inNode = await readVideo(made("long.mp4"), { start: 2000, end: 2005 });
    const { url } = await expected(tests.folder, "node.rgb", inNode);
    const result = await tests.page.evaluate(
      async ([file, pixels]) => {
        const { frames, pixels: got } = await page.readVideo(file, { start: 2000, end: 2005 });
        return { frames, ...page.compare(got, await page.bytes(pixels)), open: page.leftOpen() };
      },
      [address, url] as const,
    );
    expect(result).toMatchObject({ frames: 5, length: true, open: { frames: 0, coders: 0 } });
    expect(result.max).toBeLessThanOrEqual(2);
    // Its head, its index, and then from the key frame before frame 2000 of 3250.
    expect(asked[0]).toBe(0);
    expect(asked.filter((place) => place > 0.05 && place < 0.55)).toEqual([]);
    expect(Math.max(...asked)).toBeGreaterThan(0.55);
  });
});

describe("animations and pictures in Chromium", () => {
  const clip = movingClip({ frames: 9, height: 33, width: 47, fps: 12.5 });

  it.for(["a.gif", "a.webp"])("%s has exactly Node's frames", async (name, context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    await writeVideo(made(name), clip);
    const both = await bothWays(`made/${name}`);
    expectSame(both);
    expect(both.inBrowser).toMatchObject({ max: 0, fps: 12.5 });
    const part = await bothWays(`made/${name}`, { start: 2, end: 6 });
    expect(part.inBrowser).toMatchObject({ frames: 4, max: 0 });
  });

  it.for([
    ["a.png", 0, 0],
    ["a.webp", 3, 0.5],
    ["a.jpg", 6, 1],
  ] as const)("%s is read as in Node", async ([name, max, mean], context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    await writeImage(made(name), clip, { frame: 2 });
    const { url } = await expected(tests.folder, "image.rgb", await readImage(made(name)));
    const got = await tests.page.evaluate(
      async ([file, pixels]) => {
        const image = await page.readImage(await page.blob(file), { id: "still", caption: "a square" });
        return { ...image, pixels: 0, ...page.compare(image.pixels, await page.bytes(pixels)) };
      },
      [`made/${name}`, url] as const,
    );
    expect(got).toMatchObject({
      id: "still",
      caption: "a square",
      frames: 1,
      height: 33,
      width: 47,
      fps: 1,
      length: true,
    });
    // Decoders of lossy formats may round differently, and smooth chroma in their own way.
    expect(got.max).toBeLessThanOrEqual(max);
    expect(got.mean).toBeLessThanOrEqual(mean);
  });

  it("a picture lies upright, and transparency becomes white", async (context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    const grey = { create: { width: 8, height: 4, channels: 3, background: "#777777" } } as const;
    await sharp(grey).withMetadata({ orientation: 6 }).jpeg().toFile(made("turned.jpg"));
    const red = { r: 255, g: 0, b: 0, alpha: 0.5 };
    await sharp({ create: { width: 2, height: 2, channels: 4, background: red } })
      .png()
      .toFile(made("clear.png"));
    const [turned, clear] = await tests.page.evaluate(async () => {
      const images = [await page.readImage("made/turned.jpg"), await page.readImage("made/clear.png")];
      return images.map(({ height, width, pixels }) => ({ height, width, first: [...pixels.subarray(0, 3)] }));
    });
    expect(turned).toMatchObject({ height: 8, width: 4 });
    expect(clear!.first[0]).toBe(255);
    for (const value of clear!.first.slice(1)) expect(Math.abs(value - 127)).toBeLessThanOrEqual(1);
  });
});

describe("files that cannot be read", () => {
  it.for([
    ["nothing.mp4", Buffer.alloc(0), "a blob of 0 bytes is empty (0 bytes); get it again"],
    [
      "text.mp4",
      Buffer.from("hello"),
      /^ClipError: cannot read a blob of 5 bytes: its first bytes are those of no format/,
    ],
    ["cut.gif", "a.gif", /^ClipError: cannot read .*; the file is damaged or cut short$/],
    ["cut.webp", "a.webp", /^ClipError: cannot read .*; the file is damaged or cut short$/],
    ["cut.webm", "vp9.webm", /is cut short: it has \d+ bytes but states \d+; get it again$/],
    ["cut.mp4", "cup.mp4", /is damaged or cut short: frame \d+ of 65 does not decode; get it again/],
    ["scratched.mp4", "cup.mp4", /^ClipError: .*damaged/],
  ] as const)("%s", async ([name, content, message], context) => {
    context.skip(name.endsWith(".mp4") ? tests.noH264 !== undefined : tests.missing !== undefined, tests.noH264);
    const clip = movingClip({ frames: 30, height: 64, width: 96 });
    let bytes: Uint8Array;
    if (typeof content === "string" && content !== "cup.mp4") {
      await writeVideo(made(content), clip);
      bytes = await readFile(made(content));
      bytes = bytes.subarray(0, bytes.length * 0.6);
    } else bytes = typeof content === "string" ? await readFile(path.join(shippedClips, content)) : content;
    if (name === "cut.mp4") bytes = bytes.subarray(0, 30_000);
    if (name === "scratched.mp4") bytes.fill(0xaa, 25_000, 27_000);
    await writeFile(made(name), bytes);
    const told = await tests.page.evaluate(
      async (url) => [await page.told(async () => page.readVideo(await page.blob(url))), page.leftOpen()] as const,
      `made/${name}`,
    );
    expect(told[0]).toMatch(message);
    expect(told[1]).toMatchObject({ frames: 0, coders: 0 });
  });

  it.for([
    [
      "a.avi",
      ["-c:v", "mpeg4"],
      "is an AVI file, which is not read in browsers; convert it to mp4 or webm, or read it in Node",
    ],
    [
      "old.mp4",
      ["-c:v", "mpeg4"],
      "holds video coded as mp4v, which this browser does not decode; convert it to H.264, VP9 or AV1",
    ],
    ["p.mov", ["-c:v", "prores"], "holds video coded as prores (apcn), which this browser does not decode"],
    ["sound.mp4", ["-map", "1:a", "-c:a", "aac"], "holds no video; give a file with a video track"],
  ] as const)("%s", async ([name, parts, message], context) => {
    context.skip(tests.missing !== undefined, tests.missing);
    const inputs = ["-i", path.join(shippedClips, "coin.mp4"), "-f", "lavfi", "-i", "sine=440"];
    await ffmpeg(...inputs, "-t", "0.2", ...(name === "sound.mp4" ? [] : ["-map", "0:v"]), ...parts, made(name));
    const told = await tests.page.evaluate(
      async (url) => page.told(async () => page.readVideo(new File([await page.blob(url)], "holiday.bin"))),
      `made/${name}`,
    );
    expect(told).toMatch(/^ClipError: holiday\.bin /);
    expect(told).toContain(message);
  });

  it("an address that does not answer, a cut picture, and options that cannot be meant", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const clip = movingClip({ frames: 1, height: 64, width: 64 });
    await writeImage(made("whole.png"), clip);
    await writeFile(made("cut.png"), (await readFile(made("whole.png"))).subarray(0, 300));
    const told = await tests.page.evaluate(async () => {
      const cup = await page.blob("clips/cup.mp4");
      return [
        await page.told(() => page.readVideo("clips/gone.mp4")),
        await page.told(() => page.readVideo("http://127.0.0.1:9/x.mp4")),
        await page.told(() => page.readVideo("http://")),
        await page.told(() => page.readVideo(5 as never)),
        await page.told(() => page.readImage("made/cut.png")),
        await page.told(() => page.readVideo(cup, { start: -1 })),
        await page.told(() => page.readVideo(cup, { start: 4, end: 4 })),
        await page.told(() => page.readVideo(cup, { fps: 0 })),
        await page.told(() => page.readVideo(cup, { start: 500 })),
        await page.told(() => page.readVideo(cup, { start: 60, only: [0, 5] })),
        await page.told(() => page.readVideo(cup, { only: [3, 2] })),
        await page.told(() => page.readVideo(cup, { maxPixels: 1000 })),
        await page.told(() => page.readVideo(cup, { maxBytes: 1_000_000 })),
        await page.told(() => page.readVideo(cup, { size: { height: 0, width: 4 } })),
        await page.told(async () => page.readVideo(await page.blob("made/a.gif"), { fps: 5 })),
      ];
    });
    [
      "ClipError: clips/gone.mp4 cannot be fetched: the server answers 404; check the address",
      "ClipError: http://127.0.0.1:9/x.mp4 cannot be fetched (Failed to fetch); check the address and that its server allows",
      'ConfigError: file is "http://", which is no address; give a URL, or a File or Blob',
      "ConfigError: file is 5; use a File, a Blob, an ArrayBuffer, a Uint8Array or an address",
      "ClipError: cannot read made/cut.png: the browser decodes no picture from it; it is damaged, cut short",
      "ConfigError: start is -1; use a frame number, 0 or more",
      "ConfigError: end is 4; use a frame number larger than start (4)",
      "ConfigError: fps is 0; use more than 0, at most 1000",
      "has no frame from 500 to its end; it has 65",
      "has no frame 65; it has 65",
      "ConfigError: only is [3, 2]; use at least one frame number, from 0, ascending",
      "its frames of 256x256 exceed the limit of 1000 pixels",
      "needs more than 1 MiB of memory at 256x256; read a range",
      "ConfigError: height is 0; use a positive integer",
      "ConfigError: size and fps do not apply to a blob of",
    ].forEach((message, i) => expect(told[i]).toContain(message));
  });
});

it("works in a worker, which can be ended when a file is too much for it", async (context) => {
  context.skip(tests.noH264 !== undefined, tests.noH264);
  const result = await tests.page.evaluate(async () => {
    const code = `
      await import("${location.origin}/page.js");
      const clip = await page.readVideo("${location.origin}/clips/cup.mp4", { end: 3 });
      const file = await page.writeVideo("x.mp4", clip);
      const image = await page.readImage(await page.writeImage("x.png", clip));
      postMessage([clip.frames, (await page.probeVideo(file)).frames, image.width]);`;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    const answer = await new Promise<unknown>((resolve, reject) => {
      worker.addEventListener("message", ({ data }) => resolve(data));
      worker.addEventListener("error", ({ message }) => reject(new Error(message)));
    });
    worker.terminate();
    return answer;
  });
  expect(result).toEqual([3, 3, 256]);
});

describe("what stays open", () => {
  it("nothing after an abort, an early end or an error in the loop; a few frames while a reader is slow", async (context) => {
    context.skip(tests.noH264 !== undefined, tests.noH264);
    const result = await tests.page.evaluate(async () => {
      const file = await page.blob("clips/city.mp4");
      const stop = new AbortController();
      const aborted = await page.told(async () => {
        for await (const { index } of page.videoFrames(file, { signal: stop.signal })) if (index === 2) stop.abort();
      });
      const before = await page.told(() => page.readVideo(file, { signal: stop.signal }));
      for await (const { index } of page.videoFrames(file)) if (index === 3) break;
      const broken = await page.told(async () => {
        for await (const { index } of page.videoFrames(file)) if (index === 3) throw new Error("the model broke");
      });
      const after = page.leftOpen();
      let seen = 0;
      for await (const { index } of page.videoFrames(file)) {
        if (index < 20) await new Promise((resolve) => setTimeout(resolve, 10));
        seen++;
      }
      return { aborted, before, broken, after, seen, slow: page.leftOpen() };
    });
    expect(result.aborted).toMatch(/^AbortError/);
    expect(result.before).toMatch(/^AbortError/);
    expect(result.broken).toBe("Error: the model broke");
    expect(result.after).toMatchObject({ frames: 0, coders: 0 });
    expect(result).toMatchObject({ seen: 65, slow: { frames: 0, coders: 0 } });
    expect(result.slow.mostFrames).toBeLessThan(48); // of 65: the decoder gets 40 frames ahead of a slow reader at first
  });

  it("pages printed no errors", () => {
    const network = /Failed to load resource/; // of the addresses that do not answer
    expect(tests.errors.filter((error) => !network.test(error))).toEqual([]);
  });
});
