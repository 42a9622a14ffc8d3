import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { ClipError, ConfigError, createRng } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { movingClip, temporaryFolder } from "../../test/helpers.js";
import { drawCaption, fileSha256, manifestSource, readManifest, writeImage, writeVideo } from "../index.js";
import { parseEntries } from "./parse.js";

/** A folder with a.mp4 (9 frames), b.mp4, c.png and the manifest `name`. */
async function folderWith(name: string, content: string): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder();
  const clip = movingClip({ frames: 9, height: 16, width: 16 });
  await writeVideo(path.join(folder, "a.mp4"), clip);
  await writeVideo(path.join(folder, "b.mp4"), clip);
  await writeImage(path.join(folder, "c.png"), clip);
  const file = path.join(folder, name);
  await writeFile(file, content);
  return { folder, file };
}

describe("readManifest", () => {
  test("the reference's JSON array", async () => {
    const { folder, file } = await folderWith(
      "m.json",
      '[\n  {"path": "a.mp4", "cap": ["one", "two"]},\n  {"path": "c.png", "cap": "three"}\n]',
    );
    const { entries, dropped } = await readManifest(file);
    expect(dropped).toEqual([]);
    expect(entries[0]).toMatchObject({
      id: "a.mp4",
      path: path.join(folder, "a.mp4"),
      captions: ["one", "two"],
      type: "video",
      line: 2,
    });
    expect(entries[1]).toMatchObject({ captions: ["three"], type: "image", line: 3 });
  });

  test("JSON lines with ranges, stated facts and columns of one's own", async () => {
    const lines = [
      { path: "a.mp4", cap: " blank around ", start: 2, end: 7, num_frames: 9, resolution: { height: 16, width: 16 } },
      { path: "a.mp4", cap: [], frame_idx: "0:4", sharpness: 0.5, licence: "MIT" },
      { path: "a.mp4", cap: "again", start: 2, end: 7, id: "mine" },
    ];
    const { file } = await folderWith("m.jsonl", `${lines.map((line) => JSON.stringify(line)).join("\n\n")}\n`);
    const { entries } = await readManifest(file);
    expect(entries.map(({ id, start, end }) => [id, start, end])).toEqual([
      ["a.mp4@2-7", 2, 7],
      ["a.mp4@0-4", 0, 4],
      ["mine", 2, 7],
    ]);
    expect(entries[0]!.captions).toEqual(["blank around"]);
    expect(entries[0]!.stated).toMatchObject({ frames: 9, height: 16, width: 16 });
    expect(entries[1]!.columns).toEqual({ sharpness: 0.5, licence: "MIT" });
    expect(entries[2]!.line).toBe(5);
  });

  test("a folder of pairs", async () => {
    const { folder } = await folderWith("a.txt", "A square\nmoves.\n");
    await mkdir(path.join(folder, "deep"));
    await writeVideo(path.join(folder, "deep", "d.webm"), movingClip({ frames: 5, height: 16, width: 16 }));
    const { entries } = await readManifest(folder);
    expect(entries.map(({ id, captions }) => [id, ...captions])).toEqual([
      ["a.mp4", "A square moves."],
      ["b.mp4"],
      ["c.png"],
      [path.join("deep", "d.webm")],
    ]);
    await expect(readManifest(folder, { uncaptioned: "error" })).rejects.toThrow(
      "b.mp4, field cap: there is no caption",
    );
  });

  test("all problems are told together, with line and field", async () => {
    const { file } = await folderWith(
      "m.jsonl",
      [
        '{"path": "a.mp4", "cap": 7}',
        '{"cap": "x"}',
        '{"path": "a.mp4", "caption": "x"}',
        '{"path": "gone.mp4", "cap": "x"}',
        '{"path": "a.mp4", "fps": -1, "frame_idx": "a"}',
        '{"path": "a.mp4", "start": 5, "end": 2}',
      ].join("\n"),
    );
    const reading = readManifest(file);
    await expect(reading).rejects.toThrow(ConfigError);
    await expect(reading).rejects.toThrow(
      /m\.jsonl has 7 problems: line 1, field cap: .*; line 2, field path: .*; line 3, field caption: captions are read from cap; rename it; line 4, field path: .*gone\.mp4 does not exist; check the path.*; line 5, field fps: .*; and 2 more/,
    );
  });

  test("what is not JSON is told with its line; an empty or missing manifest says so", async () => {
    const { folder, file } = await folderWith("m.jsonl", '{"path": "a.mp4"}\n{"path": \n');
    await expect(readManifest(file)).rejects.toThrow("line 2, not JSON");
    await writeFile(file, "\n");
    await expect(readManifest(file)).rejects.toThrow("gives no clips: it is empty");
    await expect(readManifest(path.join(folder, "gone.json"))).rejects.toThrow("gone.json does not exist");
  });

  test("missing: skip keeps a list; root is joined", async () => {
    const { folder } = await folderWith("m.jsonl", "");
    const elsewhere = path.join(await temporaryFolder(), "list.json");
    await writeFile(elsewhere, JSON.stringify([{ path: "a.mp4" }, { path: "gone.mp4" }]));
    await expect(readManifest(elsewhere)).rejects.toThrow("2 problems");
    const { entries, dropped } = await readManifest(elsewhere, { root: folder, missing: "skip" });
    expect(entries.length).toBe(1);
    expect(dropped).toEqual([
      { line: 1, path: path.join(folder, "gone.mp4"), reason: `${path.join(folder, "gone.mp4")} does not exist` },
    ]);
  });

  test("array elements are found on their lines whatever the layout and the strings", () => {
    const value = fc.record({ path: fc.string(), cap: fc.array(fc.string(), { maxLength: 2 }), extra: fc.anything() });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), fc.constantFrom(0, 1, 2), (values, indent) => {
        const text = JSON.stringify(values, undefined, indent);
        const entries = parseEntries(text, "x");
        expect(entries.map((entry) => entry.value)).toEqual(JSON.parse(text));
        const lines = text.split("\n");
        for (const { line } of entries) expect(lines[line - 1]).toMatch(indent === 0 ? /^\[/ : /^ +\{/);
      }),
      { numRuns: 50 },
    );
  });

  test("no text crashes the parser with anything but a ConfigError", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((s) => `[${s}`),
        ),
        (text) => {
          try {
            parseEntries(text, "x");
          } catch (error) {
            expect(ConfigError.isInstance(error)).toBe(true);
          }
        },
      ),
    );
  });
});

describe("manifestSource", () => {
  test("decodes ranges and images, with captions by policy", async () => {
    const content = JSON.stringify([
      { path: "a.mp4", cap: ["one", "two"], start: 2, end: 7 },
      { path: "c.png", cap: ["still", "picture"] },
    ]);
    const manifest = await readManifest((await folderWith("m.json", content)).file);
    const source = manifestSource(manifest, { name: "mine" });
    expect([source.name, source.length]).toEqual(["mine", 2]);
    expect(await source.get(0)).toMatchObject({ id: "a.mp4@2-7", frames: 5, caption: "one" });
    expect(await source.get(1)).toMatchObject({ frames: 1, height: 16, caption: "still" });
    expect((await manifestSource(manifest, { captionPolicy: 1 }).get(0)).caption).toBe("two");
    const drawn = manifestSource(manifest, { captionPolicy: "random", rng: createRng(4) });
    expect((await drawn.get(0)).caption).toBe((await drawn.get(0)).caption);
    const clip = await source.get(0);
    const draw = drawCaption(manifest);
    const captions = await Promise.all(
      Array.from({ length: 20 }, async (_, seed) => (await draw(clip, createRng(seed))).caption),
    );
    expect(new Set(captions)).toEqual(new Set(["one", "two"]));
    expect(() => manifestSource(manifest, { captionPolicy: 2 })).toThrow("a.mp4@2-7 (line 1) has 2 captions");
    expect(() => manifestSource(manifest, { captionPolicy: "random" })).toThrow("rng is missing");
    await expect(source.get(2)).rejects.toThrow("index is 2");
  });

  test("a file that is not what the manifest states is a ClipError with id and path", async () => {
    const { folder, file } = await folderWith("m.json", "[]");
    const sha256 = await fileSha256(path.join(folder, "a.mp4"));
    await writeFile(path.join(folder, "broken.mp4"), "hello");
    const entries = [
      { path: "a.mp4", num_frames: 9, sha256 },
      { path: "a.mp4", num_frames: 12 },
      { path: "a.mp4", start: 4, end: 30 },
      { path: "a.mp4", sha256: "0".repeat(64) },
      { path: "broken.mp4" },
    ];
    await writeFile(file, JSON.stringify(entries));
    const source = manifestSource(await readManifest(file), { verify: true });
    expect((await source.get(0)).frames).toBe(9);
    await expect(source.get(1)).rejects.toThrow("has 9 of the 12 frames that the manifest states");
    await expect(source.get(2)).rejects.toThrow("has 5 of the 26 frames");
    await expect(source.get(3)).rejects.toThrow("the file was changed");
    await expect(source.get(4)).rejects.toMatchObject({ id: "broken.mp4", path: path.join(folder, "broken.mp4") });
    await expect(source.get(4)).rejects.toThrow(ClipError);
  });
});
