// How much the picture changes from one frame to the next, after PySceneDetect's ContentDetector.
import { ShapeError } from "@noisereel/core";

export interface ContentScore {
  /** Mean absolute difference of hue, saturation and value. */
  readonly hue: number;
  readonly saturation: number;
  readonly value: number;
  /** Their mean: 0 for equal frames, rarely above 100. */
  readonly score: number;
}

/** Compares two frames that `rgbToHsv8` made. */
export function contentScore(before: Uint8Array, after: Uint8Array): ContentScore {
  if (before.length !== after.length || before.length === 0) {
    throw new ShapeError(`frames have ${before.length} and ${after.length} bytes; compare frames of one size`);
  }
  let [hues, saturations, values] = [0, 0, 0];
  for (let i = 0; i < before.length; i += 3) {
    hues += Math.abs(before[i]! - after[i]!);
    saturations += Math.abs(before[i + 1]! - after[i + 1]!);
    values += Math.abs(before[i + 2]! - after[i + 2]!);
  }
  const pixels = before.length / 3;
  const [hue, saturation, value] = [hues / pixels, saturations / pixels, values / pixels];
  return { hue, saturation, value, score: (hue + saturation + value) / 3 };
}
