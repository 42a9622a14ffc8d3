// Host-side pixels for the metrics. B videos, T frames, H height, W width, C channels.
import type * as tf from "@tensorflow/tfjs";
import { ShapeError } from "@noisereel/core";
import type { VideoTensor } from "@noisereel/core";

/** Numbers of one frame or of a whole video, row-major. */
export type Values = Float32Array | Float64Array | readonly number[];

/** A score for each frame: `scores[video][frame]`. */
export type FrameScores = readonly (readonly number[])[];

/** A frame's size: its values are `[height, width, channels]`, channels last. */
export interface FrameSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Fails unless both videos are `[B, T, H, W, C]` of one shape. */
export function assertSameVideoShape(generated: tf.Tensor, reference: tf.Tensor): void {
  if (generated.rank !== 5) {
    throw new ShapeError(
      `generated has shape [${generated.shape.join(", ")}] but a metric needs [batch, time, height, width, channels]; add the missing axes`,
    );
  }
  if (generated.shape.join() !== reference.shape.join()) {
    throw new ShapeError(
      `generated has shape [${generated.shape.join(", ")}] but reference has [${reference.shape.join(", ")}]; crop or resize one of them`,
    );
  }
}

/** Applies `score` to every pair of frames, whose pixels are brought from [-1, 1] to [0, 1] and clamped there. */
export async function scoreFrames(
  generated: VideoTensor,
  reference: VideoTensor,
  score: (generated: Float64Array, reference: Float64Array, size: FrameSize) => number,
): Promise<number[][]> {
  assertSameVideoShape(generated, reference);
  const [batch, time, height, width, channels] = generated.shape;
  const [a, b] = await Promise.all([generated.data(), reference.data()]);
  const length = height * width * channels;
  const frame = (pixels: ArrayLike<number>, index: number): Float64Array =>
    Float64Array.from({ length }, (_, i) => Math.min(1, Math.max(0, (pixels[index * length + i]! + 1) / 2)));
  return Array.from({ length: batch }, (_, video) =>
    Array.from({ length: time }, (_, t) =>
      score(frame(a, video * time + t), frame(b, video * time + t), { height, width, channels }),
    ),
  );
}

/** One frame index over all videos. */
export interface FrameSummary {
  readonly mean: number;
  /** Standard deviation over the videos, divided by their number. */
  readonly deviation: number;
}

/** Mean and deviation over the videos for each frame index, as the reference reports them. */
export function summarizeFrames(scores: FrameScores): FrameSummary[] {
  return (scores[0] ?? []).map((_, frame) => {
    const values = scores.map((video) => video[frame]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    return { mean, deviation };
  });
}
