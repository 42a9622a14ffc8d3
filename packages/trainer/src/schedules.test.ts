import fc from "fast-check";
import { expect, test } from "vitest";
import { constant, cosine, linear, warmUpStableDecay } from "./schedules.js";

test("schedules stay between floor and peak, rise in the warm-up and never after it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (warmUpSteps, rest, share) => {
        const totalSteps = warmUpSteps + rest;
        const floor = 1e-3 * share;
        const options = { peak: 1e-3, warmUpSteps, totalSteps, floor };
        for (const schedule of [
          linear(options),
          cosine(options),
          warmUpStableDecay({ ...options, decaySteps: rest }),
        ]) {
          const rates = Array.from({ length: totalSteps + 5 }, (_, step) => schedule(step));
          for (const [step, rate] of rates.entries()) {
            expect(rate).toBeGreaterThanOrEqual(step < warmUpSteps ? 0 : floor - 1e-12);
            expect(rate).toBeLessThanOrEqual(1e-3 + 1e-12);
            if (step === 0) continue;
            if (step <= warmUpSteps) expect(rate).toBeGreaterThan(rates[step - 1]!);
            else expect(rate).toBeLessThanOrEqual(rates[step - 1]!);
          }
          expect(schedule(warmUpSteps)).toBeCloseTo(1e-3, 12);
          expect(schedule(totalSteps)).toBeCloseTo(floor, 12);
        }
      },
    ),
  );
});

test("warm-up, stable, decay", () => {
  const schedule = warmUpStableDecay({ peak: 1, warmUpSteps: 2, totalSteps: 10, decaySteps: 4 });
  expect(Array.from({ length: 11 }, (_, step) => schedule(step))).toEqual([0, 0.5, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]);
});

test("settings that cannot work are refused", () => {
  expect(() => constant({ peak: 0 })).toThrow("peak is 0; use a number above 0");
  expect(() => linear({ peak: 1, totalSteps: 0 })).toThrow("totalSteps is 0");
  expect(() => cosine({ peak: 1, totalSteps: 5, warmUpSteps: 6 })).toThrow("totalSteps is 5");
  expect(() => cosine({ peak: 1, totalSteps: 5, floor: 2 })).toThrow("floor is 2; use a rate from 0 to 1");
  expect(() => warmUpStableDecay({ peak: 1, totalSteps: 5, decaySteps: 6 })).toThrow("decaySteps is 6");
});
