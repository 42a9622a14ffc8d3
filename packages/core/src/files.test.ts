import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, it } from "vitest";
import { writeFileAtomically, writeFolderAtomically } from "./files.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-files-"));
});

it("replaces a file as a whole", async () => {
  const file = path.join(folder, "deep", "a.txt");
  await writeFileAtomically(file, "one");
  await writeFileAtomically(file, ["tw", new TextEncoder().encode("o")]);
  expect(await readFile(file, "utf8")).toBe("two");
  expect(await readdir(path.dirname(file))).toEqual(["a.txt"]);
});

it("replaces a folder as a whole", async () => {
  const target = path.join(folder, "model");
  await writeFolderAtomically(target, (temporary) => writeFile(path.join(temporary, "old"), "1"));
  await writeFolderAtomically(target, (temporary) => writeFile(path.join(temporary, "new"), "2"));
  expect(await readdir(target)).toEqual(["new"]);
  expect(await readdir(folder)).toEqual(["model"]);
});

it("leaves everything as it was when writing fails", async () => {
  const target = path.join(folder, "model");
  await writeFolderAtomically(target, (temporary) => writeFile(path.join(temporary, "old"), "1"));
  const failing = writeFolderAtomically(target, async (temporary) => {
    await writeFile(path.join(temporary, "half"), "…");
    throw new Error("disk is full");
  });
  await expect(failing).rejects.toThrow("disk is full");
  await mkdir(path.join(folder, "taken"));
  await expect(writeFileAtomically(path.join(folder, "taken"), "x")).rejects.toThrow();
  expect((await readdir(folder)).toSorted()).toEqual(["model", "taken"]);
  expect(await readdir(target)).toEqual(["old"]);
});
