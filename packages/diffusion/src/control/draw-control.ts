// The control of a training batch.
import type { LatentTensor, Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { controlOf } from "./control.js";
import type { ControlMask } from "./masks.js";

/**
 * `[B, S, h, w, 1 + C]`: what each item's mask shows of its video, the first slots of `latents` `[B, S, h, w, C]`; the last
 * `stills` slots show nothing. The caller owns it.
 */
export function drawControl(latents: LatentTensor, stills: number, draw: ControlMask, rng: Rng): tf.Tensor5D {
  const [batch, slots, height, width] = latents.shape;
  const perItem = slots * height * width;
  const values = new Float32Array(batch * perItem);
  for (let item = 0; item < batch; item++) {
    values.set(draw({ frames: slots - stills, height, width }, rng.fork(String(item))), item * perItem);
  }
  return tf.tidy(() => controlOf(latents, tf.tensor5d(values, [batch, slots, height, width, 1])));
}
