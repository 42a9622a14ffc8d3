// Watermarks, logos and subtitles: edges that stay where they are while the picture around them moves.
import type { FrameMeasure } from "./contracts.js";

/** The mean gradient of an edge that stays is at least this strong (steps of brightness for one pixel). */
const strongest = 12;
/** Weaker ones are no edges at all. */
const weakest = 4;
/** A gradient stays when the length of its mean is this part of the mean of its lengths: 1 for one that never changes. */
const steady = 0.92;
/** A pixel moves when its brightness varies by this standard deviation. */
const moving = 8;
/** Edges count where at least this part of the pixels around them moves. */
const surrounded = 0.6;
const radius = 6;
/** Unless this part of the pixels moves, and not more than this part of the edges stays, the camera may be fixed. */
const enoughMotion = 0.6;
const mostSteady = 0.55;

/**
 * `overlay`: part of the area covered by edges that persist over a moving background; a small logo has about 0.008. `null`
 * for a fixed camera, because then edges of the scene persist too. The middle of a slow zoom and an old film that flickers are taken for an
 * overlay: look at the frames before you trust a threshold.
 */
export const overlayMeasure: FrameMeasure = {
  name: "overlay",
  columns: ["overlay"],
  begin() {
    let state: Sums | undefined;
    return {
      add({ grey, height, width }) {
        if (state === undefined || state.height !== height || state.width !== width) state = emptySums(height, width);
        addFrame(state, grey);
      },
      end: () => ({ overlay: state === undefined || state.frames < 4 ? null : overlayShare(state) }),
    };
  },
};

interface Sums {
  readonly height: number;
  readonly width: number;
  frames: number;
  /** Sums over the frames, `[H, W]` each. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly length: Float32Array;
  readonly grey: Float32Array;
  readonly squares: Float32Array;
}

function emptySums(height: number, width: number): Sums {
  const plane = (): Float32Array => new Float32Array(height * width);
  return { height, width, frames: 0, x: plane(), y: plane(), length: plane(), grey: plane(), squares: plane() };
}

function addFrame(sums: Sums, bytes: Uint8Array): void {
  const { height, width, grey, squares, x: across, y: down, length } = sums;
  sums.frames++;
  for (let i = 0; i < bytes.length; i++) {
    const value = bytes[i]!;
    grey[i]! += value;
    squares[i]! += value * value;
  }
  for (let row = 1; row < height - 1; row++) {
    for (let i = row * width + 1; i < (row + 1) * width - 1; i++) {
      const x = (bytes[i + 1]! - bytes[i - 1]!) / 2;
      const y = (bytes[i + width]! - bytes[i - width]!) / 2;
      across[i]! += x;
      down[i]! += y;
      length[i]! += Math.sqrt(x * x + y * y);
    }
  }
}

function overlayShare(sums: Sums): number | null {
  const { height, width, frames } = sums;
  const moves = new Float32Array(height * width);
  let movingPixels = 0;
  for (let i = 0; i < moves.length; i++) {
    const mean = sums.grey[i]! / frames;
    if (Math.sqrt(Math.max(0, sums.squares[i]! / frames - mean * mean)) <= moving) continue;
    moves[i] = 1;
    movingPixels++;
  }
  if (movingPixels < enoughMotion * moves.length) return null;
  const around = boxMeans(moves, { height, width });
  let [edges, steadyEdges, covered] = [0, 0, 0];
  for (let i = 0; i < moves.length; i++) {
    const length = sums.length[i]! / frames;
    if (length < weakest) continue;
    edges++;
    const strength = Math.hypot(sums.x[i]!, sums.y[i]!) / frames;
    if (strength < steady * length) continue;
    steadyEdges++;
    if (strength >= strongest && around[i]! >= surrounded) covered++;
  }
  if (steadyEdges > mostSteady * edges) return null;
  return covered / moves.length;
}

/** Means over squares of `2 * radius + 1`, by a table of sums. */
function boxMeans(values: Float32Array, { height, width }: { height: number; width: number }): Float32Array {
  const table = new Float64Array((height + 1) * (width + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y + 1) * (width + 1) + x + 1;
      table[i] = values[y * width + x]! + table[i - 1]! + table[i - width - 1]! - table[i - width - 2]!;
    }
  }
  return values.map((_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    const [top, left] = [Math.max(0, y - radius), Math.max(0, x - radius)];
    const [bottom, right] = [Math.min(height, y + radius + 1), Math.min(width, x + radius + 1)];
    const at = (row: number, column: number): number => table[row * (width + 1) + column]!;
    const sum = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left);
    return sum / ((bottom - top) * (right - left));
  });
}
