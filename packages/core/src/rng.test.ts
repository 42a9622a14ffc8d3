import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "./errors.js";
import { createRng } from "./rng.js";

describe("createRng", () => {
  it("is Philox 4x32-10", () => {
    // Known-answer vector of the Random123 distribution for key 0, counter 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
    const expected = ((0x6627e8d5 >>> 5) * 2 ** 26 + (0xe169c58d >>> 6)) / 2 ** 53;
    expect(createRng(0).uniform()).toBe(expected);
  });

  it("draws the same numbers in every version", () => {
    // Recorded from the first version: results of earlier releases can be made again.
    const rng = createRng(7).fork("recorded");
    const bits = new Uint32Array(rng.normals(7).buffer);
    expect([...bits, Math.floor(rng.uniform() * 2 ** 32), rng.integer(1000)]).toEqual([
      1068016361, 1070535576, 3206395935, 1060873067, 1048188355, 1049133168, 1065889920, 3101882203, 467,
    ]);
    let digest = 0;
    for (const word of new Uint32Array(createRng(3).normals(100_000).buffer))
      digest = (Math.imul(digest, 31) + word) >>> 0;
    expect(digest).toBe(2661985563);
  });

  it("forks by name, whatever was drawn before", () => {
    const a = createRng(3);
    const b = createRng(3);
    b.uniform();
    expect(a.fork("noise").normals(8)).toEqual(b.fork("noise").normals(8));
    expect(a.fork("noise").uniform()).not.toBe(a.fork("data").uniform());
  });

  it("draws standard normals", () => {
    const values = createRng(1).normals(100_001);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    expect(values.length).toBe(100_001);
    // Five standard errors: 1 / sqrt(n) for the mean, sqrt(2 / n) for the variance.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(values.length));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
  });

  it("continues exactly from a saved state", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(9), (seed, drawn) => {
        const rng = createRng(seed);
        for (let i = 0; i < drawn; i++) rng.uniform();
        const copy = createRng(0);
        copy.restore(JSON.parse(JSON.stringify(rng.state())));
        expect([copy.uniform(), copy.integer(100), copy.normals(3)]).toEqual([
          rng.uniform(),
          rng.integer(100),
          rng.normals(3),
        ]);
      }),
    );
  });

  it("refuses bad arguments by name and value", () => {
    expect(() => createRng(-1)).toThrow("seed is -1");
    expect(() => createRng(1).integer(0)).toThrow("maxExclusive is 0");
    expect(() => createRng(1).restore({ key: [1] })).toThrow(ConfigError);
  });
});
