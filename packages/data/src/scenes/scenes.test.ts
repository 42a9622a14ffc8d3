import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { movingClip, shippedClips } from "../../test/helpers.js";
import {
  clipFrames,
  contentScore,
  detectScenes,
  flashFilter,
  readVideo,
  sceneChunks,
  type VideoFrame,
} from "../index.js";

async function joined(names: readonly string[], framesEach: number): Promise<VideoFrame[]> {
  const clips = await Promise.all(
    names.map((name) => readVideo(path.join(shippedClips, `${name}.mp4`), { maxFrames: framesEach })),
  );
  return clips.flatMap((clip) => [...clipFrames(clip)]);
}

describe("detectScenes", () => {
  test("finds the joints of real clips", async () => {
    const { scenes, scores } = await detectScenes(await joined(["cup", "city", "race", "plant"], 20));
    expect(scenes).toEqual([0, 20, 40, 60].map((start) => ({ start, end: start + 20 })));
    expect(scores.length).toBe(80);
  });

  test("a still film is one scene; an empty one none", async () => {
    const still = clipFrames(movingClip({ frames: 30, height: 8, width: 8 }));
    expect((await detectScenes(still)).scenes).toEqual([{ start: 0, end: 30 }]);
    expect((await detectScenes([])).scenes).toEqual([]);
    await expect(detectScenes([], { threshold: 0 })).rejects.toThrow("threshold is 0");
  });

  test("a flash is no cut", async () => {
    const frames = [...clipFrames(movingClip({ frames: 60, height: 8, width: 8 }))];
    const flash = { ...frames[0]!, pixels: new Uint8Array(8 * 8 * 3).fill(255) };
    frames[8] = flash; // before the shortest scene has passed: both edges are suppressed
    expect((await detectScenes(frames)).scenes.length).toBe(1);
  });
});

test("without a shortest scene every frame above the threshold is a cut", () => {
  const filter = flashFilter({ minSceneFrames: 0 });
  expect([0, 1, 2].map((frame) => filter.next(frame, frame !== 1))).toEqual([0, undefined, 2]);
});

test("frames of different sizes cannot be compared", () => {
  expect(() => contentScore(new Uint8Array(3), new Uint8Array(6))).toThrow("frames have 3 and 6 bytes");
});

test("chunks cover every scene without a gap, none longer than allowed", () => {
  const ends = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 6 }).map((lengths) => {
    let end = 0;
    return lengths.map((length) => (end += length));
  });
  fc.assert(
    fc.property(ends, fc.double({ min: 1, max: 60, noNaN: true }), (sceneEnds, fps) => {
      const chunks = sceneChunks(sceneEnds, { fps });
      chunks.forEach(({ start, end }, i) => {
        expect(start).toBe(i === 0 ? 0 : chunks[i - 1]!.end);
        expect(end - start).toBeLessThanOrEqual(7 * fps);
      });
      expect(sceneEnds.every((end) => chunks.some((chunk) => chunk.end === end))).toBe(true);
    }),
  );
  expect(() => sceneChunks([10], { fps: 0.1 })).toThrow("give pieces without a frame");
});
