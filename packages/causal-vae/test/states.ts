// Comparing state dicts, which are too large for a matcher's deep comparison.
import type { StateDict } from "@noisereel/core";
import { expect } from "vitest";

/** The same names in the same order, shapes and bytes. */
export function expectSameState(actual: StateDict, expected: StateDict): void {
  expect([...actual].map(([name, { shape }]) => [name, shape])).toEqual(
    [...expected].map(([name, { shape }]) => [name, shape]),
  );
  const different = [...expected].filter(([name, { bytes }]) => Buffer.compare(actual.get(name)!.bytes, bytes) !== 0);
  expect(different.map(([name]) => name)).toEqual([]);
}
