// What runs the golden cases of this package's modules.
import type { GoldenRunner } from "@noisereel/testing";
import { gradientRunner } from "./runners/gradients.js";
import { inflationRunner } from "./runners/inflation.js";
import { adversarialRunner, discriminatorRunner, lpipsRunner, posteriorRunner } from "./runners/losses.js";
import { modelRunner, wrapperRunner } from "./runners/models.js";
import { moduleRunner } from "./runners/modules.js";
import { tilingRunner } from "./runners/tiling.js";

export const causalVaeRunners: readonly GoldenRunner[] = [
  moduleRunner,
  modelRunner,
  wrapperRunner,
  tilingRunner,
  inflationRunner,
  posteriorRunner,
  adversarialRunner,
  lpipsRunner,
  discriminatorRunner,
  gradientRunner,
];
