// Training on clips and still images together: L1, KL, and optionally a perceptual and an adversarial term.
import {
  type Clip,
  ConfigError,
  type Example,
  type LossContext,
  type NamedTensors,
  type Rng,
  type TrainPhase,
  type TrainTask,
  type VideoTensor,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { adversarialTerm, adversaryLoss, type AdversaryOptions, type Pair } from "./adversary.js";
import { clipsToTensor } from "./clips.js";
import type { CausalVae } from "./model.js";
import { GradientPyramid } from "./losses/gradient-pyramid.js";
import {
  codePart,
  meanOf,
  type Part,
  type PerceptualDistance,
  type PerceptualTerm,
  reconstructionLoss,
} from "./objective.js";
import { checkVideoShape } from "./shape.js";

export interface VaeTaskOptions {
  readonly vae: CausalVae;
  /**
   * "sum", the reference's: L1 summed over a frame and averaged over frames, KL summed over a clip and averaged over
   * clips. "mean": both averaged over every value, so that a loss is about 1 at first and a learning rate does not
   * depend on the frame's size: the comfortable choice for training from scratch. Default "sum".
   */
  readonly reduction?: "sum" | "mean";
  /** Factor on the KL term as `reduction` scales it. Default 1e-6. */
  readonly klWeight?: number;
  /**
   * Added to L1: a mean distance of 1 counts like a mean L1 of `weight` (default 1, the reference's). `network`: an
   * `Lpips` of published weights (`loadLpips`), or anything with a `distance`; left out, a `GradientPyramid`, which
   * needs no weights. Default no such term.
   */
  readonly perceptual?: { readonly network?: PerceptualDistance; readonly weight?: number };
  /** A discriminator, trained in a second phase named "discriminator". */
  readonly adversary?: AdversaryOptions;
}

/**
 * What a training step reads: `video` `[B, T, H, W, 3]`, `videoNoise` `[B, T', h, w, z]` and, when the examples have
 * stills, `stills` `[S, 1, H, W, 3]`, `stillsNoise` `[S, 1, h, w, z]` with S the stills of all examples together.
 */
export type VaeBatch = NamedTensors;

/**
 * The phase "vae" and, with an adversary, "discriminator". Scalars: `l1` and `mse` (means over values), `kl`, and
 * `perceptual`, `generator`, `balance` where there are such terms.
 */
export function vaeTask(options: VaeTaskOptions): TrainTask {
  const { vae, klWeight = 1e-6, adversary } = options;
  const perceptual = perceptualTerm(options.perceptual);
  if (!(klWeight >= 0)) throw new ConfigError(`klWeight is ${klWeight}; use a number from 0 up`);
  return {
    name: "vae",
    modules: { vae, ...(adversary === undefined ? {} : { discriminator: adversary.discriminator }) },
    phases: [
      {
        name: "vae",
        parameters: () => vae.namedParameters(),
        loss: (batch, context) => vaeLoss({ ...options, klWeight, perceptual }, batch, context),
      },
      ...(adversary === undefined ? [] : [discriminatorPhase(adversary)]),
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

function perceptualTerm(options: VaeTaskOptions["perceptual"]): PerceptualTerm | undefined {
  if (options === undefined) return undefined;
  const { network = new GradientPyramid(), weight = 1 } = options;
  if (!(weight >= 0)) throw new ConfigError(`perceptual.weight is ${weight}; use a number from 0 up`);
  return { network, weight };
}

type LossOptions = Omit<VaeTaskOptions, "perceptual"> & {
  readonly klWeight: number;
  readonly perceptual: PerceptualTerm | undefined;
};

function vaeLoss(options: LossOptions, batch: VaeBatch, context: LossContext): ReturnType<TrainPhase["loss"]> {
  const { vae, klWeight, perceptual, adversary, reduction = "sum" } = options;
  const parts = partsOf(batch).map((part) => codePart(vae, part));
  const count = (size: (part: Part) => number): number => parts.reduce((sum, part) => sum + size(part), 0);
  const valuesPerFrame = count(({ video }) => video.size) / count(({ video }) => video.shape[0] * video.shape[1]);
  const scale = reduction === "sum" ? valuesPerFrame : 1;
  const nll = (pairs: readonly Pair[]): tf.Scalar => tf.mul(reconstructionLoss(pairs, perceptual).perValue, scale);

  const reconstruction = reconstructionLoss(parts, perceptual);
  const kl = meanOf(
    parts.map((part) => part.kl),
    count(({ video, noise }) => (reduction === "sum" ? video.shape[0] : noise.size)),
  );
  let loss = tf.add<tf.Scalar>(tf.mul(reconstruction.perValue, scale), tf.mul(kl, klWeight));
  const scalars: Record<string, tf.Scalar> = { l1: reconstruction.l1, mse: reconstruction.mse, kl };
  if (reconstruction.perceptual !== null) scalars["perceptual"] = reconstruction.perceptual;
  if (adversary !== undefined) {
    const term = adversarialTerm(vae, parts, adversary, nll, context.step);
    loss = tf.add(loss, term.weighted);
    scalars["generator"] = term.generator;
    scalars["balance"] = term.balance;
    parts.forEach((part, index) => context.kept.set(keptName(index), part.reconstruction));
  }
  return { loss, scalars };
}

function discriminatorPhase(adversary: AdversaryOptions): TrainPhase {
  return {
    name: "discriminator",
    parameters: () => adversary.discriminator.namedParameters(),
    loss(batch, context) {
      const pairs = partsOf(batch).map(({ video }, index): Pair => {
        const reconstruction = context.kept.get(keptName(index)) as tf.Tensor5D;
        return { video, reconstruction };
      });
      return { loss: adversaryLoss(pairs, adversary, context.step) };
    },
  };
}

/** The clips and the stills of a batch; they have sizes of their own and never meet in a layer. */
function partsOf(batch: VaeBatch): readonly Part[] {
  const pairs = [
    [batch["video"], batch["videoNoise"]],
    [batch["stills"], batch["stillsNoise"]],
  ];
  return pairs.flatMap(([video, noise]) =>
    video === undefined || noise === undefined ? [] : [{ video: video as tf.Tensor5D, noise: noise as tf.Tensor5D }],
  );
}

/** Under what name the VAE's phase keeps the reconstruction of a part for the discriminator's. */
const keptName = (part: number): string => `reconstruction.${part}`;

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
