// What every source of clips, and every transform of clips, has to do, as tests that any runner can run.
import { type Clip, type ClipSource, type ClipTransform, createRng, type MaybePromise } from "@noisereel/core";
import { assertClip, assertSameClip, clipSourceCases } from "./clip-source-cases.js";
import { assert } from "./executor-tools.js";
import type { TestRunner } from "./executor.js";

export interface ClipSourceSuiteOptions extends TestRunner {
  /** Index of a clip that cannot be had; without it the case about such clips is left out. */
  readonly broken?: number | undefined;
}

/**
 * Declares the tests of one clip source: clips that are whole, ids, the same clip whatever the order, errors, abort. `make` is
 * called for every test, twice for one of them, and must give the same clips.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeClipSource("mine", () => mySource("folder"), { describe, it });
 * ```
 */
export function describeClipSource(
  name: string,
  make: () => MaybePromise<ClipSource>,
  options: ClipSourceSuiteOptions,
): void {
  const { broken } = options;
  options.describe(`clip source ${name}`, () => {
    for (const { name: what, needsBroken, check } of clipSourceCases) {
      if (needsBroken === true && broken === undefined) continue;
      options.it(what, async () => {
        const source = await make();
        try {
          await check({ source, again: async () => make(), broken });
        } finally {
          await source.close?.();
        }
      });
    }
  });
}

export interface ClipTransformSuiteOptions extends TestRunner {
  /** A clip that the transform accepts. Default: 9 frames of 24x20. */
  readonly clip?: Clip | undefined;
}

/**
 * Declares the tests of one clip transform: what comes out is a clip, depends only on the clip and the generator, and the clip
 * that went in is as it was.
 */
export function describeClipTransform(
  name: string,
  make: () => MaybePromise<ClipTransform>,
  options: ClipTransformSuiteOptions,
): void {
  const { clip = patternClip() } = options;
  options.describe(`clip transform ${name}`, () => {
    options.it("gives a clip whose bytes are its frames", async () => {
      const transform = await make();
      for (const seed of [0, 1, 2]) assertClip(await transform(clip, createRng(seed)), `with seed ${seed}`);
    });
    options.it("depends on nothing but the clip and the generator", async () => {
      const [one, other] = [await make(), await make()];
      for (const seed of [0, 1, 2]) {
        const first = await one(clip, createRng(seed));
        assertSameClip(first, await one(clip, createRng(seed)), `a second time with seed ${seed}`);
        assertSameClip(first, await other(clip, createRng(seed)), `made again, with seed ${seed}`);
      }
    });
    options.it("leaves the clip that went in as it was, and keeps its id and caption", async () => {
      const before = { ...clip, pixels: clip.pixels.slice() };
      const result = await (await make())(clip, createRng(0));
      assertSameClip(before, clip, "the clip that went in");
      assert(result.id === clip.id, `id became ${result.id}; reports name clips by it`);
      assert(
        result.caption === clip.caption,
        `caption became ${result.caption}; captions have transforms of their own`,
      );
    });
  });
}

/** 9 frames of 24x20 in which no two frames, rows or columns are equal. */
function patternClip(): Clip {
  const [frames, height, width] = [9, 20, 24];
  const pixels = Uint8Array.from({ length: frames * height * width * 3 }, (_, i) => (i * 7 + (i >> 6) * 13) % 256);
  return { id: "pattern", pixels, frames, height, width, fps: 8, caption: "a pattern" };
}
