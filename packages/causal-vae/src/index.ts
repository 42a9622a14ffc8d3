export { type CausalVaeConfig, type CausalVaeConfigInput, isCausal, parseConfig } from "./config.js";
export { causalConfig, releaseConfig, tinyConfig } from "./presets.js";
export { CausalVae, type MomentsAutoencoder, strideOf } from "./model.js";
export type { ClipSize } from "./memory.js";
export { tiled, type TiledAutoencoder, type TiledOptions, type TilePlan } from "./tiled.js";
export type { TileGrid } from "./tiling/grid.js";
export { streamed, type StreamedAutoencoder, type StreamedOptions } from "./streamed.js";
export { chunked, type ChunkedOptions } from "./long/chunked.js";
export { FrameFile, type FrameFileOptions, type Region } from "./long/frame-file.js";
export { longVideo, type LongVideoAutoencoder, type LongVideoOptions, type RegionReader } from "./long/long-video.js";
export type { ClipInput, FrameReader, PieceAutoencoder } from "./long/pieces.js";
export { latentScale, type LatentScaleOptions, type LatentStatistics } from "./latent-scale.js";
export { compiled } from "./compiled.js";
export { type Posterior, posterior, samplePosterior } from "./posterior.js";
export { type PretrainedOptions, savePretrained } from "./pretrained.js";
export { readWeightsFile, type WeightsFileOptions } from "./weights-file.js";
export { openTorchCheckpoint, type TorchCheckpoint } from "./torch-checkpoint/checkpoint.js";
export {
  OpaqueValue,
  type StorageKind,
  type TorchStorage,
  TorchTensor,
  type TorchValue,
} from "./torch-checkpoint/values.js";
export { CausalConv3d, causalConv3d, type CausalConvOptions } from "./conv.js";
export { klPerClip, nllPerFrame } from "./losses/reconstruction.js";
export { clipsToTensor } from "./clips.js";
export type { AdversaryOptions } from "./adversary.js";
export type { PerceptualDistance } from "./objective.js";
export { type VaeBatch, vaeTask, type VaeTaskOptions } from "./task.js";
export { adaptiveWeight } from "./losses/adaptive-weight.js";
export { discriminatorLoss, type DiscriminatorLoss, generatorLoss } from "./losses/adversarial.js";
export {
  type Discriminator,
  type DiscriminatorOptions,
  NLayerDiscriminator,
  NLayerDiscriminator3D,
} from "./losses/discriminator.js";
export { Lpips, type VggWidths } from "./losses/lpips.js";
export { loadLpips, lpipsWeights } from "./losses/lpips-files.js";
export { GradientPyramid, type GradientPyramidOptions } from "./losses/gradient-pyramid.js";
export { inflate, type InflationInit } from "./inflate.js";
