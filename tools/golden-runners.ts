// The golden runners of every package, and those for cases that belong to no single one.
import { toFloat32 } from "@noisereel/core";
import { stillIndices } from "@noisereel/data";
import { compareExact, compareNumbers, type GoldenRunner, namedUniform, namedWeights } from "@noisereel/testing";
import { crc32 } from "node:zlib";
import { causalVaeRunners } from "../packages/causal-vae/test/golden-runners.js";
import { diffusionRunners, jointSubject } from "../packages/diffusion/test/golden-runners.js";
import { metricsRunners } from "../packages/metrics/test/golden-runners.js";
import { textEncoderRunners } from "../packages/text-encoder/test/golden-runners.js";
import { adamwRunner, trainerRunners } from "../packages/trainer/test/golden-runners.js";

interface FormulaVector {
  readonly name: string;
  readonly shape: readonly number[];
  readonly crc32: number;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** The formula that other cases make their weights with. */
const weightFormula: GoldenRunner = {
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
        compareNumbers(`${name} first`, values.slice(0, first.length), first, 1e-9),
        compareNumbers(`${name} last`, values.slice(-last.length), last, 1e-9),
      ];
    });
  },
};

/** Which frames of a clip are trained on as stills, for keys `<frames>_<stills>`. */
const jointStills: GoldenRunner = {
  name: "joint stills",
  matches: ({ module, isJson }) => isJson && module.includes("images of a joint sample"),
  async run(goldenCase) {
    const cases = (await goldenCase.json()) as Readonly<Record<string, readonly number[]>>;
    return Object.entries(cases).map(([key, expected]) => {
      const [frames, count] = key.split("_").map(Number);
      return compareExact(key, stillIndices({ frames: frames!, count: count! }), expected);
    });
  },
};

export const goldenRunners: readonly GoldenRunner[] = [
  ...causalVaeRunners,
  ...diffusionRunners,
  ...textEncoderRunners,
  ...metricsRunners,
  ...trainerRunners,
  weightFormula,
  jointStills,
  adamwRunner(jointSubject),
];
