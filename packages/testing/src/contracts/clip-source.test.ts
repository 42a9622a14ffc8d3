// The suite must find what is wrong: each broken source or transform fails the case that is made for it.
import { type Clip, ClipError, type ClipSource, type ClipTransform, ConfigError } from "@noisereel/core";
import { expect, test } from "vitest";
import { describeClipSource, describeClipTransform } from "./clip-source.js";
import { failing } from "../../test/failing.js";

const clip = (index: number): Clip => ({
  id: `clip-${index}`,
  pixels: new Uint8Array(2 * 3 * 4 * 3).fill(index),
  frames: 2,
  height: 3,
  width: 4,
  fps: 5,
});

function goodSource(): ClipSource {
  return {
    name: "good",
    length: 4,
    get(index, call) {
      call?.signal?.throwIfAborted();
      if (index === 2) throw new ClipError("clip 2 is broken on purpose", { id: "clip-2" });
      if (!(index >= 0 && index < 4)) throw new ConfigError(`index is ${index}; there are 4 clips`);
      return clip(index);
    },
  };
}

const sourceFailures = (change: (source: ClipSource, made: number) => ClipSource): Promise<string[]> => {
  let made = 0;
  return failing((runner) =>
    describeClipSource("broken", () => change(goodSource(), made++), { ...runner, broken: 2 }),
  );
};
const changed =
  (edit: (clip: Clip, index: number) => Clip) =>
  (source: ClipSource): ClipSource => ({
    ...source,
    get: async (index, call) => edit(await source.get(index, call), index),
  });

test("a right source passes", async () => {
  expect(await sourceFailures((source) => source)).toEqual([]);
});

test.each<[string, (source: ClipSource, made: number) => ClipSource, RegExp]>([
  ["has no clips", (source) => ({ ...source, length: 0 }), /at least one clip/],
  ["counts bytes wrongly", changed((it) => ({ ...it, frames: 3 })), /bytes are their frames/],
  ["calls two clips the same", changed((it, index) => (index < 2 ? { ...it, id: "x" } : it)), /id of its own/],
  [
    "shuffles by itself",
    (source) => {
      let calls = 0;
      return { ...source, get: async (index, call) => ({ ...(await source.get(index, call)), fps: ++calls }) };
    },
    /the same clip again/,
  ],
  ["differs each time it is made", (source, made) => changed((it) => ({ ...it, fps: made + 1 }))(source), /made again/],
  [
    "has one memory for all clips",
    (source) => {
      const shared = new Uint8Array(72);
      return changed((it) => {
        shared.set(it.pixels);
        return { ...it, pixels: shared };
      })(source);
    },
    /not changed by/,
  ],
  [
    "wraps around",
    (source) => ({ ...source, get: (index, call) => source.get(index === 2 ? 2 : ((index % 4) + 4) % 4, call) }),
    /refuses an index/,
  ],
  [
    "throws any error",
    (source) => ({
      ...source,
      get: (index, call) => (index === 2 ? Promise.reject(new TypeError("cannot read")) : source.get(index, call)),
    }),
    /ClipError with a reason/,
  ],
  [
    "turns an abort into a broken clip",
    (source) => ({
      ...source,
      get(index, call) {
        if (call?.signal?.aborted === true) throw new ClipError("it cannot be read", { id: "x" });
        return source.get(index, call);
      },
    }),
    /gives up when it is aborted/,
  ],
])("finds a source that %s", async (_, change, expected) => {
  expect((await sourceFailures(change)).some((name) => expected.test(name))).toBe(true);
});

const transformFailures = (transform: () => ClipTransform): Promise<string[]> =>
  failing((runner) => describeClipTransform("x", transform, runner));
const flipFrames: ClipTransform = (it, rng) => {
  const size = it.height * it.width * 3;
  const first = rng.integer(it.frames);
  return { ...it, pixels: it.pixels.slice(first * size, (first + 1) * size), frames: 1 };
};

test("a right transform passes, wrong ones are found", async () => {
  expect(await transformFailures(() => flipFrames)).toEqual([]);
  expect(await transformFailures(() => (it) => ({ ...it, height: 1 }))).toContain(
    "gives a clip whose bytes are its frames",
  );
  let calls = 0;
  expect(await transformFailures(() => (it) => ({ ...it, fps: ++calls }))).toContain(
    "depends on nothing but the clip and the generator",
  );
  const inPlace: ClipTransform = (it) => {
    it.pixels.reverse();
    return it;
  };
  expect((await transformFailures(() => inPlace)).join()).toContain("leaves the clip that went in");
  expect((await transformFailures(() => (it) => ({ ...it, id: "new" }))).join()).toContain(
    "leaves the clip that went in",
  );
});
