import { describe, expect, it } from "vitest";
import { ConstantMemory } from "./constant-memory.js";

describe("ConstantMemory", () => {
  it("gives large arrays back when it is told to, and leaves small ones to the collector", () => {
    const memory = new ConstantMemory();
    const small = memory.floats(4);
    const large = memory.floats(2 ** 20);
    expect([...small]).toEqual([0, 0, 0, 0]);
    expect(large.fill(2)[2 ** 20 - 1]).toBe(2);
    memory.free();
    expect(small.length).toBe(4);
    expect(large.length).toBe(0);
  });
});
