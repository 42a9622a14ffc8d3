// Manifests as tables, shards and lists: what is written is read again, and what is wrong is told with its line.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listFolder, meanDifference, movingClip, temporaryFolder } from "../../test/helpers.js";
import {
  inspectManifest,
  manifestSource,
  readManifest,
  readVideo,
  writeImage,
  writeManifest,
  writeShards,
  writeVideo,
} from "../index.js";
import { cellsFromEntry, entryFromCells } from "./cells.js";

/** A folder with a.mp4 (9 frames), b.webp (9 frames), c.png. */
async function clipFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const clip = movingClip({ frames: 9, height: 16, width: 16 });
  await writeVideo(path.join(folder, "a.mp4"), clip);
  await writeVideo(path.join(folder, "b.webp"), clip);
  await writeImage(path.join(folder, "c.png"), clip, { frame: 3 });
  return folder;
}

async function write(file: string, text: string): Promise<string> {
  await writeFile(file, text);
  return file;
}

const lines = [
  {
    path: "a.mp4",
    cap: ["one, with a comma", 'two "quoted"\nlines'],
    cap_source: ["llava", "human"],
    tags: ["x", "y"],
  },
  { path: "a.mp4", cap: "[music] plays", start: 2, end: 7, fps: 10, motion: 0.25, keep: true, licence: "MIT" },
  { path: "c.png", duration: 1.5, width: 16, height: 16, scores: { a: 1 } },
];

describe("writeManifest", () => {
  test.each([".json", ".jsonl", ".csv", ".tsv", ".parquet"])("what is written as %s is read again", async (ending) => {
    const folder = await clipFolder();
    const source = await write(path.join(folder, "m.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
    const { entries } = await readManifest(source);
    await writeManifest(path.join(folder, `again${ending}`), entries);
    const again = await readManifest(path.join(folder, `again${ending}`));
    const withoutLine = (list: typeof entries): unknown => list.map((entry) => ({ ...entry, line: 0 }));
    expect(withoutLine(again.entries)).toEqual(withoutLine(entries));
    expect(await listFolder(folder)).toEqual(["a.mp4", `again${ending}`, "b.webp", "c.png", "m.jsonl"].toSorted());
  });

  test("paths outside the root are written whole; other endings and nothing are refused", async () => {
    const folder = await clipFolder();
    const { entries } = await readManifest(folder);
    const elsewhere = await temporaryFolder();
    await writeManifest(path.join(elsewhere, "m.jsonl"), entries);
    expect((await readManifest(path.join(elsewhere, "m.jsonl"))).entries[0]!.path).toBe(path.join(folder, "a.mp4"));
    await expect(writeManifest("m.xml", entries)).rejects.toThrow(
      'm.xml ends in ".xml"; manifests are written as .jsonl',
    );
    await expect(writeManifest("m.csv", [])).rejects.toThrow("entries is empty");
  });

  test("any entry survives a table's cells", () => {
    const text = fc.string({ minLength: 1 }).filter((value) => value.trim() !== "" && value === value.trim());
    const entry = fc.record({
      path: text,
      cap: fc.array(text, { minLength: 2, maxLength: 3 }),
      start: fc.nat(),
      score: fc.integer(),
    });
    fc.assert(
      fc.property(entry, (value) => {
        expect(entryFromCells(cellsFromEntry(value))).toEqual(value);
      }),
    );
  });
});

describe("tables", () => {
  test("problems are told with the line where the row begins", async () => {
    const folder = await clipFolder();
    const file = await write(
      path.join(folder, "m.csv"),
      '\uFEFFpath,cap,start,end,resolution\na.mp4,"two\nlines",1,5,16x16\na.mp4,fine,one,,\na.mp4,too,1,2,,,many\ngone.mp4,x,,,\n',
    );
    const { entries, problems } = await inspectManifest(file);
    expect(entries.map(({ captions, start, stated, line }) => [captions, start, stated.width, line])).toEqual([
      [["two\nlines"], 1, 16, 2],
    ]);
    expect(problems.map(({ line, field }) => [line, field])).toEqual([
      [5, undefined],
      [4, "start"],
      [6, "path"],
    ]);
    expect(problems[1]!.remedy).toBe("give the first frame, an integer from 0");
  });

  test("a broken quote is told with its line, and the message has a remedy", async () => {
    const folder = await clipFolder();
    const file = await write(path.join(folder, "m.csv"), 'path,cap\na.mp4,fine\na.mp4,"open\nb.webp,x\n');
    await expect(readManifest(file)).rejects.toThrow(/line \d, not a table: .*; double quotes within a cell/);
  });

  test("captions of another column, as other tools write them", async () => {
    const folder = await clipFolder();
    const file = await write(path.join(folder, "m.csv"), "path,text,num_frames\na.mp4,a square,9\n");
    await expect(readManifest(file)).rejects.toThrow("line 2, field text: captions are read from cap; rename it");
    const { entries } = await readManifest(file, { captionField: "text" });
    expect(entries[0]).toMatchObject({ captions: ["a square"], stated: { frames: 9 }, columns: {} });
  });

  test("a damaged parquet file is one sentence", async () => {
    const file = await write(path.join(await temporaryFolder(), "m.parquet"), "PAR1 nonsense PAR1");
    await expect(readManifest(file)).rejects.toThrow(/m\.parquet cannot be read as parquet/);
  });
});

describe("shards", () => {
  test("clips come out of a shard as they went in, decoded in place", async () => {
    const folder = await clipFolder();
    await writeFile(path.join(folder, "a.txt"), "a square moves");
    const { entries } = await readManifest(folder);
    const files = await writeShards(
      entries.map((entry) => ({ ...entry, columns: { motion: 0.5 } })),
      { folder: path.join(folder, "shards"), clipsPerShard: 2 },
    );
    expect(files.map((file) => path.basename(file))).toEqual(["clips-000000.tar", "clips-000001.tar"]);
    const before = await readFile(files[0]!);
    await writeShards(
      entries.map((entry) => ({ ...entry, columns: { motion: 0.5 } })),
      {
        folder: path.join(folder, "shards"),
        clipsPerShard: 2,
      },
    );
    expect(await readFile(files[0]!)).toEqual(before); // the same clips, the same bytes
    const packed = await readManifest(path.join(folder, "shards"));
    expect(packed.entries.map(({ id, captions, type, columns }) => [id, captions, type, columns])).toEqual([
      ["a.mp4", ["a square moves"], "video", { motion: 0.5 }],
      ["b.webp", [], "image", { motion: 0.5 }], // a .webp is taken for an image unless type says otherwise
      ["c.png", [], "image", { motion: 0.5 }],
    ]);
    const [whole, inShard] = [manifestSource({ path: "x", entries, dropped: [] }), manifestSource(packed)];
    for (let index = 0; index < 3; index++) {
      const [a, b] = [await whole.get(index), await inShard.get(index)];
      expect([b.frames, b.fps, b.caption]).toEqual([a.frames, a.fps, a.caption]);
      expect(meanDifference(a.pixels, b.pixels)).toBe(0);
    }
    await expect(writeManifest("m.jsonl", packed.entries)).rejects.toThrow("a.mp4 lies in the shard");
  });

  test("an animated webp in a shard, ranges refused, a cut shard told", async () => {
    const folder = await clipFolder();
    const file = await write(path.join(folder, "m.jsonl"), '{"path":"b.webp","type":"video"}\n{"path":"a.mp4"}');
    const { entries } = await readManifest(file);
    const [shard] = await writeShards(entries, { folder });
    const packed = await readManifest(shard!);
    expect((await manifestSource(packed).get(0)).frames).toBe(9);
    await expect(writeShards([{ ...entries[0]!, start: 1 }], { folder })).rejects.toThrow("shards hold whole files");
    const bytes = await readFile(shard!);
    const cut = path.join(folder, "cut.tar");
    await writeFile(cut, bytes.subarray(0, bytes.length - 2500));
    expect((await inspectManifest(cut)).problems.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/the shard breaks off/),
    ]);
    const wrong = { ...packed.entries[0]!, part: { offset: bytes.length - 10, bytes: 100 } };
    await expect(readVideo(wrong.path, { part: wrong.part })).rejects.toThrow("do not hold the part of 100 bytes");
  });
});

test("a list of roots and manifests", async () => {
  const folder = await temporaryFolder();
  const clips = await clipFolder();
  await mkdir(path.join(folder, "lists"));
  await write(
    path.join(folder, "lists", "a.json"),
    JSON.stringify([{ path: "a.mp4", cap: ["one"], frame_idx: "1:6" }]),
  );
  await write(path.join(folder, "lists", "b.jsonl"), '{"path":"gone.mp4"}');
  const list = await write(path.join(folder, "data.txt"), `${clips},lists/a.json\n${clips},lists/b.jsonl\nnonsense\n`);
  const { entries, problems } = await inspectManifest(list);
  expect(entries.map(({ id, path: file, start, end }) => [id, file, start, end])).toEqual([
    ["a.mp4@1-6", path.join(clips, "a.mp4"), 1, 6],
  ]);
  expect(problems.map(({ where }) => where)).toEqual(["lists/b.jsonl, line 1", "line 3"]);
});

test("captions by who wrote them", async () => {
  const folder = await clipFolder();
  const file = await write(path.join(folder, "m.jsonl"), JSON.stringify(lines[0]));
  const manifest = await readManifest(file);
  expect(manifest.entries[0]!.captionSources).toEqual(["llava", "human"]);
  const human = manifestSource(manifest, { captionPolicy: { source: "human" } });
  expect((await human.get(0)).caption).toBe('two "quoted"\nlines');
  expect((await manifestSource(manifest, { captionPolicy: "longest" }).get(0)).caption).toMatch(/^two/);
  expect(() => manifestSource(manifest, { captionPolicy: { source: "gpt" } })).toThrow("has llava, human");
  await writeFile(file, '{"path":"a.mp4","cap":["one"],"cap_source":["a","b"]}');
  await expect(readManifest(file)).rejects.toThrow("names 2 sources for 1 captions");
});
