// Training a text-to-video denoiser on cached latents. B batch, F video frames, K stills, S = F + K, h w C latents, L tokens.
import {
  ConfigError,
  type Denoiser,
  type LatentTensor,
  type Module,
  type NamedTensors,
  type Parameter,
  type Rng,
  ShapeError,
  sizeOf,
  type TextCondition,
  type TextEncoder,
  type TrainTask,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { iddpm } from "./objectives/iddpm.js";
import { drawControl } from "./control/draw-control.js";
import type { ControlMask } from "./control/masks.js";
import { itemScalars } from "./objectives/loss-aware.js";
import type { Objective } from "./objectives/objective.js";

/** The autoencoder's posterior of one clip or image, already scaled for the denoiser. */
export interface LatentPosterior {
  /** `[T, h, w, C]`. */
  readonly shape: readonly [number, number, number, number];
  /** Row-major, of `shape`. */
  readonly mean: Float32Array;
  /** Of `shape`; left out, the mean is used as it is. */
  readonly logVariance?: Float32Array;
}

/** One example: a video and the images trained beside it. */
export interface LatentItem {
  readonly id: string;
  readonly latents: LatentPosterior;
  /** Each of one frame. Every item of a batch has as many. */
  readonly stills?: readonly LatentPosterior[];
  /** The video's, which then also holds for the stills; or the video's and one for each still. */
  readonly captions: readonly string[];
}

/** A text encoder that is trained together with the denoiser. */
export interface TrainableTextEncoder {
  /** Its weights. */
  readonly model: Module;
  /** `[b][c]` prompts to `[B, 1 + K, L]`: `ids` int32, `mask` float32. Host work. */
  tokenize(prompts: readonly (readonly string[])[]): { readonly ids: tf.Tensor3D; readonly mask: tf.Tensor3D };
  /** `[B, 1 + K, L]` to `[B, 1 + K, L, W]`; runs inside a gradient and a trace. */
  embed(ids: tf.Tensor3D, mask: tf.Tensor3D): tf.Tensor4D;
}

export interface TextToVideoTaskOptions {
  readonly denoiser: Denoiser & Module;
  /** Default `iddpm()`, with a learned variance when the denoiser has outputs for it. */
  readonly objective?: Objective;
  /** A frozen encoder: runs in `prepare`. Wrap it in a cache. Give this or `trainedTextEncoder`. */
  readonly textEncoder?: Pick<TextEncoder, "encode">;
  /** An encoder that the loss trains too. */
  readonly trainedTextEncoder?: TrainableTextEncoder;
  /**
   * Share of captions that are replaced by the empty one, the negative prompt of sampling: without it guidance has
   * nothing to work with. All captions of an item are dropped together. Default 0.1.
   */
  readonly captionDropout?: number;
  /**
   * What each example lets the denoiser see of its clean video; stills show nothing. For a denoiser with control channels, see
   * `LatteT2V.widened`. Default nothing at all.
   */
  readonly controlMask?: ControlMask;
  /** Default `text-to-video`. */
  readonly name?: string;
}

/**
 * Trains videos and stills together: one timestep for each item, shared by its video and its stills, and a loss in which
 * every latent frame weighs the same. `prepare` makes all draws; the loss is pure.
 *
 * A batch holds `latents` and `noise` `[B, S, h, w, C]`, `timesteps` and `weights` `[B]`, `stills` (its shape `[K]` says how
 * many slots at the end are images), one `factor.*` `[B]` for each of the objective's, `mask` `[B, P, L]`, and `embeddings`
 * `[B, P, L, W]` or, with a trained text encoder, `ids` `[B, P, L]`; P is 1 or 1 + K. With a `controlMask` it holds `control`
 * `[B, S, h, w, 1 + C]` too.
 */
export function textToVideoTask(options: TextToVideoTaskOptions): TrainTask<LatentItem> {
  const { denoiser, textEncoder, trainedTextEncoder: trained, captionDropout = 0.1 } = options;
  if ((textEncoder === undefined) === (trained === undefined)) {
    throw new ConfigError("give either textEncoder, which stays as it is, or trainedTextEncoder, which is trained");
  }
  if (!(captionDropout >= 0 && captionDropout < 1)) {
    throw new ConfigError(`captionDropout is ${captionDropout}; use a share from 0 to below 1, such as 0.1`);
  }
  const objective =
    options.objective ??
    iddpm({ predicts: denoiser.predicts, variance: denoiser.learnsVariance ? "learned-range" : "fixed-small" });
  checkObjective(denoiser, objective);
  const { controlMask } = options;
  const { controlChannels = 0 } = denoiser;
  if (controlMask !== undefined && controlChannels !== denoiser.latentChannels + 1) {
    throw new ConfigError(
      `there is a controlMask but the denoiser reads ${controlChannels} control channels; use one that reads ${denoiser.latentChannels + 1}, see LatteT2V.widened`,
    );
  }
  const modules = { denoiser, ...(trained === undefined ? {} : { text: trained.model }) };

  return {
    name: options.name ?? "text-to-video",
    modules,
    phases: [
      {
        name: "denoise",
        parameters: () => trainedParameters(modules),
        loss(batch) {
          return tf.tidy(() => {
            const { clean, noisy, noise, factors } = noisedBatch(objective, batch);
            const output = denoiser.predict({
              latents: noisy,
              stills: batch["stills"]!.size,
              timesteps: batch["timesteps"] as tf.Tensor1D,
              condition: conditionOf(batch, trained),
              control: batch["control"] as tf.Tensor5D | undefined,
            });
            const { loss, parts } = objective.losses({ output, clean, noise, noisy, factors });
            const scalars: Record<string, tf.Scalar> = {};
            for (const [name, part] of Object.entries(parts)) scalars[name] = tf.mean(part);
            if (objective.needsItemLosses === true) Object.assign(scalars, perItemScalars(batch["timesteps"]!, loss));
            return { loss: tf.mean(tf.mul(loss, batch["weights"]!)) as tf.Scalar, scalars };
          });
        },
      },
    ],
    async prepare(items, { rng }) {
      const latents = sampleLatents(items, rng.fork("posterior"));
      const stills = items[0]?.stills?.length ?? 0;
      const control =
        controlMask === undefined ? {} : { control: drawControl(latents, stills, controlMask, rng.fork("control")) };
      const { timesteps, weights } = objective.drawTimesteps(items.length, rng.fork("timesteps"));
      const text = await encode(droppedCaptions(items, captionDropout, rng.fork("captions")), options);
      const factors: Record<string, tf.Tensor> = {};
      for (const [name, values] of Object.entries(objective.factors(timesteps))) {
        factors[`factor.${name}`] = tf.tensor1d(values);
      }
      return {
        latents,
        noise: rng.fork("noise").normal(latents.shape),
        timesteps: tf.tensor1d(timesteps),
        weights: tf.tensor1d(weights),
        stills: tf.zeros([stills]),
        ...control,
        ...factors,
        ...text,
      };
    },
  };
}

/** The captions of each item, or as many empty ones. */
export function droppedCaptions(
  items: readonly Pick<LatentItem, "captions">[],
  share: number,
  rng: Rng,
): readonly (readonly string[])[] {
  return items.map(({ captions }) => (rng.uniform() < share ? captions.map(() => "") : captions));
}

/** `[B, S, h, w, C]`: a draw from every item's posteriors, the video's frames first. */
export function sampleLatents(items: readonly LatentItem[], rng: Rng): LatentTensor {
  const [first] = items;
  if (first === undefined) throw new ConfigError("items is empty; a batch needs at least one example");
  const [, height, width, channels] = first.latents.shape;
  const slotShape = [height, width, channels];
  const slots = slotCount(first);
  const perItem = slots * sizeOf(slotShape);
  const values = new Float32Array(items.length * perItem);
  for (const [index, item] of items.entries()) {
    const parts = [item.latents, ...(item.stills ?? [])];
    const fits = parts.every((part) => part.shape.slice(1).join() === slotShape.join());
    if (!fits || slotCount(item) !== slots || (item.stills ?? []).some((still) => still.shape[0] !== 1)) {
      throw new ShapeError(
        `item ${item.id} has latents ${parts.map(({ shape }) => `[${shape.join(", ")}]`).join(" + ")} beside a batch of ${slots} slots of [${slotShape.join(", ")}]; batch items of one shape, stills of one frame`,
      );
    }
    let offset = index * perItem;
    for (const part of parts) {
      values.set(draw(part, rng), offset);
      offset += part.mean.length;
    }
  }
  return tf.tensor5d(values, [items.length, slots, height, width, channels]);
}

function slotCount(item: LatentItem): number {
  return item.latents.shape[0] + (item.stills?.length ?? 0);
}

function draw({ mean, logVariance }: LatentPosterior, rng: Rng): Float32Array {
  if (logVariance === undefined) return mean;
  return rng.normals(mean.length).map((z, i) => mean[i]! + Math.exp(logVariance[i]! / 2) * z);
}

async function encode(
  captions: readonly (readonly string[])[],
  { textEncoder, trainedTextEncoder }: TextToVideoTaskOptions,
): Promise<NamedTensors> {
  if (trainedTextEncoder !== undefined) return { ...trainedTextEncoder.tokenize(captions) };
  return { ...(await textEncoder!.encode(captions)) };
}

function conditionOf(batch: NamedTensors, trained: TrainableTextEncoder | undefined): TextCondition {
  const mask = batch["mask"] as tf.Tensor3D;
  if (trained === undefined) return { embeddings: batch["embeddings"] as tf.Tensor4D, mask };
  return { embeddings: trained.embed(batch["ids"] as tf.Tensor3D, mask), mask };
}

function noisedBatch(objective: Objective, batch: NamedTensors) {
  const clean = batch["latents"] as tf.Tensor5D;
  const noise = batch["noise"] as tf.Tensor5D;
  const factors: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(batch)) {
    if (name.startsWith("factor.")) factors[name.slice("factor.".length)] = tensor;
  }
  return { clean, noise, factors, noisy: objective.noised(clean, noise, factors) };
}

/** Timestep and loss of each batch item. */
function perItemScalars(timesteps: tf.Tensor, losses: tf.Tensor1D): Record<string, tf.Scalar> {
  const scalars: Record<string, tf.Scalar> = {};
  const at = (x: tf.Tensor, item: number) => tf.reshape(tf.slice(x, [item], [1]), []) as tf.Scalar;
  for (let item = 0; item < losses.size; item++) {
    scalars[itemScalars.timestep(item)] = at(timesteps, item);
    scalars[itemScalars.loss(item)] = at(losses, item);
  }
  return scalars;
}

function* trainedParameters(
  modules: Readonly<Record<string, Module>>,
): Generator<readonly [name: string, parameter: Parameter]> {
  for (const [name, module] of Object.entries(modules)) {
    for (const [path, parameter] of module.namedParameters(`${name}.`)) {
      if (parameter.trainable) yield [path, parameter];
    }
  }
}

function checkObjective(denoiser: Denoiser, objective: Objective): void {
  if (denoiser.predicts !== objective.predicts) {
    throw new ConfigError(
      `the denoiser predicts ${denoiser.predicts} but the objective trains ${objective.predicts}; set the model's prediction_type or the objective's predicts`,
    );
  }
  if (objective.learnsVariance !== undefined && denoiser.learnsVariance !== objective.learnsVariance) {
    throw new ConfigError(
      `the denoiser has ${denoiser.learnsVariance ? "" : "no "}outputs for a variance, which does not fit the objective; set the model's out_channels or the objective's variance`,
    );
  }
}
