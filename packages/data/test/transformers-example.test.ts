// The logic of examples/transformers-js, with functions in place of models.
import path from "node:path";
import { expect, test } from "vitest";
import { imageCaptioner, inOrder, mostTypical, type Picture } from "../../../examples/transformers-js/captioner.js";
import { captionMatch, clipEmbedding, type ClipVectors } from "../../../examples/transformers-js/clip-vectors.js";
import {
  captionClip,
  cutVideo,
  measureEntries,
  readManifest,
  selectFrames,
  vectorDistance,
  writeVideo,
} from "../src/index.js";
import { movingClip, temporaryFolder } from "./helpers.js";

test("a long clip: parts in order, each by its most typical frame, repetitions left out", async () => {
  const clip = movingClip({ frames: 60, height: 8, width: 8, fps: 4 }); // 15 seconds: three parts
  const seen: Picture[] = [];
  const sentences = [
    ["a cat on a mat", "a cat sits on a mat", "two dogs"],
    ["a cat on a mat", "a cat sits on a mat ", "a tree"],
    ["A dog runs.", "a dog runs fast.", "a dog runs."],
  ].flat();
  const captioner = imageCaptioner({
    name: "fake",
    describe: async (picture) => sentences[seen.push(picture) - 1]!,
  });
  const { caption, parts, source } = await captionClip(clip, captioner);
  expect(seen).toHaveLength(9);
  for (const { pixels, height, width } of seen) expect(pixels).toHaveLength(height * width * 3);
  expect(parts.map((part) => part.caption)).toEqual(["a cat on a mat", "a cat on a mat", "A dog runs."]);
  expect(caption).toBe("A cat on a mat. Then a dog runs.");
  expect(source).toBe("fake");
});

test("the strategy in small", () => {
  expect(mostTypical([])).toBe("");
  expect(mostTypical(["x", "a red car", "a red car drives"])).toBe("a red car");
  expect(inOrder(["one thing", "another one!"], "Next,")).toBe("One thing. Next, another one!");
});

test("an abort ends it between frames", async () => {
  const stop = new AbortController();
  const captioner = imageCaptioner({ name: "fake", describe: async () => (stop.abort(), "x") });
  const clip = movingClip({ frames: 4, height: 4, width: 4 });
  await expect(captionClip(clip, captioner, { signal: stop.signal })).rejects.toThrow("abort");
});

/** Mean colours as vectors; a text is the colour that it names. */
const colours: ClipVectors = {
  name: "mean-colour",
  async embedImages(pictures) {
    return pictures.map(({ pixels }) => {
      const sums = new Float32Array(3);
      pixels.forEach((byte, i) => (sums[i % 3]! += byte));
      return sums;
    });
  },
  embedTexts: async (texts) =>
    texts.map((text) => Float32Array.from(["red", "green", "blue"], (name) => Number(text.includes(name)))),
};

test("vectors are of unit length; one that cannot be made so is an error", async () => {
  const clip = movingClip({ frames: 2, height: 6, width: 6 });
  const frames = [0, 1].map((index) => ({ ...selectFrames(clip, [index]), index }));
  const [a, b] = await clipEmbedding(colours).embed(frames);
  expect(Math.hypot(...a!)).toBeCloseTo(1, 6);
  expect(vectorDistance(a!, b!)).toBeGreaterThan(0); // frames of one clip: near, not equal
  expect(vectorDistance(a!, b!)).toBeLessThan(0.5);
  const broken = clipEmbedding({ name: "zero", embedImages: async () => [new Float32Array(3)] });
  await expect(broken.embed([])).rejects.toThrow("a vector of length 0");
});

test("stitching and caption match run on real files", async () => {
  const folder = await temporaryFolder();
  const red = movingClip({ frames: 25, height: 32, width: 32 });
  red.pixels.forEach((_, i) => (red.pixels[i] = i % 3 === 0 ? 220 : 20));
  await writeVideo(path.join(folder, "red.mp4"), { ...red, caption: "x" });
  const cut = await cutVideo(path.join(folder, "red.mp4"), { stitch: { embedding: clipEmbedding(colours) } });
  // A picture that never changes is dropped as a still, by these vectors.
  expect(cut.clips).toEqual([]);
  expect(cut.dropped[0]!.reason).toMatch(/still/);
  const { entries } = await readManifest(folder);
  const captions = ["all red", "all blue", undefined];
  const measured = await measureEntries(
    captions.map((caption, i) => ({ ...entries[0]!, id: String(i), captions: caption === undefined ? [] : [caption] })),
    { measures: [], scorers: [captionMatch(colours)] },
  );
  const [match, other, none] = measured.map(({ columns }) => columns["caption_match"]);
  expect(match).toBeGreaterThan(0.95);
  expect(other).toBeLessThan(0.2);
  expect(none).toBeNull();
});
