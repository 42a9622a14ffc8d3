// Shapes that clips are trained at, and which of them a clip fills.
import { ConfigError } from "@noisereel/core";

/** Frames, rows and columns of every clip of a batch. */
export interface Bucket {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** `17x256x256`. */
export const bucketName = ({ frames, height, width }: Bucket): string => `${frames}x${height}x${width}`;

/** Reads `17x256x256`: frames, height, width. */
export function parseBucket(text: string): Bucket {
  const match = /^\s*(\d+)\s*[x×]\s*(\d+)\s*[x×]\s*(\d+)\s*$/.exec(text);
  const [frames, height, width] = (match ?? []).slice(1).map(Number);
  if (!(frames! > 0 && height! > 0 && width! > 0)) {
    throw new ConfigError(`"${text}" is no bucket; write frames x height x width, for example 17x256x256`);
  }
  return { frames: frames!, height: height!, width: width! };
}

export interface BucketChoice {
  readonly bucket: Bucket | undefined;
  /** Why no bucket fits. */
  readonly reason: string | undefined;
}

/**
 * The bucket of a clip: of those that it fills without repeating frames or being enlarged, those with the most numbers
 * (frames × height × width), and of these the one whose aspect is nearest to the clip's.
 */
export function chooseBucket(clip: Bucket, buckets: readonly Bucket[]): BucketChoice {
  const filled = buckets.filter(
    ({ frames, height, width }) => clip.frames >= frames && clip.height >= height && clip.width >= width,
  );
  const volume = ({ frames, height, width }: Bucket): number => frames * height * width;
  const skew = ({ height, width }: Bucket): number => Math.abs(Math.log((height * clip.width) / (width * clip.height)));
  const [bucket] = filled.toSorted((a, b) => volume(b) - volume(a) || skew(a) - skew(b));
  if (bucket !== undefined) return { bucket, reason: undefined };
  return { bucket: undefined, reason: missing(clip, buckets) };
}

function missing(clip: Bucket, buckets: readonly Bucket[]): string {
  const leastFrames = Math.min(...buckets.map(({ frames }) => frames));
  if (clip.frames < leastFrames) return `needs ${leastFrames} frames, has ${clip.frames}`;
  const sizes = [...new Set(buckets.map(({ height, width }) => `${width}x${height}`))].join(", ");
  return `${clip.frames} frames of ${clip.width}x${clip.height} fill none of the sizes ${sizes} at their lengths`;
}
