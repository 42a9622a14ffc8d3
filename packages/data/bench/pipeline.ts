// The pipeline of bench/loader.ts, as its threads make it too.
import {
  type ClipPipeline,
  centerCropResize,
  horizontalFlip,
  manifestSource,
  pipeline,
  readManifest,
  temporalCrop,
} from "@noisereel/data";

export async function createPipeline(data: {
  manifest: string;
  frames: number;
  size: number;
  resizer: "reference" | "sharp";
}): Promise<ClipPipeline> {
  const { manifest, frames, size, resizer } = data;
  return {
    source: manifestSource(await readManifest(manifest)),
    transform: pipeline([temporalCrop({ frames }), centerCropResize(size, { resizer }), horizontalFlip()]),
  };
}
