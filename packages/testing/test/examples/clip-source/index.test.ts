import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { describeClipSource } from "../../../src/index.js";
import { ppmFolders } from "./index.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "ppm-"));
  for (const [clip, bytes] of [
    ["a", 36],
    ["b", 36],
    ["cut", 20],
  ] as const) {
    await mkdir(path.join(folder, clip));
    for (const frame of [0, 1, 2]) {
      const pixels = Buffer.alloc(bytes, clip.charCodeAt(0) + frame);
      await writeFile(path.join(folder, clip, `${frame}.ppm`), Buffer.concat([Buffer.from("P6\n4 3\n255\n"), pixels]));
    }
  }
});
afterAll(() => rm(folder, { recursive: true }));

describeClipSource("ppm folders", () => ppmFolders(folder, { fps: 8 }), { describe, it, broken: 2 });
