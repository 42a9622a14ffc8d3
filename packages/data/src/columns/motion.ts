// How much moves.
import type { FrameMeasure } from "./contracts.js";

/** Two frames whose mean difference is below half a step of brightness are the same picture. */
const sameBelow = 0.5 / 255;

/**
 * `motion`: mean absolute change of brightness from frame to frame, 0 to 1; 0.006 to 0.037 for the shipped clips.
 * `static_share`: part of the frames that repeat the one before. `null` for a single frame.
 */
export const motionMeasure: FrameMeasure = {
  name: "motion",
  columns: ["motion", "static_share"],
  begin() {
    let before: Uint8Array | undefined;
    let [sum, still, pairs] = [0, 0, 0];
    return {
      add({ grey }) {
        if (before !== undefined && before.length === grey.length) {
          let difference = 0;
          for (let i = 0; i < grey.length; i++) difference += Math.abs(grey[i]! - before[i]!);
          const mean = difference / grey.length / 255;
          sum += mean;
          if (mean < sameBelow) still++;
          pairs++;
        }
        before = grey;
      },
      end: () => ({ motion: pairs === 0 ? null : sum / pairs, static_share: pairs === 0 ? null : still / pairs }),
    };
  },
};
