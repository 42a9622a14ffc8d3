// The public surface of @noisereel/data.
export { type ClipFields, createClip, framePixels, selectFrames } from "./clip.js";
export { fileSha256 } from "./files.js";

export { type FfmpegBinary, type FfmpegOptions, findFfmpeg } from "./ffmpeg/binary.js";
export type { ProcessOptions } from "./ffmpeg/process.js";
export { probeVideo, type VideoFacts } from "./ffmpeg/probe.js";

export { type VideoFrame, videoFrames, type VideoFramesOptions } from "./video/frames.js";
export { collectClip, readVideo, type ReadVideoOptions } from "./video/read.js";
export { clipFrames, type FrameSource, writeVideo, type WriteVideoOptions } from "./video/write.js";
export { readAnimation, writeAnimation, type WriteAnimationOptions } from "./video/animation.js";
export { encodePng, readImage, type ReadImageOptions, writeImage, type WriteImageOptions } from "./video/image.js";

export { type Manifest, readManifest, type ReadManifestOptions } from "./manifest/read.js";
export type { ManifestEntry } from "./manifest/schema.js";
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
export { resample } from "./transforms/resample.js";
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
