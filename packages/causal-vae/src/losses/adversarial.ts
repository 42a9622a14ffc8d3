// What a discriminator and its opponent minimise.
import * as tf from "@tensorflow/tfjs";

/** Which loss the discriminator minimises. */
export type DiscriminatorLoss = "hinge" | "vanilla";

/** The discriminator's loss for logits of real and of reconstructed frames, of any shape. */
export function discriminatorLoss(kind: DiscriminatorLoss, real: tf.Tensor, fake: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const [onReal, onFake] =
      kind === "hinge"
        ? [tf.relu(tf.sub(1, real)), tf.relu(tf.add(1, fake))]
        : [tf.softplus(tf.neg(real)), tf.softplus(fake)];
    return tf.mul<tf.Scalar>(tf.add(tf.mean(onReal), tf.mean(onFake)), 0.5);
  });
}

/** The generator's: minus the mean logit. */
export function generatorLoss(fake: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.neg<tf.Scalar>(tf.mean(fake)));
}
