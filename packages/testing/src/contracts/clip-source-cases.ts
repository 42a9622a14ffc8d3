// The cases of the clip source suite. Each throws what is wrong. T time, H height, W width.
import { type CallOptions, type Clip, ClipError, type ClipSource, NoisereelError } from "@noisereel/core";
import { assert } from "./executor-tools.js";

export interface ClipSourceUnderTest {
  readonly source: ClipSource;
  /** Makes the same source once more. */
  readonly again: () => Promise<ClipSource>;
  /** Index of a clip that cannot be had, when there is one. */
  readonly broken: number | undefined;
}

export interface ClipSourceCase {
  readonly name: string;
  /** Needs a clip that cannot be had. */
  readonly needsBroken?: true;
  readonly check: (under: ClipSourceUnderTest) => Promise<void>;
}

/** Throws unless a clip is one: its bytes are its frames, its numbers are possible. */
export function assertClip(clip: Clip, where: string): void {
  const { id, pixels, frames, height, width, fps, caption } = clip;
  assert(typeof id === "string" && id !== "", `${where}: id is ${JSON.stringify(id)}; every clip needs one`);
  for (const [name, value] of Object.entries({ frames, height, width })) {
    assert(Number.isInteger(value) && value > 0, `${where}: ${name} is ${value}; it must be a positive integer`);
  }
  assert(Number.isFinite(fps) && fps > 0, `${where}: fps is ${fps}; it must be positive, 1 for an image`);
  assert(pixels instanceof Uint8Array, `${where}: pixels are no Uint8Array`);
  assert(
    pixels.length === frames * height * width * 3, // [T, H, W, 3]
    `${where}: pixels has ${pixels.length} bytes, ${frames} frames of ${width}x${height} need ${frames * height * width * 3}`,
  );
  assert(caption === undefined || typeof caption === "string", `${where}: caption is no text`);
}

/** Throws unless two clips are equal to the last byte. */
export function assertSameClip(a: Clip, b: Clip, what: string): void {
  for (const key of ["id", "frames", "height", "width", "fps", "caption"] as const) {
    assert(a[key] === b[key], `${what}: ${key} is ${a[key]} and then ${b[key]}`);
  }
  assert(Buffer.compare(a.pixels, b.pixels) === 0, `${what}: the pixels differ`);
}

/** The clips that can be had, by index. */
async function allClips({ source, broken }: ClipSourceUnderTest): Promise<Map<number, Clip>> {
  const clips = new Map<number, Clip>();
  for (let index = 0; index < source.length; index++) {
    if (index !== broken) clips.set(index, await source.get(index));
  }
  return clips;
}

async function rejection(source: ClipSource, index: number, call?: CallOptions): Promise<unknown> {
  try {
    await source.get(index, call);
    return undefined;
  } catch (error) {
    return error;
  }
}

export const clipSourceCases: readonly ClipSourceCase[] = [
  {
    name: "has a name and at least one clip",
    async check({ source }) {
      assert(source.name !== "", "name is empty; it is what messages say");
      assert(Number.isInteger(source.length) && source.length > 0, `length is ${source.length}; the suite needs clips`);
    },
  },
  {
    name: "gives clips whose bytes are their frames",
    async check(under) {
      for (const [index, clip] of await allClips(under)) assertClip(clip, `clip ${index}`);
    },
  },
  {
    name: "gives every clip an id of its own",
    async check(under) {
      const seen = new Map<string, number>();
      for (const [index, { id }] of await allClips(under)) {
        const before = seen.get(id);
        assert(before === undefined, `clips ${before} and ${index} are both called ${id}`);
        seen.set(id, index);
      }
    },
  },
  {
    name: "gives the same clip again, in any order and when asked for several at once",
    async check(under) {
      const { source } = under;
      const first = await allClips(under);
      for (const [index, clip] of [...first].toReversed()) {
        assertSameClip(clip, await source.get(index), `clip ${index} asked for again`);
      }
      const together = await Promise.all(
        [...first.keys()].map(async (index) => [index, await source.get(index)] as const),
      );
      for (const [index, clip] of together) assertSameClip(first.get(index)!, clip, `clip ${index} among others`);
    },
  },
  {
    name: "is the same when it is made again: a run is resumed in another process",
    async check(under) {
      const other = await under.again();
      try {
        assert(other.length === under.source.length, `length is ${under.source.length} and then ${other.length}`);
        const clips = await allClips(under);
        for (const [index, clip] of clips) assertSameClip(clip, await other.get(index), `clip ${index} of both`);
      } finally {
        await other.close?.();
      }
    },
  },
  {
    name: "is not changed by who changes a clip that it gave",
    async check(under) {
      const [index] = (await allClips(under)).keys();
      if (index === undefined) return;
      const before = await under.source.get(index);
      const kept = { ...before, pixels: before.pixels.slice() };
      const { pixels } = await under.source.get(index);
      for (const clip of (await allClips(under)).values()) assert(clip.pixels.length > 0, "pixels are empty");
      assertSameClip(kept, { ...kept, pixels }, `clip ${index} after other clips were read`);
    },
  },
  {
    name: "refuses an index that it does not have",
    async check({ source }) {
      for (const index of [source.length, -1]) {
        const error = await rejection(source, index);
        assert(
          NoisereelError.isInstance(error),
          `get(${index}) of ${source.length} clips must throw a ConfigError or ClipError`,
        );
      }
    },
  },
  {
    name: "throws a ClipError with a reason for a clip that cannot be had, and goes on",
    needsBroken: true,
    async check({ source, broken }) {
      const error = await rejection(source, broken!);
      assert(ClipError.isInstance(error), `get(${broken}) must throw a ClipError, so that a loader can skip the clip`);
      assert((error as ClipError).message.length > 10, "the message does not say why");
      for (let index = 0; index < source.length; index++)
        if (index !== broken) assertClip(await source.get(index), `clip ${index}`);
    },
  },
  {
    name: "gives up when it is aborted, or has the clip already",
    async check(under) {
      const [index] = (await allClips(under)).keys();
      const controller = new AbortController();
      controller.abort(new Error("the suite aborted"));
      const error = await rejection(under.source, index!, { signal: controller.signal });
      assert(
        error === undefined || (error as Error).message.includes("the suite aborted"),
        "an abort must reject with the signal's reason",
      );
      assertClip(await under.source.get(index!), "a clip after the abort");
    },
  },
];
