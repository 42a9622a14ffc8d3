export { evaluate, type VideoPair } from "./evaluate.js";
export { frameMeanMetric, type FrameMeanMetricOptions } from "./frame-mean-metric.js";
export { type FrameScores, type FrameSize, type FrameSummary, summarizeFrames, type Values } from "./frames.js";
export { featureStatistics, frechetDistance, type FeatureStatistics } from "./frechet.js";
export { matchPrompts, pixelCorrelation, type PixelCorrelationOptions, type PromptMatch } from "./prompt-match.js";
export { framePsnr, psnr, psnrMetric } from "./psnr.js";
export { frameSsim, ssim, ssimMetric } from "./ssim.js";
export type { Matrix } from "./symmetric-eigen.js";
