export type { RecipeEvent } from "./events.js";
export { openRun, type OpenRunOptions } from "./open-run.js";
export { type QuickstartOptions, runQuickstart } from "./quickstart.js";
export { type QuickstartConfig, quickstartConfig } from "./quickstart/config.js";
export type { QuickstartReport, ReconstructionFigures, SampleFigures } from "./quickstart/report.js";
export type { ReconstructedClip, SampledClip, SampledStep, SampleOptions, TrainedRun } from "./trained-run.js";
export { presets, reportStages, smallStages, stagesRecipe } from "./stages.js";
export type { StageDefaults, StagesDefaults, StagesOptions } from "./stages-options.js";
