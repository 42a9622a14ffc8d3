// LatteT2V: the text-to-video transformer of the reference (Ma et al., "Latte", arXiv 2401.03048, with PixArt's adaLN-single).
// B batch, S slots (video frames, then stills), h w C latents, P captions, M words, W text width, D model width.
import {
  ConfigError,
  type Denoiser,
  type DenoiserInput,
  Linear,
  Module,
  type NamedTensors,
  Parameter,
  type Rng,
  ShapeError,
  type TextCondition,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { checkControl, checkLatents, resetFinalLayer, runBackbone } from "./backbone.js";
import { type BlockText, SelfBlock, SpatialTextBlock } from "./blocks.js";
import { type LatteConfig, type LatteConfigInput, latteWidth, parseLatteConfig, predictionOf } from "./config.js";
import { loadLatteFolder, saveLatteFolder } from "./folder.js";
import { AdaLayerNormSingle, CaptionProjection } from "./layers.js";
import { PatchEmbed } from "./patches.js";

/** What the reference does that is kept only on request. */
export interface LatteCompat {
  /**
   * Joint batches go without the temporal position table, as in the reference's training without gradient checkpointing.
   * Default false: the table is always added, as in its training with checkpointing and in its sampling.
   */
  readonly omitJointTemporalTable?: boolean;
}

export interface LatteOptions {
  readonly compat?: LatteCompat;
  /** A model whose weights this one uses too, instead of its own. They must have the same shapes. */
  readonly shareWeightsOf?: LatteT2V;
  /**
   * Training keeps only the inputs of each block and computes the rest again in the backward pass: less memory for about a
   * third more time, the same gradients. Default false. A model that shares weights shares this too.
   */
  readonly recompute?: boolean;
}

/** What a checkpoint does not fix: the sizes that the position tables are computed for. */
export type LatteGeometry = Partial<Pick<LatteConfigInput, "sample_size" | "video_length">>;

/**
 * Denoises latents of videos, of single images (one frame, or nothing but stills) and of both at once. Its tables are
 * computed, so it runs at every size that its patches divide and at every number of frames.
 */
export class LatteT2V extends Module implements Denoiser {
  readonly scale_shift_table: Parameter;
  readonly pos_embed: PatchEmbed;
  readonly transformer_blocks: readonly SpatialTextBlock[];
  readonly temporal_transformer_blocks: readonly SelfBlock[];
  readonly proj_out: Linear;
  readonly adaln_single: AdaLayerNormSingle;
  readonly caption_projection: CaptionProjection;
  readonly #config: LatteConfig;
  readonly #compat: LatteCompat;
  readonly #borrowed: boolean;

  constructor(config: LatteConfigInput, options: LatteOptions = {}) {
    super();
    this.#config = parseLatteConfig(config);
    this.#compat = options.compat ?? {};
    const shared = options.shareWeightsOf;
    this.#borrowed = shared !== undefined;
    const { in_channels, out_channels, num_layers, patch_size: patch, caption_channels } = this.#config;
    const control = this.#config.control_channels;
    if (caption_channels === null) {
      throw new ShapeError("caption_channels is null; LatteT2V needs the width of the text, use Latte without one");
    }
    const width = latteWidth(this.#config);
    const { num_attention_heads: heads, norm_eps: epsilon } = this.#config;
    const block = { width, heads, epsilon, recompute: options.recompute ?? false };
    this.scale_shift_table = shared?.scale_shift_table ?? new Parameter([2, width]);
    this.pos_embed = shared?.pos_embed ?? new PatchEmbed({ channels: in_channels, width, patch, control });
    this.transformer_blocks =
      shared?.transformer_blocks ?? Array.from({ length: num_layers }, () => new SpatialTextBlock(block));
    this.temporal_transformer_blocks =
      shared?.temporal_transformer_blocks ?? Array.from({ length: num_layers }, () => new SelfBlock(block));
    this.proj_out = shared?.proj_out ?? new Linear({ in: width, out: patch * patch * out_channels });
    this.adaln_single = shared?.adaln_single ?? new AdaLayerNormSingle(width);
    this.caption_projection = shared?.caption_projection ?? new CaptionProjection({ in: caption_channels, width });
  }

  /** Reads `config.json` and the safetensors beside it; every name must match. Needs a file system. */
  static async fromPretrained(
    folder: string,
    options: LatteOptions & { readonly config?: LatteGeometry } = {},
  ): Promise<LatteT2V> {
    return loadLatteFolder(folder, (config) => new LatteT2V({ ...config, ...options.config }, options));
  }

  /** Writes `config.json` and `diffusion_pytorch_model.safetensors` into a folder that is whole or absent. */
  async savePretrained(folder: string): Promise<void> {
    await saveLatteFolder(folder, this, "LatteT2V");
  }

  get config(): LatteConfig {
    return this.#config;
  }

  get name(): string {
    return "LatteT2V";
  }

  get latentChannels(): number {
    return this.#config.in_channels;
  }

  /** Latents along a side of a patch: sizes must be multiples of it. */
  get patchSize(): number {
    return this.#config.patch_size;
  }

  get predicts(): Denoiser["predicts"] {
    return predictionOf(this.#config);
  }

  get learnsVariance(): boolean {
    return this.#config.out_channels === 2 * this.#config.in_channels;
  }

  /**
   * The same weights for clips of another length or size: a later training stage, or another format when sampling. Both
   * models use the same parameters; disposing the new one leaves them alone.
   */
  resized(geometry: LatteGeometry): LatteT2V {
    return new LatteT2V({ ...this.#config, ...geometry }, { compat: this.#compat, shareWeightsOf: this });
  }

  get controlChannels(): number {
    return this.#config.control_channels;
  }

  /**
   * A copy of the model that also reads a control, by default the known latents and their mask, see `controlOf`. Its new
   * weights are zero: until they are trained it computes what this one does.
   */
  widened(controlChannels = this.#config.in_channels + 1): LatteT2V {
    if (this.#config.control_channels > 0) {
      throw new ConfigError(`control_channels is ${this.#config.control_channels} already; use the model as it is`);
    }
    const wide = new LatteT2V({ ...this.#config, control_channels: controlChannels }, { compat: this.#compat });
    const targets = new Map(wide.namedParameters());
    for (const [name, { variable }] of this.namedParameters()) {
      if (!name.startsWith("pos_embed.")) targets.get(name)!.variable.assign(variable);
    }
    wide.pos_embed.copyFrom(this.pos_embed.proj, this.#config.in_channels);
    return wide;
  }

  /**
   * What the network makes of a text whatever the latents are: the projected text as keys and values of every layer. The
   * tensors depend on nothing else, so that a sampler computes them once for each prompt.
   */
  readCondition(condition: TextCondition): Record<string, tf.Tensor> {
    this.#checkCondition(condition);
    return tf.tidy(() => {
      const text = this.caption_projection.forward(condition.embeddings); // [B, P, M, D]
      const result: Record<string, tf.Tensor> = { bias: tf.mul(tf.sub(condition.mask, 1), 10000) };
      for (const [layer, block] of this.transformer_blocks.entries()) {
        const { keys, values } = block.attn2.keysValues(text);
        result[`keys.${layer}`] = keys;
        result[`values.${layer}`] = values;
      }
      return result;
    });
  }

  /** As `predict`, for a condition that `readCondition` has read. */
  predictRead(input: Omit<DenoiserInput, "condition">, read: NamedTensors): tf.Tensor5D {
    checkLatents(this.#config, input.latents, input.stills);
    checkControl(this.#config, input.latents, input.control);
    checkCaptions(read["bias"]!.shape, input.latents.shape, input.stills);
    return tf.tidy(() => {
      const modulation = this.adaln_single.forward(input.timesteps);
      return runBackbone(this, {
        ...input,
        modulation,
        spatial: (layer, x, frames) =>
          this.transformer_blocks[layer]!.forward(x, modulation.perBlock, textOf(read, layer), frames),
        addTemporalTable: input.stills === 0 || this.#compat.omitJointTemporalTable !== true,
      });
    });
  }

  /** `latents`: `[B, S, h, w, C]`; result `[B, S, h, w, out_channels]`. */
  predict(input: DenoiserInput): tf.Tensor5D {
    return tf.tidy(() => this.predictRead(input, this.readCondition(input.condition)));
  }

  override resetParameters(rng: Rng): void {
    resetFinalLayer(this, rng);
  }

  override dispose(): void {
    if (!this.#borrowed) super.dispose();
  }

  #checkCondition({ embeddings, mask }: TextCondition): void {
    const shape = `[${embeddings.shape.join(", ")}]`;
    const { caption_channels: width } = this.#config;
    if (embeddings.rank !== 4 || embeddings.shape[3] !== width) {
      throw new ShapeError(
        `condition.embeddings has shape ${shape}; this model needs [batch, captions, tokens, ${width}], from the text encoder it was trained with`,
      );
    }
    if (mask.rank !== 3 || mask.shape.some((size, axis) => size !== embeddings.shape[axis])) {
      throw new ShapeError(
        `condition.mask has shape [${mask.shape.join(", ")}] but the embeddings are ${shape}; pass [batch, captions, tokens]`,
      );
    }
  }
}

function textOf(read: NamedTensors, layer: number): BlockText {
  return {
    keys: read[`keys.${layer}`] as tf.Tensor4D,
    values: read[`values.${layer}`] as tf.Tensor4D,
    bias: read["bias"] as tf.Tensor3D,
  };
}

function checkCaptions(biasShape: readonly number[], latentShape: readonly number[], stills: number): void {
  const [batch, captions] = biasShape as [number, number];
  const needed = stills + (latentShape[1]! > stills ? 1 : 0);
  if (batch !== latentShape[0]) {
    throw new ShapeError(
      `condition has ${batch} batch items but the latents have ${latentShape[0]}; pass one for each`,
    );
  }
  if (captions !== 1 && captions !== needed) {
    throw new ShapeError(
      `condition has ${captions} captions for each item; pass 1 for all, or ${needed}: the video's, then one for each of the ${stills} stills`,
    );
  }
}
