export { GradientAccumulator } from "./accumulate.js";
export { checkpointId, type FoundCheckpoint, latestCheckpoint } from "./checkpoint/latest.js";
export { memoryStore } from "./checkpoint/memory-store.js";
export { splitPrecision } from "./checkpoint/split-precision.js";
export { checkpointProgress, type Counters, loadModules, type SkippedStep } from "./checkpoint/training-state.js";
export { adaptiveClip, type AdaptiveClipOptions, type ClipRule, fixedClip } from "./clip.js";
export { Ema, ema, type EmaOptions, withEma } from "./ema.js";
export { type Estimate, estimate, type EstimateOptions } from "./estimate.js";
export type { SettleRule } from "./estimating/settle.js";
export type { SideWorkEstimate } from "./estimating/side-work.js";
export { TrainingError } from "./errors.js";
export { adafactor, type AdafactorOptions } from "./optimizers/adafactor.js";
export { type AdamOptions, adamW, type AdamWOptions, scaleByAdam } from "./optimizers/adamw.js";
export {
  clipByNorm,
  clipByRms,
  type DecayOptions,
  decayWeights,
  scaleByParameterSize,
  scaleByRate,
} from "./optimizers/common-parts.js";
export { type FactoredOptions, scaleByFactoredMoments } from "./optimizers/factored.js";
export type { ParameterGroup } from "./optimizers/groups.js";
export type { GuardedStep, TracedOptimizer } from "./optimizers/optimizer.js";
export { lion, type LionOptions, signOfMomentum } from "./optimizers/lion.js";
export { chain, type ChangeUpdate, type PartStep, type UpdatePart } from "./optimizers/parts.js";
export { addMomentum, type MomentumOptions, sgd, type SgdOptions } from "./optimizers/sgd.js";
export { type SlotShape, SlotTable } from "./optimizers/slots.js";
export {
  constant,
  cosine,
  type Decay,
  linear,
  type Schedule,
  type WarmUp,
  warmUpStableDecay,
  type WarmUpStableDecay,
} from "./schedules.js";
export { batchInputs, stepInputs, trainStepFunction, type TrainStepOptions } from "./step.js";
export { stepRng } from "./step-rng.js";
export { fit, type LiveRun, train, type TrainSummary } from "./train.js";
export type { LearningRate, StartFrom, TrainOptions } from "./train-options.js";
export type { Collective } from "./distributed/collective.js";
export {
  defineRecipe,
  isRecipe,
  type OptionsSchema,
  type Recipe,
  type RecipeContext,
  type SchemaIssue,
} from "./recipe/recipe.js";
export { parseSettings, recipeOptions } from "./recipe/settings.js";
export { every, type EveryOptions } from "./plugins/every.js";
export type { Curve } from "./plugins/curves.js";
export { type HeldOutOptions, type HeldOutPlugin, heldOutPlugin } from "./plugins/held-out.js";
export { type HistoryOptions, type HistoryPlugin, historyPlugin } from "./plugins/history.js";
export { type SamplesOptions, samplesPlugin } from "./plugins/samples.js";
export { type ProgressOptions, progressPlugin, type TrainProgress } from "./plugins/progress.js";
export {
  type Comparison,
  type DroppedItem,
  type OpenOptions,
  runStages,
  type Stage,
  stage,
  type StageAbout,
  type StageEstimate,
  type StageEstimateOptions,
  type StageOptions,
  type StageRun,
  type StagesOptions,
  type StagesSummary,
  type StageStart,
  type StageStep,
} from "./stages.js";
