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
    const { width } = clip;
    const pixels = new Uint8Array(clip.pixels.length);
    const stride = width * 3;
    for (let start = 0; start < pixels.length; start += stride) {
      for (let x = 0; x < stride; x += 3) {
        const target = start + stride - 3 - x;
        pixels[target] = clip.pixels[start + x]!;
        pixels[target + 1] = clip.pixels[start + x + 1]!;
        pixels[target + 2] = clip.pixels[start + x + 2]!;
      }
    }
    return withPixels(clip, pixels, clip);
  };
}
