// Moving between clips [B, T, H, W, C] and the frames in them [B*T, H, W, C].
import * as tf from "@tensorflow/tfjs";

/** Applies an image operation to every frame of a clip. */
export function perFrame(
  x: tf.Tensor5D, // [B, T, H, W, C]
  operation: (frames: tf.Tensor4D) => tf.Tensor4D, // [B*T, H, W, C] -> [B*T, H', W', C']
): tf.Tensor5D {
  return tf.tidy(() => {
    const [batch, time, height, width, channels] = x.shape;
    const frames = operation(tf.reshape(x, [batch * time, height, width, channels]));
    return tf.reshape(frames, [batch, time, ...(frames.shape.slice(1) as [number, number, number])]);
  });
}

/** `count` frames of a clip from `start`. */
export function sliceFrames(x: tf.Tensor5D, start: number, count: number): tf.Tensor5D {
  const [batch, , height, width, channels] = x.shape;
  return tf.slice(x, [0, start, 0, 0, 0], [batch, count, height, width, channels]);
}

/** Runs layers one after the other and frees each result as soon as the next one exists. Borrows `x`. */
export function sequence(x: tf.Tensor5D, layers: readonly ((input: tf.Tensor5D) => tf.Tensor5D)[]): tf.Tensor5D {
  let current = x;
  for (const layer of layers) {
    const next = layer(current);
    if (current !== x && next !== current) current.dispose();
    current = next;
  }
  return current;
}
