// The checkpoints that make-fixtures.py wrote, and the formula of their values.
import path from "node:path";
import { fileURLToPath } from "node:url";

export const torchFixture = (name: string): string => path.join(fileURLToPath(new URL(".", import.meta.url)), name);

/** Element `i` is `((37 i) mod 101 - 50) / 256`. */
export function formulaNumbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => (((37 * index) % 101) - 50) / 256);
}
