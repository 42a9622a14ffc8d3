import { createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { adaptiveClip, fixedClip } from "./clip.js";

test("an ordinary norm passes, an extraordinary one does not and does not raise the bar", () => {
  const clip = adaptiveClip({ warmUpSteps: 20 });
  const noise = createRng(1).normals(400);
  for (const value of noise.subarray(0, 20)) {
    expect(clip.limit("fit")).toBe(Infinity);
    clip.observe("fit", 10 + value);
  }
  let clipped = 0;
  for (const value of noise.subarray(20)) {
    if (10 + value > clip.limit("fit")) clipped += 1;
    clip.observe("fit", 10 + value);
  }
  // Beyond three deviations lies one normal number in 740.
  expect(clipped).toBeLessThan(8);
  const before = clip.limit("fit");
  expect(before).toBeGreaterThan(11);
  expect(before).toBeLessThan(15);
  clip.observe("fit", 1e6);
  expect(clip.limit("fit")).toBeLessThan(before * 1.2);
  expect(clip.limit("other")).toBe(Infinity);
});

test("its state goes through JSON", () => {
  const clip = adaptiveClip({ warmUpSteps: 1, largest: 5 });
  clip.observe("a", 1);
  clip.observe("a", 2);
  const copy = adaptiveClip({ warmUpSteps: 1, largest: 5 });
  copy.restore(JSON.parse(JSON.stringify(clip.state())));
  expect(copy.limit("a")).toBe(clip.limit("a"));
  expect(copy.limit("b")).toBe(5);
});

test("settings that cannot work are refused", () => {
  expect(() => fixedClip(0)).toThrow("clipNorm is 0; use a number above 0");
  expect(() => adaptiveClip({ decay: 1 })).toThrow("decay is 1");
  expect(() => adaptiveClip({ deviations: -1 })).toThrow("deviations is -1");
  expect(() => adaptiveClip({ warmUpSteps: 0 })).toThrow("warmUpSteps is 0");
  expect(() => adaptiveClip({ largest: 0 })).toThrow("largest is 0");
});
