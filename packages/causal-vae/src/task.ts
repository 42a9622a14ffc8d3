// Training on clips and still images together: L1, KL and an optional perceptual term.
import {
  ConfigError,
  type Clip,
  type Example,
  type NamedTensors,
  type Rng,
  type TrainTask,
  type VideoTensor,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { clipsToTensor } from "./clips.js";
import { klSum, reconstructionSums } from "./losses/reconstruction.js";
import type { CausalVae } from "./model.js";
import { samplePosterior } from "./posterior.js";
import { checkVideoShape } from "./shape.js";

/** How far two sets of frames look apart. */
export interface PerceptualDistance {
  /** `x`, `y`: `[N, H, W, 3]` in [-1, 1]; result `[N]`, 0 for equal frames. Runs inside gradients and traces. */
  distance(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor1D;
}

export interface VaeTaskOptions {
  readonly vae: CausalVae;
  /**
   * "sum", the reference's: L1 summed over a frame and averaged over frames, KL summed over a clip and averaged over
   * clips. "mean": both averaged over every value, so that a loss is about 1 at first and learning rates do not depend
   * on the frame's size; the better choice for training from scratch without adaptive gradients' help. Default "sum".
   */
  readonly reduction?: "sum" | "mean";
  /** Factor on the KL term as `reduction` scales it. Default 1e-6. */
  readonly klWeight?: number;
  /** Added to L1, weighted so that a distance of 1 counts like an L1 of `weight` at every value (default 1). */
  readonly perceptual?: { readonly network: PerceptualDistance; readonly weight?: number };
}

/**
 * What a training step reads: `video` `[B, T, H, W, 3]`, `videoNoise` `[B, T', h, w, z]` and, when the examples have
 * stills, `stills` `[S, 1, H, W, 3]`, `stillsNoise` `[S, 1, h, w, z]` with S the stills of all examples together.
 */
export type VaeBatch = NamedTensors;

/** One phase; its scalars are `l1` and `mse` (means over values), `kl` and, with one, `perceptual`. */
export function vaeTask(options: VaeTaskOptions): TrainTask {
  const { vae, reduction = "sum", klWeight = 1e-6, perceptual } = options;
  if (!(klWeight >= 0)) throw new ConfigError(`klWeight is ${klWeight}; use a number from 0 up`);
  return {
    name: "vae",
    modules: { vae },
    phases: [
      {
        name: "vae",
        parameters: () => vae.namedParameters(),
        loss(batch) {
          const sums = parts(batch).map(({ video, noise }) => partSums(vae, video, noise, perceptual?.network));
          const total = (key: "absolute" | "squared" | "kl" | "perceptual"): tf.Scalar =>
            tf.addN(sums.flatMap((part) => part[key] ?? [])) as tf.Scalar;
          const count = (key: "values" | "frames" | "clips" | "latents"): number =>
            sums.reduce((sum, part) => sum + part[key], 0);
          const l1 = tf.div<tf.Scalar>(total("absolute"), count("values"));
          const mse = tf.div<tf.Scalar>(total("squared"), count("values"));
          const kl = tf.div<tf.Scalar>(total("kl"), reduction === "sum" ? count("clips") : count("latents"));
          const distance = perceptual === undefined ? null : tf.div<tf.Scalar>(total("perceptual"), count("frames"));
          const perValue = distance === null ? l1 : tf.add<tf.Scalar>(l1, tf.mul(distance, perceptual?.weight ?? 1));
          const scale = reduction === "sum" ? count("values") / count("frames") : 1;
          const loss = tf.add<tf.Scalar>(tf.mul(perValue, scale), tf.mul(kl, klWeight));
          return { loss, scalars: { l1, mse, kl, ...(distance === null ? {} : { perceptual: distance }) } };
        },
      },
    ],
    prepare: (items, { rng }) => prepareBatch(vae, items, rng),
  };
}

/** Examples as tensors, with the posterior's noise. */
export function prepareBatch(vae: CausalVae, items: readonly Example[], rng: Rng): VaeBatch {
  const video = clipsToTensor(items.map((item) => item.video));
  const stills = items.flatMap((item) => item.stills);
  return {
    video,
    videoNoise: noiseFor(vae, video, rng.fork("video")),
    ...(stills.length === 0 ? {} : stillTensors(vae, stills, rng.fork("stills"))),
  };
}

function stillTensors(vae: CausalVae, clips: readonly Clip[], rng: Rng): NamedTensors {
  const stills = clipsToTensor(clips);
  return { stills, stillsNoise: noiseFor(vae, stills, rng) };
}

function noiseFor(vae: CausalVae, video: VideoTensor, rng: Rng): tf.Tensor {
  const { stride, latentChannels } = vae;
  checkVideoShape(video.shape, stride);
  const [batch, frames, height, width] = video.shape;
  const time = (frames - 1) / stride.time + 1;
  return rng.normal([batch, time, height / stride.height, width / stride.width, latentChannels]);
}

/** The clips and the stills of a batch; they have sizes of their own and never meet in a layer. */
function parts(batch: VaeBatch): readonly { readonly video: tf.Tensor5D; readonly noise: tf.Tensor5D }[] {
  const pairs = [
    [batch["video"], batch["videoNoise"]],
    [batch["stills"], batch["stillsNoise"]],
  ];
  return pairs.flatMap(([video, noise]) =>
    video === undefined || noise === undefined ? [] : [{ video: video as tf.Tensor5D, noise: noise as tf.Tensor5D }],
  );
}

interface PartSums {
  readonly absolute: tf.Scalar;
  readonly squared: tf.Scalar;
  readonly kl: tf.Scalar;
  readonly perceptual?: tf.Scalar;
  readonly values: number;
  readonly frames: number;
  readonly clips: number;
  readonly latents: number;
}

function partSums(
  vae: CausalVae,
  video: tf.Tensor5D, // [B, T, H, W, 3]
  noise: tf.Tensor5D, // [B, T', h, w, z]
  network: PerceptualDistance | undefined,
): PartSums {
  const distribution = vae.posterior(vae.moments(video));
  const reconstruction = vae.decodeLatents(samplePosterior(distribution, noise));
  const [clips, time, height, width] = video.shape;
  const frames = (x: tf.Tensor5D): tf.Tensor4D => tf.reshape(x, [clips * time, height, width, 3]);
  return {
    ...reconstructionSums(video, reconstruction),
    kl: klSum(distribution),
    ...(network === undefined
      ? {}
      : { perceptual: tf.sum<tf.Scalar>(network.distance(frames(video), frames(reconstruction))) }),
    values: video.size,
    frames: clips * time,
    clips,
    latents: noise.size,
  };
}
