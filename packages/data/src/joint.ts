// Joint image-video examples: one clip, and still images that are trained beside it.
import {
  type CallOptions,
  type Clip,
  type ClipSource,
  type ClipTransform,
  ConfigError,
  type Example,
  type Rng,
  ShapeError,
} from "@noisereel/core";
import { selectFrames } from "./clip.js";
import { stillIndices } from "./frames.js";

export interface StillOptions {
  /** `clip-frames`: frames of the clip itself, with its caption. A source: independent images (or first frames of clips). */
  readonly source: "clip-frames" | ClipSource;
  /** Stills beside each clip; 0 for none. */
  readonly count: number;
  /** From the clip: evenly spaced (`linspace`, default, like the reference) or drawn. Images of a source are always drawn. */
  readonly policy?: "linspace" | "random" | undefined;
  /** Applied to each image of a source; must give the size of the clips. Not used for frames of the clip. */
  readonly transform?: ClipTransform | undefined;
}

/** The clip (already transformed) with its stills. What is drawn depends only on `rng`. */
export async function makeExample(
  video: Clip,
  rng: Rng,
  options: CallOptions & { readonly stills?: StillOptions | undefined } = {},
): Promise<Example> {
  const { stills, signal } = options;
  if (stills === undefined || stills.count === 0) return { video, stills: [] };
  if (!Number.isInteger(stills.count) || stills.count < 0) {
    throw new ConfigError(`stills.count is ${stills.count}; use 0 or a positive integer`);
  }
  if (stills.source === "clip-frames") return { video, stills: framesOf(video, rng, stills) };
  const images: Clip[] = [];
  for (let position = 0; position < stills.count; position++) {
    images.push(await drawImage(stills.source, rng.fork(String(position)), { ...stills, video, signal }));
  }
  return { video, stills: images };
}

function framesOf(video: Clip, rng: Rng, { count, policy = "linspace" }: StillOptions): Clip[] {
  const indices =
    policy === "linspace"
      ? stillIndices({ frames: video.frames, count })
      : Array.from({ length: count }, () => rng.integer(video.frames));
  return indices.map((index) => ({ ...selectFrames(video, [index]), id: `${video.id}/${index}` }));
}

async function drawImage(
  source: ClipSource,
  rng: Rng,
  options: { video: Clip; transform?: ClipTransform | undefined; signal: AbortSignal | undefined },
): Promise<Clip> {
  const { video, transform, signal } = options;
  const drawn = await source.get(rng.integer(source.length), { signal });
  const first = drawn.frames === 1 ? drawn : selectFrames(drawn, [0]);
  const image = transform === undefined ? first : await transform(first, rng.fork("transform"));
  if (image.frames !== 1 || image.height !== video.height || image.width !== video.width) {
    throw new ShapeError(
      `still ${image.id} is ${image.frames} frames of ${image.width}x${image.height}, but clip ${video.id} is ${video.width}x${video.height}; give stills.transform that makes one frame of that size`,
    );
  }
  return image;
}
