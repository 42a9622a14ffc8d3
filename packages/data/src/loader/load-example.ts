// One clip of a source to one example: the part of loading that may run in another thread.
import type { CallOptions, Clip, ClipSource, ClipTransform, Example, Rng } from "@noisereel/core";
import type { Bucket } from "../buckets/bucket.js";
import { choosesFrames, isChoosing } from "../transforms/choosing.js";
import { makeExample, type StillOptions } from "../joint.js";

/** Where clips come from and what is done to them. */
export interface ClipPipeline {
  readonly source: ClipSource;
  /** Applied to each clip at each step: temporal crop, resize, flip. */
  readonly transform?: ClipTransform | undefined;
  /** The transform for clips of a bucket, instead of `transform`. */
  readonly bucketTransform?: ((bucket: Bucket) => ClipTransform) | undefined;
  /** Still images beside each clip. Default: none. */
  readonly stills?: StillOptions | undefined;
}

/** Loads clip `index`. What is drawn depends only on `draws`. */
export async function loadExample(
  pipeline: ClipPipeline,
  item: { readonly index: number; readonly bucket: Bucket | undefined; readonly draws: Rng },
  call: CallOptions,
): Promise<Example> {
  const { source, stills } = pipeline;
  const { index, bucket, draws } = item;
  const transform = bucket === undefined ? pipeline.transform : pipeline.bucketTransform?.(bucket);
  const changed = await loadTransformed(source, { index, transform, rng: draws.fork("transform") }, call);
  return makeExample(changed, draws.fork("stills"), { stills, signal: call.signal });
}

/** The transformed clip. Where the transform chooses frames and the source can give just those, no others are decoded. */
async function loadTransformed(
  source: ClipSource,
  item: { readonly index: number; readonly transform: ClipTransform | undefined; readonly rng: Rng },
  call: CallOptions,
): Promise<Clip> {
  const { index, transform, rng } = item;
  if (isChoosing(transform) && choosesFrames(source)) {
    const length = source.clipLength(index);
    if (length !== undefined) {
      const choice = transform.choose(length, rng);
      return transform.rest(await source.getFrames(index, choice, call), rng);
    }
  }
  const clip = await source.get(index, call);
  return transform === undefined ? clip : transform(clip, rng);
}
