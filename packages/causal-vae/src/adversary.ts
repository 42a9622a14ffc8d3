// A discriminator beside the VAE: what it adds to the VAE's loss, and its own.
import * as tf from "@tensorflow/tfjs";
import { adaptiveWeight } from "./losses/adaptive-weight.js";
import { discriminatorLoss, type DiscriminatorLoss, generatorLoss } from "./losses/adversarial.js";
import type { Discriminator } from "./losses/discriminator.js";
import type { CausalVae } from "./model.js";
import { type CodedPart, framesOf } from "./objective.js";

export interface AdversaryOptions {
  readonly discriminator: Discriminator;
  /**
   * The step, from 0, from which the discriminator learns; the VAE's term begins one step later. The reference's
   * `disc_start` counts both optimizers' steps: 2001 there is 1000 here. Default 1000.
   */
  readonly startStep?: number;
  /** Factor on the adaptive weight. Default 0.5. */
  readonly weight?: number;
  /** Default "hinge". */
  readonly loss?: DiscriminatorLoss;
}

/** A clip and its reconstruction. */
export type Pair = Pick<CodedPart, "video" | "reconstruction">;

/** What the adversary adds to the VAE's loss. */
export interface AdversarialTerm {
  /** Minus the mean logit of the reconstructions. */
  readonly generator: tf.Scalar;
  /** The adaptive weight, without the options' factor. */
  readonly balance: tf.Scalar;
  /** `generator` with every factor; 0 before its step. */
  readonly weighted: tf.Scalar;
}

/** `nll`: the reconstruction term of given reconstructions, in their parts' order. */
export function adversarialTerm(
  vae: CausalVae,
  parts: readonly CodedPart[],
  options: AdversaryOptions,
  nll: (pairs: readonly Pair[]) => tf.Scalar,
  step: tf.Scalar,
): AdversarialTerm {
  const { discriminator, startStep = 1000, weight = 0.5 } = options;
  // The last layer again, so that its gradients can be had by themselves.
  const again = (): Pair[] =>
    parts.map(({ video, features }) => ({ video, reconstruction: vae.decoder.conv_out.forward(features) }));
  const judge = (pairs: readonly Pair[]): tf.Scalar =>
    overJudged(discriminator, pairs, ({ reconstruction }) =>
      generatorLoss(discriminator.forward(judged(discriminator, reconstruction))),
    );
  const balance = adaptiveWeight(vae.decoder.lastWeight, { nll: () => nll(again()), gan: () => judge(again()) });
  const generator = judge(parts);
  const factor = tf.mul(balance, tf.mul(reached(step, startStep + 1), weight));
  return { generator, balance, weighted: tf.mul(generator, factor) };
}

/**
 * The discriminator's loss on clips and their (constant) reconstructions; 0 before its step. Its norms' running statistics
 * follow both, the clips first.
 */
export function adversaryLoss(pairs: readonly Pair[], options: AdversaryOptions, step: tf.Scalar): tf.Scalar {
  const { discriminator, startStep = 1000, loss = "hinge" } = options;
  const logits = (clips: tf.Tensor5D): tf.Tensor =>
    discriminator.forward(judged(discriminator, clips), "tracked batch");
  // Two forwards: each has batch statistics of its own.
  const total = overJudged(discriminator, pairs, ({ video, reconstruction }) =>
    discriminatorLoss(loss, logits(video), logits(reconstruction)),
  );
  return tf.mul(total, reached(step, startStep));
}

/** Mean of `term` over parts, weighted by their frames; a discriminator of clips does not see stills. */
function overJudged(discriminator: Discriminator, pairs: readonly Pair[], term: (pair: Pair) => tf.Scalar): tf.Scalar {
  const seen = pairs.filter(({ video }) => discriminator.judges === "frames" || video.shape[1] > 1);
  const frames = seen.map(({ video }) => video.shape[0] * video.shape[1]);
  const total = frames.reduce((sum, count) => sum + count, 0);
  return tf.addN(seen.map((pair, index) => tf.mul(term(pair), frames[index]! / total)));
}

function judged(discriminator: Discriminator, clips: tf.Tensor5D): tf.Tensor {
  return discriminator.judges === "frames" ? framesOf(clips) : clips;
}

/** 1 from step `start` on, else 0. */
function reached(step: tf.Scalar, start: number): tf.Scalar {
  return tf.cast(tf.greaterEqual(step, start), "float32");
}
