import { describe, expect, test } from "vitest";
import { movingClip, temporaryFolder } from "../../test/helpers.js";
import { captionClip, type Captioner, captionLengths, captionStatistics, stripCaptionPrefix } from "../index.js";

test("the statistics of the report's table", () => {
  const entries = [["a b c", "a"], ["a b c d e"], [" "], [], ["a"]].map((captions) => ({ captions }));
  expect(captionStatistics(entries, { lengths: [1, 3, 10] })).toEqual({
    captions: 4,
    uncaptioned: 2,
    repeated: 1,
    mean: 2.5,
    max: 5,
    std: Math.sqrt((0.25 + 2.25 + 6.25 + 2.25) / 4),
    coverage: [
      { tokens: 1, share: 0.5 },
      { tokens: 3, share: 0.75 },
      { tokens: 10, share: 1 },
    ],
    longest: "a b c d e",
  });
  expect(captionStatistics(entries, { countTokens: (text) => text.length + 1 }).max).toBe(10);
  expect(captionStatistics([])).toMatchObject({ captions: 0, mean: 0, max: 0, longest: undefined });
  expect(() => captionStatistics([], { lengths: [0] })).toThrow("lengths holds 0");
});

test("lengths that were counted before, by several processes, give the same statistics", async () => {
  const folder = await temporaryFolder();
  const entries = [["a b c", "a"], [" ", "a b c d e"], [], ["a"]].map((captions) => ({ captions }));
  const countTokens = (text: string): number => text.length;
  const part = (rank: number): ReturnType<typeof captionLengths> =>
    captionLengths(entries, { countTokens, tokenizer: "t.json", shared: { folder, shard: { rank, size: 2 } } });
  expect(await part(0)).toEqual([[5, 1], undefined, [], undefined]);
  expect(await part(1)).toEqual([undefined, [null, 9], undefined, [1]]);
  const counted = await captionLengths(entries, { tokenizer: "t.json", shared: { folder, mode: "collect" } });
  expect(captionStatistics(entries, { counted })).toEqual(captionStatistics(entries, { countTokens }));
  expect(() => captionStatistics(entries, { counted: counted.slice(1) })).toThrow("2 lengths for 4 captions");
  const other = captionLengths(entries, { tokenizer: "u.json", shared: { folder, mode: "collect" } });
  await expect(other).rejects.toThrow("4 of 4 are not finished");
});

test.each([
  ["This video shows a dog that runs.", "A dog that runs."],
  ["Sure! Here is a description of the clip: In this video, we can see a red car.", "A red car."],
  ["The image depicts that people walk.", "People walk."],
  ["Caption: the footage captures waves", "Waves"],
  ["A video of a cat", "A video of a cat"],
  ["This video shows", "This video shows"],
  ["The pictures on the wall", "The pictures on the wall"],
])("%s → %s", (caption, expected) => {
  expect(stripCaptionPrefix(caption)).toBe(expected);
});

describe("captionClip", () => {
  const clip = movingClip({ frames: 40, height: 4, width: 4, fps: 10 });
  const captioner = (said: readonly string[], maxFrames = 3): Captioner & { readonly seen: number[] } => {
    const seen: number[] = [];
    return { name: "fake", maxFrames, seen, caption: (frames) => said[seen.push(frames.frames) - 1]! };
  };

  test("a long clip is described in parts, repetitions are left out", async () => {
    const fake = captioner(["This video shows a dog.", "A dog.", "A cat."]);
    const result = await captionClip(clip, fake, { secondsPerPart: 1.5 });
    expect(result.caption).toBe("A dog. A cat.");
    expect(result.source).toBe("fake");
    expect(result.parts.map(({ start, end }) => [start, end])).toEqual([
      [0, 13],
      [13, 26],
      [26, 40],
    ]);
    expect(fake.seen).toEqual([3, 3, 3]);
  });

  test("a short one at once; a captioner may merge; what cannot be used is refused", async () => {
    expect((await captionClip(clip, captioner(["One."], 100))).parts).toEqual([{ start: 0, end: 40, caption: "One." }]);
    const merging = { ...captioner(["One.", "Two."]), merge: (texts: readonly string[]) => texts.join(" then ") };
    expect((await captionClip(clip, merging, { secondsPerPart: 2 })).caption).toBe("One. then Two.");
    await expect(captionClip(clip, captioner([], 0))).rejects.toThrow("captioner fake takes 0 frames");
    await expect(captionClip(clip, captioner([]), { secondsPerPart: 0 })).rejects.toThrow("secondsPerPart is 0");
  });
});
