import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { shippedClips } from "../../test/helpers.js";
import { findFile } from "./file.js";
import { checkSampleCounts } from "./sample-counts.js";

const cup = (): Promise<Buffer> => readFile(path.join(shippedClips, "cup.mp4"));

it("a sound file passes, an index of more frames than bytes does not", async () => {
  const bytes = await cup();
  await expect(checkSampleCounts(await findFile(new Uint8Array(bytes)))).resolves.toBeUndefined();
  for (const table of ["stts", "ctts"]) {
    const damaged = new Uint8Array(bytes);
    damaged[bytes.indexOf(table) + 12] = 0x7f; // the highest byte of the first run's count
    await expect(checkSampleCounts(await findFile(damaged))).rejects.toThrow(
      `${bytes.length} bytes in memory is damaged: its index lists more frames than it has bytes; get it again`,
    );
  }
});

it("other files and cut ones are left to the reader of containers", async () => {
  const bytes = new Uint8Array(await cup());
  for (const file of [bytes.subarray(0, 40), bytes.subarray(0, 300), bytes.subarray(100), Uint8Array.of(1, 2, 3)]) {
    await expect(checkSampleCounts(await findFile(file))).resolves.toBeUndefined();
  }
  const endless = bytes.slice();
  endless.fill(0, 0, 4); // a box that reaches to the end
  await expect(checkSampleCounts(await findFile(endless))).resolves.toBeUndefined();
});
