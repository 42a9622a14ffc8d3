// What runs the golden cases of this package's modules.
import type { GoldenRunner } from "@noisereel/testing";
import { modelRunner, wrapperRunner } from "./runners/models.js";
import { moduleRunner } from "./runners/modules.js";

export const causalVaeRunners: readonly GoldenRunner[] = [moduleRunner, modelRunner, wrapperRunner];
