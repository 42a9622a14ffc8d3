export { channelsFirst, channelsLast, fromTensor, toGoldenArray, toTensor, transposed } from "./golden/arrays.js";
export { compareExact, compareNumbers, compareOutputs, errorRatio } from "./golden/compare.js";
export { readGoldenFolder } from "./golden/folder.js";
export { namedUniform, namedWeights, saltedUniform, saltedWeights, type SaltedFormula } from "./golden/formula.js";
export {
  formatGoldenResult,
  type GoldenResult,
  goldenTools,
  runGolden,
  runGoldens,
  type RunGoldensOptions,
} from "./golden/run.js";
export type {
  GoldenArray,
  GoldenCase,
  GoldenComparison,
  GoldenExpectation,
  GoldenRunner,
  GoldenTolerance,
  GoldenTools,
} from "./golden/types.js";
export { describeExecutor, type ExecutorSuiteOptions, type TestRunner } from "./contracts/executor.js";
export { describeDenoiser, type DenoiserSuiteOptions } from "./contracts/denoiser.js";
export { describeSampler, type SamplerSuiteOptions } from "./contracts/sampler.js";
export { describeTextEncoder, type TextEncoderSuiteOptions } from "./contracts/text-encoder.js";
export { describeCheckpointStore, type StoreUnderTest } from "./contracts/checkpoint-store.js";
export { describeOptimizer, type OptimizerSuiteOptions } from "./contracts/optimizer.js";
export { describeTracker, type TrackedValue, type TrackerUnderTest } from "./contracts/tracker.js";
export { describeTrainerPlugin } from "./contracts/trainer-plugin.js";
export {
  type ClipSourceSuiteOptions,
  type ClipTransformSuiteOptions,
  describeClipSource,
  describeClipTransform,
} from "./contracts/clip-source.js";
