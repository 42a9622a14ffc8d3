export type { RecipeEvent } from "./events.js";
export type { ReconstructedClip, SampledClip, SampledStep, SampleOptions, TrainedRun } from "./trained-run.js";
