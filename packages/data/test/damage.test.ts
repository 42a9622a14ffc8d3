// Sixty damaged files; bench/damaged-files.ts reads two thousand.
import { expect, test } from "vitest";
import { damaged, readDamaged, soundFiles } from "./damage.js";
import { temporaryFolder } from "./helpers.js";

test("no damaged file crashes, hangs or fails silently", async () => {
  const folder = await temporaryFolder();
  const sound = await soundFiles(folder);
  const outcomes: string[] = [];
  for (let number = 0; number < 60; number++) {
    const result = await readDamaged(sound, number, folder);
    expect(["read", "told"], `${result.name}: ${result.reason}`).toContain(result.outcome);
    outcomes.push(result.outcome);
  }
  expect(outcomes.filter((outcome) => outcome === "told").length).toBeGreaterThan(20);
  expect(damaged(sound, 5)).toEqual(damaged(sound, 5));
});
