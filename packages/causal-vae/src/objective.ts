// What one training step of the VAE computes, summed over the clips and the stills of a batch.
import * as tf from "@tensorflow/tfjs";
import { klSum, reconstructionSums } from "./losses/reconstruction.js";
import type { CausalVae } from "./model.js";
import { samplePosterior } from "./posterior.js";

/** How far two sets of frames look apart. */
export interface PerceptualDistance {
  /** `x`, `y`: `[N, H, W, 3]` in [-1, 1]; result `[N]`, 0 for equal frames. Runs inside gradients and traces. */
  distance(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor1D;
}

/** A perceptual distance and its factor. */
export interface PerceptualTerm {
  readonly network: PerceptualDistance;
  readonly weight: number;
}

/** Clips of one size, with the noise that samples their posterior. */
export interface Part {
  readonly video: tf.Tensor5D; // [B, T, H, W, 3]
  readonly noise: tf.Tensor5D; // [B, T', h, w, z]
}

/** A part and what the VAE makes of it. */
export interface CodedPart extends Part {
  /** Half the sum of `mean^2 + exp(logvar) - 1 - logvar`. */
  readonly kl: tf.Scalar;
  /** What the decoder's last convolution reads. */
  readonly features: tf.Tensor5D; // [B, T, H, W, C]
  readonly reconstruction: tf.Tensor5D; // [B, T, H, W, 3]
}

/** Encodes, samples and decodes. */
export function codePart(vae: CausalVae, { video, noise }: Part): CodedPart {
  const distribution = vae.posterior(vae.moments(video));
  const latents = samplePosterior(distribution, noise);
  const features = vae.decoder.features(vae.post_quant_conv.forward(latents));
  const reconstruction = vae.decoder.conv_out.forward(features);
  return { video, noise, kl: klSum(distribution), features, reconstruction };
}

/** The frames of clips: `[B * T, H, W, 3]`. */
export function framesOf(video: tf.Tensor5D): tf.Tensor4D {
  const [batch, time, height, width, channels] = video.shape;
  return tf.reshape(video, [batch * time, height, width, channels]);
}

export interface ReconstructionLoss {
  /** Mean of `|x - y|` over all values. */
  readonly l1: tf.Scalar;
  /** Mean of `(x - y)^2` over all values. */
  readonly mse: tf.Scalar;
  /** Mean perceptual distance of the frames. */
  readonly perceptual: tf.Scalar | null;
  /** `l1` plus the weighted `perceptual`. */
  readonly perValue: tf.Scalar;
}

/** How far reconstructions are from their parts. */
export function reconstructionLoss(
  pairs: readonly Pick<CodedPart, "video" | "reconstruction">[],
  perceptual: PerceptualTerm | undefined,
): ReconstructionLoss {
  const values = pairs.reduce((sum, { video }) => sum + video.size, 0);
  const frames = pairs.reduce((sum, { video }) => sum + video.shape[0] * video.shape[1], 0);
  const sums = pairs.map(({ video, reconstruction }) => reconstructionSums(video, reconstruction));
  const l1 = meanOf(
    sums.map(({ absolute }) => absolute),
    values,
  );
  const mse = meanOf(
    sums.map(({ squared }) => squared),
    values,
  );
  if (perceptual === undefined) return { l1, mse, perceptual: null, perValue: l1 };
  const distances = pairs.map(({ video, reconstruction }) =>
    tf.sum<tf.Scalar>(perceptual.network.distance(framesOf(video), framesOf(reconstruction))),
  );
  const distance = meanOf(distances, frames);
  return { l1, mse, perceptual: distance, perValue: tf.add(l1, tf.mul(distance, perceptual.weight)) };
}

/** The sum of scalars, divided by `count`. */
export function meanOf(sums: readonly tf.Scalar[], count: number): tf.Scalar {
  return tf.div(tf.addN([...sums]), count);
}
