export { LatteT2V, type LatteCompat, type LatteGeometry, type LatteOptions } from "./latte/model.js";
export { Latte } from "./latte/unconditional.js";
export { classLabels } from "./latte/labels.js";
export { ReferenceAdaLayerNormZeroBlock } from "./latte/adaln-zero.js";
export { type LatteConfig, type LatteConfigInput, parseLatteConfig } from "./latte/config.js";
export { type BlockText, SelfBlock, SpatialTextBlock } from "./latte/blocks.js";
export {
  AdaLayerNormSingle,
  Attention,
  CaptionProjection,
  chunkedAttention,
  FeedForward,
  type KeysValues,
  type Modulation,
  timestepProjection,
} from "./latte/layers.js";
export { PatchEmbed, unpatchify } from "./latte/patches.js";
export { sinCosTable, spatialTable, temporalTable } from "./latte/positions.js";
export {
  diffusionTables,
  type DiffusionTables,
  linearSchedule,
  type LinearScheduleOptions,
  scaledLinearSchedule,
  scheduleFromBetas,
  type ScheduleOptions,
  squaredCosineSchedule,
  zeroTerminalSnr,
} from "./schedule.js";
export { respace, type RespacedSchedule, spaceTimesteps } from "./respacing.js";
export type { LossInput, Objective, TimestepFactors } from "./objectives/objective.js";
export {
  addNoise,
  ancestralStep,
  ddimReverseStep,
  ddimStep,
  denoisingDistribution,
  type Distribution,
  gaussianFactors,
  posterior,
  toClean,
  toNoise,
  type VarianceKind,
} from "./objectives/gaussian.js";
export { iddpm, type IddpmOptions, priorBitsPerDimension } from "./objectives/iddpm.js";
export { rectifiedFlow, type RectifiedFlowOptions } from "./objectives/flow.js";
export {
  itemScalars,
  type LossAwareTimesteps,
  type LossSecondMomentOptions,
  lossSecondMomentTimesteps,
} from "./objectives/loss-aware.js";
export { logitNormalTimesteps, type TimestepSampler, uniformTimesteps } from "./objectives/timesteps.js";
export {
  type LatentItem,
  type LatentPosterior,
  textToVideoTask,
  type TextToVideoTaskOptions,
  type TrainableTextEncoder,
} from "./task.js";
export { ddim, type DdimOptions } from "./samplers/ddim.js";
export { ddpm, type DdpmOptions } from "./samplers/ddpm.js";
export { deis } from "./samplers/deis.js";
export { dpmSolverMultistep, dpmSolverSinglestep } from "./samplers/dpm-solver.js";
export { euler, eulerAncestral } from "./samplers/euler.js";
export { flowEuler, type FlowEulerOptions } from "./samplers/flow-euler.js";
export { heun } from "./samplers/heun.js";
export { samplers } from "./samplers/index.js";
export { kdpm2Ancestral } from "./samplers/kdpm2-ancestral.js";
export { pndm, type PndmOptions } from "./samplers/pndm.js";
export { unipc, type UniPcOptions } from "./samplers/unipc.js";
export { type SolverStep } from "./samplers/run.js";
export type { Spacing } from "./samplers/timesteps.js";
export type { CompatOptions } from "./samplers/compat.js";
export { controlOf, knownControl, type KnownControlOptions, type KnownVideo } from "./control/control.js";
export {
  continuation,
  type ControlMask,
  imageToVideo,
  inPainting,
  interpolation,
  type MaskShape,
  mixedMasks,
  nothingKnown,
  randomFrames,
} from "./control/masks.js";
export { encodePrompts, type EncodedPrompts, type PromptOptions, type TextEncoderSource } from "./texts.js";
export {
  fitPreview,
  type FitPreviewOptions,
  type LatentPreview,
  linearPreview,
  type PreviewWeights,
} from "./preview.js";
export { type LongVideoOptions, streamLongVideo, type VideoWindow } from "./long-video.js";
export {
  generationOptions,
  type GenerationRecord,
  generationRecord,
  parseGenerationRecord,
  samplerFrom,
  type SamplerSpec,
} from "./record.js";
export { stackConditions } from "./conditions.js";
export { type DenoiserNetwork, denoiserNetwork, type NetworkCallInput, type ReadsConditionOnce } from "./network.js";
export { guidanceInterval, guided, type GuidanceOptions, type GuidedDenoiser } from "./guidance.js";
export { type ClipShape, latentShape, type ShapeRules } from "./shape.js";
export {
  type GeneratedVideo,
  generateImage,
  type GenerateOptions,
  generateVideo,
  type GenerationStep,
  streamVideo,
} from "./generate.js";
