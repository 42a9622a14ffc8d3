// Runs the golden cases of denoisers, diffusion and samplers.
import type { GoldenRunner } from "@noisereel/testing";
import { gaussianRunners } from "./runners/gaussian.js";
import { gradientRunner } from "./runners/gradients.js";
import { allLayerRunners } from "./runners/layers.js";
import { modelRunners } from "./runners/models.js";
import { samplerRunners } from "./runners/samplers.js";

export { jointSubject, type JointSubject } from "./runners/gradients.js";

export const diffusionRunners: readonly GoldenRunner[] = [
  ...allLayerRunners,
  ...modelRunners,
  gradientRunner,
  ...gaussianRunners,
  ...samplerRunners,
];
