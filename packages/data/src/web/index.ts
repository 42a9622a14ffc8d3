// The public surface of @noisereel/data/web: files in browsers. Nothing here imports from Node.
export type { WebFile } from "./file.js";
export { clipFrames, collectClip, type FrameSource, type VideoFrame } from "../video/frame.js";
export { videoFrames, type VideoFramesOptions } from "./frames.js";
export type { FrameRangeOptions } from "./options.js";
export { readVideo, type ReadVideoOptions } from "./read.js";
export { probeVideo, type VideoFacts } from "./probe.js";
export { streamVideo, writeVideo, type WriteVideoOptions } from "./write.js";
export type { EncoderOptions, VideoContainer } from "./encoder.js";
export { encodePng, pngFrames, readImage, type ReadImageOptions, writeImage, type WriteImageOptions } from "./image.js";
export { centerCropResize, resizeClip } from "./resize.js";

// The same as in Node.
export { type ClipFields, createClip, framePixels, selectFrames } from "../clip.js";
export { clipSource, inMemory, subset, transformedSource } from "../sources.js";
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
} from "../frames.js";
export { checkVideoShape, type LegalShapeOptions, nearestLegalFrames, nearestLegalSizes } from "../legal.js";
export { centerCrop, centerRectangle, cropClip, randomCrop, type Rectangle, type Size } from "../transforms/crop.js";
export { horizontalFlip } from "../transforms/flip.js";
export { pipeline } from "../transforms/pipeline.js";
export { createResampler } from "../transforms/resample.js";
export {
  type ByteRounding,
  clipToTensor,
  fromUint8,
  tensorToClip,
  type TensorToClipOptions,
  tensorToClips,
  toUint8,
} from "../tensor.js";
export { makeExample, type StillOptions } from "../joint.js";
