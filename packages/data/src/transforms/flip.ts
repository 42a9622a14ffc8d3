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
    for (let row = 0; row < clip.frames * clip.height; row++) {
      for (let x = 0; x < width; x++) {
        const source = (row * width + x) * 3;
        pixels.set(clip.pixels.subarray(source, source + 3), (row * width + width - 1 - x) * 3);
      }
    }
    return withPixels(clip, pixels, clip);
  };
}
