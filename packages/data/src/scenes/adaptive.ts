// Cuts relative to the motion around them, after PySceneDetect's AdaptiveDetector.

/** Neighbours that hardly change make every ratio large; then only the score itself decides. */
const nearlyZero = 1e-5;
const largestRatio = 255;

/**
 * Frames whose score is at least `threshold` and at least `ratio` times the mean of the `window` scores on each side. Cuts
 * are at least `minSceneFrames` apart, the first that far from the beginning.
 */
export function adaptiveCuts(
  scores: readonly number[],
  options: {
    readonly threshold: number;
    readonly ratio: number;
    readonly window: number;
    readonly minSceneFrames: number;
  },
): number[] {
  const { threshold, ratio, window, minSceneFrames } = options;
  const cuts: number[] = [];
  let last = 0;
  for (let frame = window; frame < scores.length - window; frame++) {
    const score = scores[frame]!;
    if (score < threshold || frame - last < minSceneFrames) continue;
    let sum = 0;
    for (let i = frame - window; i <= frame + window; i++) if (i !== frame) sum += scores[i]!;
    const around = window === 0 ? 0 : sum / (2 * window);
    const relative = around < nearlyZero ? largestRatio : Math.min(largestRatio, score / around);
    if (relative < ratio) continue;
    cuts.push(frame);
    last = frame;
  }
  return cuts;
}
