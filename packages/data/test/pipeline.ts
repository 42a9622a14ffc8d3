// A pipeline as a module, the way worker threads want it: the shipped clips, cropped, resized and flipped.
import path from "node:path";
import { ClipError, type ClipSource } from "@noisereel/core";
import {
  type ClipPipeline,
  centerCropResize,
  horizontalFlip,
  inMemory,
  manifestSource,
  pipeline,
  readManifest,
  temporalCrop,
} from "../src/index.js";
import { shippedClips } from "./helpers.js";

export async function createPipeline(data: { readonly broken?: number; readonly crash?: true }): Promise<ClipPipeline> {
  if (data.crash === true) process.exit(7);
  const manifest = await readManifest(path.join(shippedClips, "manifest.jsonl"));
  const whole = manifestSource(manifest, { read: { maxFrames: 12, size: { height: 40, width: 40 } } });
  const source: ClipSource = {
    ...whole,
    get(index, call) {
      if (index === data.broken) throw new ClipError("it is broken on purpose", { id: "broken", path: "broken.mp4" });
      return whole.get(index, call);
    },
  };
  return {
    source: inMemory(source),
    transform: pipeline([temporalCrop({ frames: 5 }), centerCropResize(24), horizontalFlip()]),
    bucketTransform: ({ frames, height, width }) =>
      pipeline([temporalCrop({ frames }), centerCropResize({ height, width })]),
    stills: { source: "clip-frames", count: 2, policy: "random" },
  };
}
