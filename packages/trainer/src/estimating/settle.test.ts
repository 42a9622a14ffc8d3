import { expect, test } from "vitest";
import { isSettled, settledSeconds, timeSteps } from "./settle.js";

/** Times steps that take `seconds(index)` by a clock of its own. */
async function timed(seconds: (index: number) => number, rule = {}): Promise<readonly number[]> {
  let clock = 0;
  const step = (index: number): Promise<void> => {
    clock += seconds(index);
    return Promise.resolve();
  };
  return timeSteps(step, { rule, now: () => clock });
}

test("short steps are timed for three seconds, long ones three times", async () => {
  expect(await timed(() => 1 / 32)).toHaveLength(96);
  expect(await timed(() => 60)).toHaveLength(3);
});

test("very short ones end at a number of steps, and slow ones that never settle at a time", async () => {
  expect(await timed(() => 1e-3)).toHaveLength(200);
  const faster = await timed((index) => 8 * 0.8 ** index, { minimumSeconds: 1, maximumSeconds: 20 });
  expect(faster.length).toBeGreaterThan(3);
  expect(faster.reduce((sum, value) => sum + value)).toBeGreaterThanOrEqual(20);
});

test("a slow beginning is waited out and does not count", async () => {
  // Twelve steps three times as slow, then even ones: at three seconds half of the middle third is still slow.
  const seconds = await timed((index) => (index < 12 ? 3 : 1) / 16);
  expect(seconds.length).toBeGreaterThan(24);
  expect(settledSeconds(seconds)).toBeCloseTo(1 / 16, 10);
});

test("what recurs counts, so that the mean predicts the sum", async () => {
  const seconds = await timed((index) => (index % 5 === 4 ? 0.3 : 0.1));
  expect(settledSeconds(seconds)).toBeGreaterThan(0.13);
  expect(settledSeconds(seconds)).toBeLessThan(0.15);
});

test("a number of steps can be asked for", async () => {
  for (const steps of [1, 2, 7]) {
    const seconds = await timed((index) => 1 / (1 + index), { minimumSteps: steps, maximumSteps: steps });
    expect(seconds).toHaveLength(steps);
  }
  expect(settledSeconds([2])).toBe(2);
  expect(settledSeconds([2, 1])).toBe(1);
  expect(settledSeconds([1, 2])).toBe(2);
  expect(settledSeconds([9, 1, 1])).toBe(1);
});

test("more steps than the least are needed while they get faster", () => {
  expect(isSettled([3, 2, 1])).toBe(false);
  expect(isSettled([3, 2, 2])).toBe(true);
  expect(isSettled([1, 1])).toBe(false);
});
