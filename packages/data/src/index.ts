// The public surface of @noisereel/data.
export { type ClipFields, createClip, framePixels, selectFrames } from "./clip.js";
export { type FilePart, fileSha256 } from "./files.js";

export { type FfmpegBinary, type FfmpegOptions, findFfmpeg } from "./ffmpeg/binary.js";
export type { ProcessOptions } from "./ffmpeg/process.js";
export { probeVideo, type VideoFacts } from "./ffmpeg/probe.js";

export { clipFrames, collectClip, type FrameSource, type VideoFrame } from "./video/frame.js";
export { videoFrames, type VideoFramesOptions } from "./video/frames.js";
export { readVideo, type ReadVideoOptions } from "./video/read.js";
export { writeVideo, type WriteVideoOptions } from "./video/write.js";
export { readAnimation, writeAnimation, type WriteAnimationOptions } from "./video/animation.js";
export { encodePng, readImage, type ReadImageOptions, writeImage, type WriteImageOptions } from "./video/image.js";

export {
  inspectManifest,
  type ManifestInspection,
  type ManifestProblem,
  type ReadManifestOptions,
} from "./manifest/inspect.js";
export { type Manifest, readManifest } from "./manifest/read.js";
export type { ManifestEntry } from "./manifest/schema.js";
export { writeManifest, type WriteManifestOptions } from "./manifest/write.js";
export { writeShards, type WriteShardsOptions } from "./manifest/shards.js";
export { type CaptionPolicy, drawCaption, manifestSource, type ManifestSourceOptions } from "./manifest/source.js";
export { clipSource, inMemory, subset, transformedSource } from "./sources.js";

export {
  type CropRange,
  cropRange,
  type CropRangeOptions,
  frameIndices,
  resampledIndices,
  resampleFps,
  stillIndices,
  temporalCrop,
  type TemporalCropOptions,
} from "./frames.js";
export { checkVideoShape, type LegalShapeOptions, nearestLegalFrames, nearestLegalSizes } from "./legal.js";

export { centerCrop, centerRectangle, cropClip, randomCrop, type Rectangle, type Size } from "./transforms/crop.js";
export { horizontalFlip } from "./transforms/flip.js";
export { pipeline } from "./transforms/pipeline.js";
export {
  type ChoosingTransform,
  choosingTransform,
  type ClipLength,
  type FrameChoice,
  type FrameChoosingSource,
} from "./transforms/choosing.js";
export { createResampler } from "./transforms/resample.js";
export { centerCropResize, resizeClip, type ResizeOptions } from "./transforms/resize.js";

export {
  type ByteRounding,
  clipToTensor,
  fromUint8,
  tensorToClip,
  type TensorToClipOptions,
  tensorToClips,
  toUint8,
} from "./tensor.js";

export { makeExample, type StillOptions } from "./joint.js";
export type { DroppedClip, LoaderCursor, LoaderReport } from "./loader/cursor.js";
export {
  createLoader,
  type LoadedBatch,
  type Loader,
  type LoaderOptions,
  type LoaderThroughput,
} from "./loader/loader.js";
export type { ClipPipeline } from "./loader/load-example.js";
export type { WorkerOptions } from "./loader/pool.js";

export { cacheKey, type CacheKeyParts, clipSha256 } from "./latent-cache/key.js";
export {
  type LatentCache,
  type LatentCacheOptions,
  type LatentCacheStats,
  openLatentCache,
  type VerifyCacheOptions,
} from "./latent-cache/cache.js";
export { type InspectedLatentCache, inspectLatentCache, type LatentCacheContents } from "./latent-cache/inspect.js";
export type { LatentPosterior } from "./latent-cache/shard.js";
export { samplePosterior } from "./latent-cache/sample.js";

export { type ClipRow, clipRows, type ClipRowsOptions } from "./clip-rows.js";
export { contactSheet, sideBySide, tileClips, type TileOptions } from "./collage.js";

export { rgbToHsv8 } from "./scenes/hsv.js";
export { type ContentScore, contentScore } from "./scenes/content-score.js";
export { type FlashFilter, flashFilter } from "./scenes/flash-filter.js";
export { type FrameRange, sceneChunks } from "./scenes/chunks.js";
export { type DetectedScenes, detectScenes, type DetectScenesOptions } from "./scenes/detect.js";
export { adaptiveCuts } from "./scenes/adaptive.js";
export { fadeRuns } from "./scenes/fades.js";
export { type CutAgreement, cutAgreement } from "./scenes/agreement.js";
export {
  colourLayoutEmbedding,
  type EmbeddingThresholds,
  type FrameEmbedding,
  vectorDistance,
} from "./scenes/embedding.js";
export {
  type PieceVectors,
  type StitchedScenes,
  type StitchOptions,
  stitchScenes,
  vectorFrames,
} from "./scenes/stitch.js";
export { scorePlot, type ScorePlotOptions } from "./scenes/plot.js";
export { cutEntries, type CutVideo, cutVideo, type CutVideoOptions } from "./scenes/cut-video.js";
export { cutVideos, type CutVideosOptions } from "./scenes/cut-videos.js";
export { writeClips, type WriteClipsOptions } from "./scenes/write-clips.js";

export type { AnalysisFrame, ClipScorer, Columns, ColumnValue, FrameMeasure } from "./columns/contracts.js";
export { frameMeasures, measureEntries, type MeasureOptions } from "./columns/measure.js";
export { differenceHash, findDuplicates, hashDistance } from "./columns/perceptual-hash.js";
export { type JudgedEntries, judgeEntries, parseRequirement, type Requirement } from "./columns/requirement.js";
export { type Histogram, histogram } from "./columns/histogram.js";

export { type Bucket, type BucketChoice, bucketName, chooseBucket, parseBucket } from "./buckets/bucket.js";
export {
  type BucketBatch,
  type BucketItem,
  type BucketReport,
  type BucketSampler,
  bucketSampler,
  type BucketSamplerOptions,
} from "./buckets/sampler.js";

export { captionLengths, type CaptionLengthsOptions } from "./captions/lengths.js";
export {
  captionStatistics,
  type CaptionStatistics,
  type CaptionStatisticsOptions,
  countWords,
} from "./captions/statistics.js";
export { captionPrefixes, stripCaptionPrefix } from "./captions/prefix.js";
export { captionClip, type CaptionClipOptions, type Captioner, type ClipCaption } from "./captions/captioner.js";

export { checkManifest, type CheckOptions } from "./check/check.js";
export { checkPage, type CheckPageOptions } from "./check/html.js";
export type { CheckedClip, CheckProblem, CheckReport } from "./check/report.js";

export { parseShard, type Shard } from "./scale/shard.js";
export { doWork, type SharedWork, workKey, type WorkOptions } from "./scale/shared-work.js";
