// Mirroring.
import { type ClipTransform, ConfigError } from "@noisereel/core";
import { withPixels } from "../clip.js";

/**
 * Mirrors the whole clip left to right with this probability, one draw for all frames. It also mirrors writing and
 * hands, so leave it out where these matter. Default 0.5.
 */
export function horizontalFlip(options: { readonly probability?: number } = {}): ClipTransform {
  const { probability = 0.5 } = options;
  if (!(probability >= 0 && probability <= 1)) {
    throw new ConfigError(`probability is ${probability}; use a number from 0 to 1`);
  }
  return (clip, rng) => {
    if (rng.uniform() >= probability) return clip;
    const pixels = new Uint8Array(clip.pixels.length);
    mirrorRows(clip.pixels, pixels, clip.width * 3);
    return withPixels(clip, pixels, clip);
  };
}

function mirrorRows(from: Uint8Array, to: Uint8Array, stride: number): void {
  for (let start = 0; start < to.length; start += stride) {
    let target = start + stride - 3;
    for (let source = start; source < start + stride; source += 3) {
      to[target] = from[source]!;
      to[target + 1] = from[source + 1]!;
      to[target + 2] = from[source + 2]!;
      target -= 3;
    }
  }
}
