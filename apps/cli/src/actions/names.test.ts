import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { outputNames, slug } from "./names.js";

it("makes names from any prompt", () => {
  expect(slug("A cockatoo, turning its head!")).toBe("a-cockatoo-turning-its-head");
  expect(slug("Café crème ÷ 2/3")).toBe("cafe-creme-2-3");
  expect(slug("../../etc/passwd")).toBe("etc-passwd");
  expect(slug("城市 夜晚")).toBe("城市-夜晚");
  expect(slug("!!! ???")).toBe("clip");
  expect(slug("one two three four five", 12)).toBe("one-two");
  expect(slug("x".repeat(99), 12)).toBe("x".repeat(12));
});

it("numbers on from what is in the folder, so that nothing is replaced", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "names-"));
  try {
    await writeFile(path.join(folder, "007-a-dog-1.mp4"), "");
    await writeFile(path.join(folder, "notes.txt"), "");
    const name = await outputNames(folder);
    expect(name({ prompt: "a dog", seed: 1 })).toBe("008-a-dog-1");
    expect(name({ prompt: "a dog", seed: 1 })).toBe("009-a-dog-1");
  } finally {
    await rm(folder, { recursive: true });
  }
  expect((await outputNames(folder))({ prompt: "a dog", seed: 1 })).toBe("001-a-dog-1");
});
