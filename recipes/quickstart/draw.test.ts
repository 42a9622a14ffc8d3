import { createRng } from "@noisereel/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { drawWithoutRepeats } from "./draw.js";

it("uses every item equally often before it repeats one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(30), fc.nat(), (size, count, seed) => {
      const items = Array.from({ length: size }, (_, i) => i);
      const drawn = drawWithoutRepeats(items, count, createRng(seed));
      expect(drawn).toHaveLength(count);
      for (const item of items) {
        const times = drawn.filter((other) => other === item).length;
        expect([Math.floor(count / size), Math.ceil(count / size)]).toContain(times);
      }
    }),
  );
});
