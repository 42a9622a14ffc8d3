// The parts that the encoder and the decoder share.
import { Module } from "@noisereel/core";
import type { CausalVaeConfig } from "./config.js";
import { type Block, createAttention, createResnet, normalization } from "./members.js";
import type { AttentionName, ResnetName } from "./names.js";
import type { Past } from "./past.js";
import type * as tf from "@tensorflow/tfjs";

/** Runs clips through blocks. */
export type Step = (x: tf.Tensor5D) => tf.Tensor5D;

/** The blocks of one resolution and what leads to the next one. Fields that a level lacks are null. */
export class Level extends Module {
  readonly block: readonly Block[];
  /** One for each block, or none. */
  readonly attn: readonly Block[];
  readonly downsample: Block | null;
  readonly time_downsample: Block | null;
  readonly upsample: Block | null;
  readonly time_upsample: Block | null;

  constructor(options: {
    readonly config: CausalVaeConfig;
    readonly in: number;
    readonly out: number;
    readonly blocks: number;
    readonly resnet: ResnetName;
    /** Null for none. */
    readonly attention: AttentionName | null;
    readonly downsample?: Block | null;
    readonly timeDownsample?: Block | null;
    readonly upsample?: Block | null;
    readonly timeUpsample?: Block | null;
  }) {
    super();
    const { config, out, blocks, resnet, attention } = options;
    const normalize = normalization(config);
    this.block = Array.from({ length: blocks }, (_, index) =>
      createResnet(resnet, { in: index === 0 ? options.in : out, out, normalize }),
    );
    this.attn = attention === null ? [] : this.block.map(() => createAttention(attention, out, config));
    this.downsample = options.downsample ?? null;
    this.time_downsample = options.timeDownsample ?? null;
    this.upsample = options.upsample ?? null;
    this.time_upsample = options.timeUpsample ?? null;
  }

  /** The blocks in the order in which they run, space before time. */
  steps(past: Past): readonly Step[] {
    const inner = this.block.flatMap((block, index) => [block, this.attn[index] ?? null]);
    const all = [...inner, this.downsample, this.time_downsample, this.upsample, this.time_upsample];
    return all.flatMap((block) => (block === null ? [] : [(x: tf.Tensor5D) => block.forward(x, past)]));
  }
}

/** The middle of both networks: a residual block, attention, a residual block. */
export class Middle extends Module {
  readonly block_1: Block;
  readonly attn_1: Block;
  readonly block_2: Block;

  constructor(options: {
    readonly config: CausalVaeConfig;
    readonly channels: number;
    readonly resnet: ResnetName;
    readonly attention: AttentionName;
  }) {
    super();
    const { channels, config } = options;
    const resnet = () =>
      createResnet(options.resnet, { in: channels, out: channels, normalize: normalization(config) });
    this.block_1 = resnet();
    this.attn_1 = createAttention(options.attention, channels, config);
    this.block_2 = resnet();
  }

  steps(past: Past): readonly Step[] {
    return [this.block_1, this.attn_1, this.block_2].map((block) => (x: tf.Tensor5D) => block.forward(x, past));
  }
}
