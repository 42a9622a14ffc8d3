// Runs metrics over pairs of videos.
import * as tf from "@tensorflow/tfjs";
import { ConfigError } from "@noisereel/core";
import type { CallOptions, Clip, Metric, VideoTensor } from "@noisereel/core";

/** A video and what it should look like, as clips or as borrowed `[B, T, H, W, 3]` tensors in [-1, 1]. */
export interface VideoPair {
  readonly generated: Clip | VideoTensor;
  readonly reference: Clip | VideoTensor;
}

/**
 * The value of each metric over all pairs, by the metric's name. Metrics are reset first. Tensors in the pairs stay
 * the caller's; clips become tensors here, one pair at a time.
 */
export async function evaluate(
  pairs: Iterable<VideoPair> | AsyncIterable<VideoPair>,
  metrics: readonly Metric[],
  options: Pick<CallOptions, "signal"> = {},
): Promise<Record<string, number>> {
  const names = metrics.map((metric) => metric.name);
  if (names.length === 0 || new Set(names).size !== names.length) {
    throw new ConfigError(`metrics are [${names.join(", ")}]; pass at least one, and each name once`);
  }
  for (const metric of metrics) metric.reset();
  for await (const pair of pairs) {
    options.signal?.throwIfAborted();
    const generated = toVideo(pair.generated);
    const reference = toVideo(pair.reference);
    try {
      for (const metric of metrics) await metric.update(generated.video, reference.video);
    } finally {
      generated.release();
      reference.release();
    }
  }
  const results: Record<string, number> = {};
  for (const metric of metrics) results[metric.name] = await metric.compute();
  return results;
}

function toVideo(source: Clip | VideoTensor): { readonly video: VideoTensor; readonly release: () => void } {
  if (source instanceof tf.Tensor) return { video: source, release: () => undefined };
  const values = Float32Array.from(source.pixels, (byte) => byte / 127.5 - 1);
  const video = tf.tensor5d(values, [1, source.frames, source.height, source.width, 3]); // [1, T, H, W, 3]
  return { video, release: () => video.dispose() };
}
