// Reading a range from a key packet gives the bytes that decoding from the start gives, or decoding from the start is what happens.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createRng } from "@noisereel/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeFfmpeg, shippedClips } from "../../test/helpers.js";
import {
  findFfmpeg,
  manifestSource,
  readManifest,
  readVideo,
  type VideoFrame,
  videoFrames,
  type VideoFramesOptions,
} from "../index.js";
import { framesInto } from "../video/frames.js";
import { videoRange } from "../video/range.js";
import { isEntryPacket } from "./key-packets.js";
import { indexOf, readPacketIndex } from "./packet-index.js";
import { planSeek, type SeekRules, usualSeekRules } from "./plan.js";

/** Seeks wherever it can, so that short films are enough. */
const eager: SeekRules = { frames: 1, seconds: 0 };
const x264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"];
const lasts = (seconds: number): string => `testsrc2=s=64x48:r=25:d=${seconds}`;

/** What ffmpeg makes; `seeks` where some range must be read from a key packet, so that the comparison is one. */
const made: Readonly<Record<string, { readonly from: readonly string[]; readonly seeks: boolean }>> = {
  "closed.mp4": { from: ["-i", lasts(6), ...x264, "-g", "25", "-bf", "3"], seeks: true },
  "closed.mov": { from: ["-i", lasts(4), ...x264, "-g", "20", "-bf", "2"], seeks: true },
  "closed.mkv": { from: ["-i", lasts(6), ...x264, "-g", "25", "-bf", "3"], seeks: true },
  "plain.mp4": { from: ["-i", lasts(4), ...x264, "-g", "12", "-bf", "0"], seeks: true },
  "dense.mkv": { from: ["-i", lasts(3), ...x264, "-g", "2", "-bf", "0"], seeks: true },
  "open.mp4": {
    from: ["-i", lasts(6), ...x264, "-x264-params", "open-gop=1:keyint=25:bframes=3:b-adapt=0:scenecut=0"],
    seeks: false,
  },
  "full-colour.mp4": { from: ["-i", lasts(4), "-c:v", "libx264", "-pix_fmt", "yuv444p", "-g", "25"], seeks: false },
  "hevc.mp4": { from: ["-i", lasts(5), "-c:v", "libx265", "-x265-params", "keyint=25:log-level=none", "-tag:v", "hvc1"], seeks: true }, // prettier-ignore
  "hevc.mkv": { from: ["-i", lasts(4), "-c:v", "libx265", "-x265-params", "keyint=20:open-gop=0:log-level=none"], seeks: true }, // prettier-ignore
  "vp9.webm": { from: ["-i", lasts(5), "-c:v", "libvpx-vp9", "-g", "25", "-auto-alt-ref", "1", "-lag-in-frames", "10", "-b:v", "100k", "-cpu-used", "5"], seeks: true }, // prettier-ignore
  "vp8.webm": { from: ["-i", lasts(3), "-c:v", "libvpx", "-g", "20", "-auto-alt-ref", "1", "-lag-in-frames", "10", "-b:v", "100k", "-cpu-used", "5"], seeks: false }, // prettier-ignore
  "variable.mp4": { from: ["-i", lasts(8), "-vf", "select='not(mod(n,3))+between(mod(n,40),0,11)'", "-vsync", "vfr", ...x264, "-g", "20", "-bf", "2"], seeks: true }, // prettier-ignore
  "variable.mkv": { from: ["-i", lasts(8), "-vf", "select='not(mod(n,3))+between(mod(n,40),0,11)'", "-vsync", "vfr", ...x264, "-g", "20"], seeks: true }, // prettier-ignore
  "sound.mp4": { from: ["-i", lasts(5), "-f", "lavfi", "-i", "sine=d=6", "-af", "atrim=start=0.2", ...x264, "-g", "25", "-c:a", "aac"], seeks: true }, // prettier-ignore
  "late.mkv": { from: ["-f", "lavfi", "-i", "sine=d=6", "-itsoffset", "0.37", "-f", "lavfi", "-i", lasts(5), ...x264, "-g", "25", "-c:a", "aac"].slice(2), seeks: true }, // prettier-ignore
  "late.mp4": { from: ["-f", "lavfi", "-i", "sine=d=6", "-itsoffset", "0.37", "-f", "lavfi", "-i", lasts(5), ...x264, "-g", "25", "-c:a", "aac"].slice(2), seeks: true }, // prettier-ignore
  "fragments.mp4": { from: ["-i", lasts(5), ...x264, "-g", "25", "-movflags", "frag_keyframe+empty_moov"], seeks: true }, // prettier-ignore
  "other.avi": { from: ["-i", lasts(3), "-c:v", "mpeg4", "-g", "12"], seeks: false },
  "transport.ts": { from: ["-i", lasts(3), ...x264, "-g", "12"], seeks: false },
  "part4.mp4": { from: ["-i", lasts(3), "-c:v", "mpeg4", "-g", "12"], seeks: false },
};

let folder: string;
let ffmpeg: string;
const run = (args: readonly string[]): Promise<unknown> => promisify(execFile)(ffmpeg, ["-y", "-v", "error", ...args]);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-data-"));
  ffmpeg = (await findFfmpeg()).path;
  for (const [name, { from }] of Object.entries(made)) await run(["-f", "lavfi", ...from, path.join(folder, name)]);
  // Cut without encoding again: an edit list says that the first frames are not shown.
  const [closed, cut] = ["closed.mp4", "edited.mp4"].map((name) => path.join(folder, name));
  await run(["-ss", "1.3", "-i", closed!, "-c", "copy", cut!]);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Every frame as one line, its pixels as a hash; or what was thrown. */
async function collect(frames: AsyncIterable<VideoFrame>, allocated?: Set<Uint8Array>): Promise<string[] | string> {
  const all: string[] = [];
  try {
    for await (const { index, height, width, fps, pixels } of frames) {
      const elsewhere = allocated !== undefined && !allocated.has(pixels) ? " decoded again from the start" : "";
      const hash = createHash("sha256").update(pixels).digest("hex");
      all.push(`${index} ${width}x${height} ${fps} ${hash}${elsewhere}`);
    }
  } catch (error) {
    return (error as Error).message;
  }
  return all;
}

function eagerly(file: string, options: VideoFramesOptions): ReturnType<typeof collect> {
  const allocated = new Set<Uint8Array>();
  const allocate = (bytes: number): Uint8Array => {
    const memory = new Uint8Array(bytes);
    allocated.add(memory);
    return memory;
  };
  return collect(framesInto(file, options, { rules: eager, allocate }), allocated);
}
const fromStart = (file: string, options: VideoFramesOptions): ReturnType<typeof collect> =>
  collect(videoFrames(file, { ...options, seek: "never" }));

/** Six ways to ask for a part of a film of `count` frames and `seconds`. */
function requests(name: string, count: number, seconds: number): VideoFramesOptions[] {
  const rng = createRng(7).fork(name);
  const start = 1 + rng.integer(count - 1);
  const late = Math.floor(0.6 * count) + rng.integer(Math.ceil(0.3 * count));
  const fps = [5, 12.5, 23.976, 60][rng.integer(4)]!;
  const from = (0.5 + 0.4 * rng.uniform()) * seconds;
  return [
    { start, end: start + 1 + rng.integer(20) },
    { start: late },
    { start: late, only: [0, 2, 3, 9] },
    { start: Math.floor((late / count) * seconds * fps), end: Math.floor((late / count) * seconds * fps) + 9, fps },
    { startSeconds: from, endSeconds: from + 0.5 },
    { startSeconds: from, endSeconds: from + 0.7, fps },
  ];
}

/** What a range without resampling must be. */
function slice(whole: readonly string[], { start, end, only }: VideoFramesOptions): string[] {
  const range = whole.slice(start, end);
  const chosen = only === undefined ? range : only.flatMap((place) => range[place] ?? []);
  return chosen.map((frame, index) => frame.replace(/^\d+/, String(index)));
}

async function seekable(file: string, options: VideoFramesOptions): Promise<boolean> {
  return (await planSeek(file, videoRange(options), { ...options, rules: eager })) !== undefined;
}

const names = [...Object.keys(made), "edited.mp4"];
const shipped = ["box", "campus", "city", "cockatoo", "coin", "cup", "plant", "race"].map((name) => `${name}.mp4`);

describe("frames of a range are those of decoding from the start", () => {
  test.each([...names, ...shipped])("%s", async (name) => {
    const file = path.join(shipped.includes(name) ? shippedClips : folder, name);
    const whole = await fromStart(file, {});
    expect(whole).not.toBeTypeOf("string");
    const count = whole.length;
    const seconds = count / Number((whole[0] as string).split(" ")[2]);
    let sought = 0;
    for (const options of requests(name, count, seconds)) {
      const expected = options.start === undefined || options.fps !== undefined ? await fromStart(file, options) : slice(whole as string[], options); // prettier-ignore
      expect(await eagerly(file, options), JSON.stringify(options)).toEqual(expected);
      if (await seekable(file, options)) sought++;
    }
    if (name in made) expect(sought > 0, `${sought} ranges were sought`).toBe(made[name]!.seeks);
  });
});

describe("a range that is read from a key packet", () => {
  const film = (): string => path.join(folder, "closed.mp4");
  const late = { start: 120, end: 126 };

  test("also through a part of a larger file, and again from memory", async () => {
    const bytes = await readFile(film());
    const larger = path.join(folder, "larger.tar");
    await writeFile(larger, Buffer.concat([Buffer.alloc(512), bytes, Buffer.alloc(700, 1)]));
    const part = { offset: 512, bytes: bytes.length };
    const expected = await fromStart(film(), late);
    for (let i = 0; i < 2; i++) expect(await eagerly(larger, { ...late, part })).toEqual(expected);
    expect(await seekable(larger, { ...late, part })).toBe(true);
  });

  test("is read so by readVideo and manifests, when enough is before it", async () => {
    expect(await planSeek(film(), videoRange(late), { rules: usualSeekRules })).toMatchObject({ filters: [{}, {}] });
    expect(await planSeek(film(), videoRange({ start: 60 }), { rules: usualSeekRules })).toBeUndefined();
    const { pixels } = await readVideo(film(), late);
    expect(pixels).toEqual((await readVideo(film(), { ...late, seek: "never" })).pixels);
    const manifest = path.join(folder, "m.jsonl");
    await writeFile(manifest, `{"path":"closed.mp4","cap":"x","start":120,"end":126}\n`);
    expect((await manifestSource(await readManifest(manifest)).get(0)).pixels).toEqual(pixels);
  });

  test("gives way to decoding from the start where that is asked for, or the file changed since", async () => {
    expect(await seekable(film(), { ...late, seek: "never" })).toBe(false);
    expect(await seekable(film(), { ...late, damaged: "keep" })).toBe(false);
    await expect(videoFrames(film(), { seek: "often" as never }).next()).rejects.toThrow('use "auto" or "never"');
    const changing = path.join(folder, "changing.mp4");
    await writeFile(changing, await readFile(film()));
    expect(await seekable(changing, late)).toBe(true);
    await writeFile(changing, await readFile(path.join(folder, "open.mp4")));
    expect(await seekable(changing, late)).toBe(false);
  });

  test("gives way when ffmpeg lands elsewhere or fails there: the frames are still the right ones", async () => {
    const expected = await fromStart(film(), { start: 118, end: 124 });
    const options = { start: 118, end: 124 };
    const bodies = {
      // Time stamps that are off by one, from the first or from the fourth on.
      first: `"$REAL" "$@" 2> >(sed -u -E 's/info\\] ([0-9]+)\\.000000/info] \\11.000000/' >&2)`,
      fourth: `"$REAL" "$@" 2> >(sed -u -E '/info\\] 61952/,$ s/info\\] ([0-9]+)\\.000000/info] 7.000000/' >&2)`,
      fails: "exit 1",
    };
    for (const [name, body] of Object.entries(bodies)) {
      const fake = await fakeFfmpeg(
        await mkdtemp(path.join(folder, "fake-")),
        `case "$*" in *-ss*) exec bash -c '${body.replaceAll("'", `'"'"'`)}' sh "$@";; *) exec "$REAL" "$@";; esac`.replaceAll("$REAL", ffmpeg), // prettier-ignore
      );
      expect(await seekable(film(), { ...options, ffmpeg: fake }), name).toBe(true);
      const frames = await eagerly(film(), { ...options, ffmpeg: fake });
      expect(frames, name).not.toEqual(expected); // some were decoded again from the start
      expect(
        (frames as string[]).map((frame) => frame.replace(/ decoded again.*/, "")),
        name,
      ).toEqual(expected);
    }
  });

  test("damage inside the range is told, damage before it is not seen any more", async () => {
    const bytes = await readFile(film());
    const scratched = path.join(folder, "scratched.mp4");
    const mdat = bytes.indexOf("mdat");
    await writeFile(scratched, Buffer.from(bytes).fill(0xaa, mdat + 6000, mdat + 6400));
    expect(await fromStart(scratched, late)).toContain("scratched.mp4");
    expect(await eagerly(scratched, late)).toEqual(await fromStart(film(), late));
    const end = bytes.indexOf("moov") > mdat ? bytes.indexOf("moov") - 8 : bytes.length;
    await writeFile(scratched, Buffer.from(bytes).fill(0xaa, end - 900, end - 200));
    expect(await eagerly(scratched, { start: 120 })).toMatch(/scratched\.mp4 is damaged|cannot read/);
  });

  test("beginning behind the end of the file is an error", async () => {
    expect(await eagerly(film(), { start: 150 })).toContain("has no frame from 150 to its end");
    expect(await eagerly(film(), { startSeconds: 6, endSeconds: 7 })).toContain("has no frame from 6 s to 7 s");
    expect(await eagerly(film(), { start: 149, end: 160 })).toHaveLength(1);
  });

  test("an abort ends it", async () => {
    const stop = new AbortController();
    const frames = framesInto(film(), { ...late, signal: stop.signal }, { rules: eager });
    const first = frames.next();
    stop.abort();
    await expect(first).rejects.toThrow("abort");
  });
});

describe("ranges in seconds", () => {
  test("are the frames whose time stamp lies in them", async () => {
    const file = path.join(folder, "plain.mp4"); // 25 frames a second from 0
    const whole = (await fromStart(file, {})) as string[];
    const read = (options: VideoFramesOptions): ReturnType<typeof collect> => collect(videoFrames(file, options));
    expect(await read({ startSeconds: 0.04, endSeconds: 0.2 })).toEqual(slice(whole, { start: 1, end: 5 }));
    expect(await read({ startSeconds: 0.041, endSeconds: 0.201 })).toEqual(slice(whole, { start: 2, end: 6 }));
    expect(await read({ endSeconds: 0.12 })).toEqual(slice(whole, { end: 3 }));
    expect(await read({ startSeconds: 3.9 })).toEqual(slice(whole, { start: 98 }));
    const few = await readVideo(file, { startSeconds: 0.04, maxFrames: 2 });
    expect([few.frames, few.fps]).toEqual([2, 25]);
    expect(await read({ startSeconds: 1, endSeconds: 2, fps: 5 })).toEqual(await read({ start: 5, end: 10, fps: 5 }));
  });

  test("exclude ranges in frames, and tell what is wrong", () => {
    expect(() => videoRange({ start: 1, endSeconds: 2 })).toThrow("start and a range in seconds are both given");
    expect(() => videoRange({ only: [1], startSeconds: 2 })).toThrow("only and a range in seconds");
    expect(() => videoRange({ startSeconds: -1 })).toThrow("startSeconds is -1; use seconds");
    expect(() => videoRange({ startSeconds: 2, endSeconds: 2 })).toThrow("endSeconds is 2; use seconds, more than");
  });
});

describe("what may be begun at", () => {
  const avcC = Uint8Array.of(1, 100, 0, 30, 0xff);
  const unit = (...bytes: number[]): number[] => [0, 0, 0, bytes.length, ...bytes];

  test("H.264: pictures of which every slice is IDR, of usual profiles, with sound lengths", () => {
    const ask = (bytes: number[], description: Uint8Array | undefined = avcC): boolean =>
      isEntryPacket("avc", Uint8Array.from(bytes), description);
    expect(ask([...unit(0x06, 1), ...unit(0x65, 9), ...unit(0x65, 8)])).toBe(true);
    expect(ask(unit(0x41, 9))).toBe(false);
    expect(ask([...unit(0x65, 9), ...unit(0x41, 9)])).toBe(false);
    expect(ask(unit(0x06, 1))).toBe(false);
    expect(ask(unit(0x65, 9).slice(0, -1))).toBe(false);
    expect(ask([0, 0, 0, 1, 0x65, 0])).toBe(false);
    expect(ask([])).toBe(false);
    expect(ask(unit(0x65, 9), Uint8Array.of(1, 244, 0, 30, 0xff))).toBe(false);
    expect(isEntryPacket("avc", Uint8Array.from(unit(0x65, 9)), undefined)).toBe(false);
  });

  test("VP9: key frames that are shown", () => {
    const ask = (first: number): boolean => isEntryPacket("vp9", Uint8Array.of(first, 0x49), undefined);
    expect([0b10000010, 0b10000000, 0b10000110, 0b10001010, 0b01000010].map(ask)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test("an index needs time stamps that differ, a beginning, and leaves out packets with others before them", () => {
    expect(indexOf("avc", [0, 3, 1, 2, 4], [0, 4])).toMatchObject({ keys: Int32Array.of(0, 4) });
    expect(indexOf("avc", [0, 4, 2, 3], [0, 1])!.keys).toEqual(Int32Array.of(0));
    expect(indexOf("hevc", [0, 4, 2, 3], [0, 1])!.keys).toEqual(Int32Array.of(0, 3));
    expect(indexOf("avc", [0, 5, 2, 3], [0, 2])!.keys).toEqual(Int32Array.of(0));
    for (const shown of [[0, 1, 1], [1, 0], [], [0, NaN]]) expect(indexOf("avc", shown, [0])).toBeUndefined();
    expect(indexOf("avc", [0, 1], [1])).toBeUndefined();
  });

  test("files that are no container of packets have no index", async () => {
    const text = path.join(folder, "text.mp4");
    await writeFile(text, "hello");
    await appendFile(text, Buffer.alloc(2000));
    expect(await readPacketIndex(text, undefined)).toBeUndefined();
    expect(await readPacketIndex(path.join(folder, "other.avi"), undefined)).toBeUndefined();
    expect((await readPacketIndex(path.join(folder, "closed.mp4"), undefined))!.times).toHaveLength(150);
  });
});
