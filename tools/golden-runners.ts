// Runners for golden cases that belong to no model package.
import { compareExact, compareNumbers, type GoldenRunner, namedUniform, namedWeights } from "@noisereel/testing";
import { toFloat32 } from "@noisereel/core";
import { stillIndices } from "@noisereel/data";
import { crc32 } from "node:zlib";

interface FormulaVector {
  readonly name: string;
  readonly shape: readonly number[];
  readonly crc32: number;
  readonly first: readonly number[];
  readonly last: number;
}

const formulaVectors: GoldenRunner = {
  name: "weight formula",
  matches: ({ module, isJson }) => isJson && module.includes("deterministic weight formula"),
  async run(goldenCase) {
    const { vectors } = (await goldenCase.json()) as unknown as { readonly vectors: readonly FormulaVector[] };
    return vectors.flatMap(({ name, shape, crc32: sum, first, last }) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const values = name.startsWith("input.")
        ? namedUniform(name, count, Math.sqrt(3), 0)
        : toFloat32(namedWeights([[name, shape]]).get(name)!);
      return [
        compareExact(`${name} crc32`, crc32(name), sum),
        compareNumbers(`${name} first`, values.slice(0, first.length), first.map(Math.fround), 1e-12),
        compareNumbers(`${name} last`, [values.at(-1)!], [Math.fround(last)], 1e-12),
      ];
    });
  },
};

export const otherRunners: readonly GoldenRunner[] = [formulaVectors];
void stillIndices;
