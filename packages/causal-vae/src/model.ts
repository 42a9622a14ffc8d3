// The causal video VAE: 4 x 8 x 8 compression in which the first frame is an image by itself.
import {
  type CallOptions,
  type LatentTensor,
  type MaybePromise,
  Module,
  type Rng,
  type Stride,
  type VideoAutoencoder,
  type VideoTensor,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { type CausalVaeConfig, type CausalVaeConfigInput, isCausal, parseConfig } from "./config.js";
import { Decoder } from "./decoder.js";
import { Encoder } from "./encoder.js";
import { type Block, createConvolution } from "./members.js";
import { type ClipSize, workingBytes } from "./memory.js";
import { type Past, wholeClip } from "./past.js";
import { type Posterior, posterior, scaledLatents } from "./posterior.js";
import { type PretrainedOptions, readPretrained } from "./pretrained.js";
import { checkLatentShape, checkVideoShape } from "./shape.js";

/** An autoencoder that also gives what it predicts before sampling and scaling: what tiling and caching work on. */
export interface MomentsAutoencoder extends VideoAutoencoder {
  /** Factor from posterior samples to latents. */
  readonly latentScale: number;
  /** Mean and raw log variance of a clip `[B, T, H, W, 3]` of any size: `[B, T', H', W', 2 * latentChannels]`. */
  moments(video: VideoTensor, options?: CallOptions): MaybePromise<tf.Tensor5D>;
  /** Pixels of unscaled latents. */
  decodeLatents(latents: tf.Tensor5D, options?: CallOptions): MaybePromise<VideoTensor>;
  /** Estimated bytes of the activations for one clip of this size, in pixels. */
  workingBytes(size: ClipSize): { readonly encode: number; readonly decode: number };
}

export class CausalVae extends Module implements MomentsAutoencoder {
  readonly name = "causal-vae";
  readonly config: CausalVaeConfig;
  readonly latentChannels: number;
  readonly latentScale: number;
  readonly stride: Stride;
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  readonly quant_conv: Block;
  readonly post_quant_conv: Block;

  /** Allocates; `initialize(vae, rng)` draws first weights, `loadStateDict` or `fromPretrained` load some. */
  constructor(config: CausalVaeConfigInput) {
    super();
    this.config = parseConfig(config);
    const { q_conv, z_channels, embed_dim } = this.config;
    this.latentChannels = embed_dim;
    this.latentScale = this.config.latent_scale;
    this.stride = strideOf(this.config);
    this.encoder = new Encoder(this.config);
    this.decoder = new Decoder(this.config);
    this.quant_conv = createConvolution(q_conv, { in: 2 * z_channels, out: 2 * embed_dim }, 1);
    this.post_quant_conv = createConvolution(q_conv, { in: embed_dim, out: z_channels }, 1);
  }

  /**
   * Loads a folder with `config.json` and weights (`diffusion_pytorch_model.safetensors` or `model.safetensors`, whole
   * or in shards; `.bin`; a Lightning `.ckpt`), or a file of weights (`.safetensors`, `.ckpt`, `.pt`) with `config.json`
   * beside it. `loss.*` is ignored, every other name must fit, every value must be finite. Nothing in a pickle is run.
   * Throws `ConfigError` or `CheckpointError`.
   */
  static async fromPretrained(source: string, options: PretrainedOptions = {}): Promise<CausalVae> {
    const { config, weights } = await readPretrained(source, options);
    const vae = new CausalVae(config);
    try {
      vae.loadStateDict(weights);
      return vae;
    } catch (error) {
      vae.dispose();
      throw error;
    }
  }

  /** True when no output depends on a later frame. */
  get causal(): boolean {
    return isCausal(this.config);
  }

  /**
   * Mean and raw log variance: `[B, T, H, W, 3]` to `[B, T', H', W', 2 * latentChannels]`. Any size is taken; what does
   * not fill a latent is dropped. Runs inside gradients and traces.
   */
  moments(video: VideoTensor): tf.Tensor5D {
    return this.momentsOfPiece(video, wholeClip);
  }

  /** `moments` of a piece of a clip, given what lies before it. */
  momentsOfPiece(video: VideoTensor, past: Past): tf.Tensor5D {
    return tf.tidy(() => this.quant_conv.forward(this.encoder.forward(video, past), past));
  }

  /** The distribution that `moments` describe. */
  posterior(moments: tf.Tensor5D): Posterior {
    return posterior(moments);
  }

  /** Pixels of unscaled latents: `[B, T', H', W', latentChannels]` to `[B, T, H, W, 3]`. Runs inside gradients and traces. */
  decodeLatents(latents: tf.Tensor5D): VideoTensor {
    return this.decodePiece(latents, wholeClip);
  }

  /** `decodeLatents` of a piece of a clip, given what lies before it. */
  decodePiece(latents: tf.Tensor5D, past: Past): VideoTensor {
    return tf.tidy(() => this.decoder.forward(this.post_quant_conv.forward(latents, past), past));
  }

  workingBytes(size: ClipSize): { readonly encode: number; readonly decode: number } {
    return workingBytes(this.config, size);
  }

  /** Scaled latents of a clip of legal size: the mean, or one sample when `rng` is given. */
  encode(video: VideoTensor, options: CallOptions & { readonly rng?: Rng } = {}): LatentTensor {
    checkVideoShape(video.shape, this.stride);
    options.signal?.throwIfAborted();
    return tf.tidy(() => scaledLatents(this.moments(video), this.latentScale, options.rng));
  }

  /** Pixels of scaled latents, not clamped. */
  decode(latents: LatentTensor, options: CallOptions = {}): VideoTensor {
    checkLatentShape(latents.shape, this.latentChannels);
    options.signal?.throwIfAborted();
    return tf.tidy(() => this.decodeLatents(tf.div(latents, this.latentScale)));
  }
}

/** Pixels per latent of a configuration. */
export function strideOf(config: CausalVaeConfig): Stride {
  const halvings = (names: readonly string[]): number => 2 ** names.filter((name) => name !== "").length;
  const space = halvings(config.encoder_spatial_downsample);
  return { time: halvings(config.encoder_temporal_downsample), height: space, width: space };
}
