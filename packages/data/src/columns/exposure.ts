// How light and how sharp the picture is.
import type { AnalysisFrame, FrameMeasure } from "./contracts.js";

/** A frame is black below 16 and white above 239, the ends of the video range. */
const [black, white] = [16, 239];

/** `brightness`: mean, 0 to 1. `black_share`, `white_share`: part of the frames that are nothing but black or white. */
export const exposureMeasure: FrameMeasure = {
  name: "exposure",
  columns: ["brightness", "black_share", "white_share"],
  begin() {
    let [sum, blacks, whites, frames] = [0, 0, 0, 0];
    return {
      add({ grey }) {
        let total = 0;
        for (const value of grey) total += value;
        const mean = total / grey.length;
        sum += mean;
        if (mean < black) blacks++;
        if (mean > white) whites++;
        frames++;
      },
      end: () => ({
        brightness: sum / frames / 255,
        black_share: blacks / frames,
        white_share: whites / frames,
      }),
    };
  },
};

/** `sharpness`: variance of the Laplacian of the brightness, mean over the frames; 15 to 2810 for the shipped clips. */
export const sharpnessMeasure: FrameMeasure = {
  name: "sharpness",
  columns: ["sharpness"],
  begin() {
    let [sum, frames] = [0, 0];
    return {
      add(frame) {
        sum += laplacianVariance(frame);
        frames++;
      },
      end: () => ({ sharpness: sum / frames }),
    };
  },
};

function laplacianVariance({ grey, height, width }: AnalysisFrame): number {
  let [sum, squares, count] = [0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const value = grey[i - width]! + grey[i + width]! + grey[i - 1]! + grey[i + 1]! - 4 * grey[i]!;
      sum += value;
      squares += value * value;
      count++;
    }
  }
  return count === 0 ? 0 : squares / count - (sum / count) ** 2;
}
