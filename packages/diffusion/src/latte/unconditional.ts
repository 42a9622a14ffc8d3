// Latte without text: unconditional, or told a class. B batch, S slots (video frames, then stills), h w C latents, P captions.
import {
  ConfigError,
  type Denoiser,
  type DenoiserInput,
  drawNormal,
  Embedding,
  Linear,
  Module,
  Parameter,
  type Rng,
  ShapeError,
  type TextCondition,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { checkLatents, resetFinalLayer, runBackbone } from "./backbone.js";
import { SelfBlock } from "./blocks.js";
import { type LatteConfig, type LatteConfigInput, latteWidth, parseLatteConfig, predictionOf } from "./config.js";
import { loadLatteFolder, saveLatteFolder } from "./folder.js";
import { AdaLayerNormSingle } from "./layers.js";
import type { LatteOptions } from "./model.js";
import { PatchEmbed } from "./patches.js";

/** Standard deviation of the class embeddings at first. */
const classDeviation = 0.02;

/**
 * The same transformer with self-attention and MLP in both kinds of block. With `num_classes` in its configuration, a row
 * of a table is added to the embedded timestep; the last row, `num_classes`, means no class. Which row is a one-hot
 * "text", made by `classLabels`, so that guidance and caption dropout work as they do with captions.
 */
export class Latte extends Module implements Denoiser {
  readonly scale_shift_table: Parameter;
  readonly pos_embed: PatchEmbed;
  readonly transformer_blocks: readonly SelfBlock[];
  readonly temporal_transformer_blocks: readonly SelfBlock[];
  readonly proj_out: Linear;
  readonly adaln_single: AdaLayerNormSingle;
  readonly class_embedding: Embedding | null;
  readonly #config: LatteConfig;

  constructor(config: LatteConfigInput, options: Pick<LatteOptions, "recompute"> = {}) {
    super();
    this.#config = parseLatteConfig(config);
    const { in_channels, out_channels, num_layers, patch_size: patch, caption_channels, num_classes } = this.#config;
    if (caption_channels !== null) {
      throw new ConfigError(`caption_channels is ${caption_channels}; Latte reads no text: use null, or LatteT2V`);
    }
    if (this.#config.control_channels > 0) {
      throw new ConfigError(
        `control_channels is ${this.#config.control_channels}; Latte reads no control: use 0, or LatteT2V`,
      );
    }
    const width = latteWidth(this.#config);
    const { num_attention_heads: heads, norm_eps: epsilon } = this.#config;
    const block = { width, heads, epsilon, recompute: options.recompute ?? false };
    this.scale_shift_table = new Parameter([2, width]);
    this.pos_embed = new PatchEmbed({ channels: in_channels, width, patch });
    this.transformer_blocks = Array.from({ length: num_layers }, () => new SelfBlock(block));
    this.temporal_transformer_blocks = Array.from({ length: num_layers }, () => new SelfBlock(block));
    this.proj_out = new Linear({ in: width, out: patch * patch * out_channels });
    this.adaln_single = new AdaLayerNormSingle(width);
    this.class_embedding = num_classes === null ? null : new Embedding({ rows: num_classes + 1, width });
  }

  /** Reads `config.json` and the safetensors beside it; every name must match. Needs a file system. */
  static fromPretrained(folder: string): Promise<Latte> {
    return loadLatteFolder(folder, (config) => new Latte(config));
  }

  /** Writes `config.json` and `diffusion_pytorch_model.safetensors` into a folder that is whole or absent. */
  async savePretrained(folder: string): Promise<void> {
    await saveLatteFolder(folder, this, "Latte");
  }

  get config(): LatteConfig {
    return this.#config;
  }

  get name(): string {
    return "Latte";
  }

  get latentChannels(): number {
    return this.#config.in_channels;
  }

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
   * `latents`: `[B, S, h, w, C]`; result `[B, S, h, w, out_channels]`. Without classes the condition is not looked at; with
   * them, the first caption of each item holds its class.
   */
  predict(input: DenoiserInput): tf.Tensor5D {
    checkLatents(this.#config, input.latents, input.stills);
    return tf.tidy(() => {
      const modulation = this.adaln_single.forward(input.timesteps, this.#classVector(input.condition));
      return runBackbone(this, {
        ...input,
        modulation,
        spatial: (layer, x) => this.transformer_blocks[layer]!.forward(x, modulation.perBlock, "frame"),
        addTemporalTable: true,
      });
    });
  }

  override resetParameters(rng: Rng): void {
    resetFinalLayer(this, rng.fork("final"));
    if (this.class_embedding !== null) drawNormal(this.class_embedding.weight, classDeviation, rng.fork("classes"));
  }

  /** `[B, D]`. */
  #classVector({ embeddings }: TextCondition): tf.Tensor2D | undefined {
    if (this.class_embedding === null) return undefined;
    const table = this.class_embedding.weight.variable as tf.Tensor2D; // [classes + 1, D]
    const [batch, , , width] = embeddings.shape;
    if (width !== table.shape[0]) {
      throw new ShapeError(
        `condition.embeddings has width ${width} but the model tells ${table.shape[0]} classes apart, no class included; encode the labels with classLabels`,
      );
    }
    const oneHot = tf.reshape(tf.slice(embeddings, [0, 0, 0, 0], [batch, 1, 1, width]), [batch, width]);
    return tf.matMul(oneHot, table);
  }
}
