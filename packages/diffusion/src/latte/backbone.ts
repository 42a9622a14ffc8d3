// What every Latte does around its blocks: tokens in, layers, latents out.
import { layerNorm, type LatentTensor, Parameter, ShapeError, type Rng, fillWith, Linear } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { SelfBlock } from "./blocks.js";
import { latteWidth, type LatteConfig } from "./config.js";
import type { Modulation } from "./layers.js";
import { type PatchEmbed, unpatchify } from "./patches.js";
import { spatialTable, temporalTable } from "./positions.js";

/** The parts of a Latte that `runBackbone` reads. */
export interface BackboneParts {
  readonly config: LatteConfig;
  readonly scale_shift_table: Parameter;
  readonly pos_embed: PatchEmbed;
  readonly temporal_transformer_blocks: readonly SelfBlock[];
  readonly proj_out: Linear;
}

export interface BackboneInput {
  /** `[B, S, h, w, C]`; the last `stills` slots are independent images. */
  readonly latents: LatentTensor;
  readonly stills: number;
  /** `[B, S, h, w, control_channels]`; zeros when left out. */
  readonly control?: tf.Tensor5D | undefined;
  readonly modulation: Modulation;
  /** The spatial block of a layer. `x`: `[B, S, N, D]`; `frames`: how many slots are the video's. */
  readonly spatial: (layer: number, x: tf.Tensor4D, frames: number) => tf.Tensor4D;
  /** False reproduces a slip of the reference, see `LatteCompat`. */
  readonly addTemporalTable: boolean;
}

/** `[B, S, h, w, out_channels]`. */
export function runBackbone(parts: BackboneParts, input: BackboneInput): tf.Tensor5D {
  const { config } = parts;
  return tf.tidy(() => {
    const { latents, modulation, stills } = input;
    const [, slots, height, width] = latents.shape;
    const grid: [number, number] = [height / config.patch_size, width / config.patch_size];
    const frames = slots - stills;
    const inTime = runsInTime(config, frames);
    let x = embed(parts, withControl(config, latents, input.control), grid); // [B, S, N, D]
    for (const [layer, temporal] of parts.temporal_transformer_blocks.entries()) {
      x = input.spatial(layer, x, frames);
      if (!inTime) continue;
      x = onVideo(x, frames, (video) => {
        const placed = layer === 0 && input.addTemporalTable ? addTemporal(config, video) : video;
        return temporal.forward(placed, modulation.perBlock, "time");
      });
    }
    return finish(parts, x, modulation.embedded, grid);
  });
}

/** `[B, S, h, w, C + control_channels]`. */
function withControl(config: LatteConfig, latents: LatentTensor, control: tf.Tensor5D | undefined): tf.Tensor5D {
  const { control_channels: channels } = config;
  if (channels === 0) return latents;
  const [batch, slots, height, width] = latents.shape;
  return tf.concat([latents, control ?? tf.zeros([batch, slots, height, width, channels])], 4);
}

/**
 * A single frame is an image and skips the temporal blocks, as images do in joint training. Only a model whose videos have
 * one frame runs them on it.
 */
function runsInTime(config: LatteConfig, frames: number): boolean {
  return frames > 1 || (frames === 1 && config.video_length === 1);
}

function embed(parts: BackboneParts, latents: tf.Tensor5D, grid: readonly [number, number]): tf.Tensor4D {
  const { config } = parts;
  const width = latteWidth(config);
  const table = spatialTable({ grid, sampleSize: config.sample_size, patch: config.patch_size, width });
  return parts.pos_embed.forward(latents, tf.tensor2d(table, [grid[0] * grid[1], width]));
}

function addTemporal(config: LatteConfig, video: tf.Tensor4D): tf.Tensor4D {
  const [, frames, , width] = video.shape;
  const table = temporalTable({ frames, videoLength: config.video_length, width });
  return tf.add(video, tf.tensor(table, [1, frames, 1, width]));
}

/** Runs `block` on the video's slots and hands the stills around it. */
function onVideo(x: tf.Tensor4D, frames: number, block: (video: tf.Tensor4D) => tf.Tensor4D): tf.Tensor4D {
  const stills = x.shape[1] - frames;
  if (stills === 0) return block(x);
  const [video, images] = tf.split(x, [frames, stills], 1) as [tf.Tensor4D, tf.Tensor4D];
  return tf.concat([block(video), images], 1);
}

function finish(
  parts: BackboneParts,
  x: tf.Tensor4D, // [B, S, N, D]
  embedded: tf.Tensor2D, // [B, D]
  grid: readonly [number, number],
): tf.Tensor5D {
  const { config } = parts;
  const affine = tf.add(parts.scale_shift_table.variable, tf.expandDims(embedded, 1)); // [B, 2, D]
  const [shift, scale] = tf.split(tf.expandDims(affine, 1) as tf.Tensor4D, 2, 2); // each [B, 1, 1, D]
  const normalised = layerNorm(x, config.norm_eps);
  const modulated = tf.add(tf.mul(normalised, tf.add(scale!, 1)), shift!);
  const tokens = parts.proj_out.forward(modulated) as tf.Tensor4D; // [B, S, N, p * p * out_channels]
  return unpatchify(tokens, { rows: grid[0], columns: grid[1], patch: config.patch_size });
}

/** The final layer starts at zero: a model trained from scratch first predicts nothing. */
export function resetFinalLayer(
  parts: { readonly scale_shift_table: Parameter; readonly proj_out: Linear },
  rng: Rng,
): void {
  const width = parts.scale_shift_table.shape[1]!;
  parts.scale_shift_table.assign(rng.normals(2 * width).map((value) => value / Math.sqrt(width)));
  fillWith(parts.proj_out.weight, 0);
  if (parts.proj_out.bias !== null) fillWith(parts.proj_out.bias, 0);
}

/** Throws `ShapeError` unless the control fits the model and the latents. */
export function checkControl(config: LatteConfig, latents: tf.Tensor, control: tf.Tensor | undefined): void {
  if (control === undefined) return;
  const { control_channels: channels } = config;
  if (channels === 0) {
    throw new ShapeError("there is a control but the model's control_channels is 0; widen it with model.widened()");
  }
  const expected = [...latents.shape.slice(0, 4), channels];
  if (control.shape.join() !== expected.join()) {
    throw new ShapeError(
      `control has shape [${control.shape.join(", ")}] but the latents and control_channels ask for [${expected.join(", ")}]; make it with controlOf`,
    );
  }
}

/** Throws `ShapeError` unless `latents` fit the model. */
export function checkLatents(config: LatteConfig, latents: tf.Tensor, stills: number): void {
  const shape = `[${latents.shape.join(", ")}]`;
  if (latents.rank !== 5) {
    throw new ShapeError(`latents have shape ${shape}; pass [batch, time, height, width, channels]`);
  }
  const [, slots, height, width, channels] = latents.shape as [number, number, number, number, number];
  if (channels !== config.in_channels) {
    throw new ShapeError(
      `latents have ${channels} channels (shape ${shape}) but the model has in_channels ${config.in_channels}; pass latents of its autoencoder, channels last`,
    );
  }
  if (height % config.patch_size !== 0 || width % config.patch_size !== 0) {
    throw new ShapeError(
      `latents are ${height} x ${width} but patches are ${config.patch_size} x ${config.patch_size}; use multiples of ${config.patch_size}`,
    );
  }
  if (!Number.isInteger(stills) || stills < 0 || stills > slots) {
    throw new ShapeError(`stills is ${stills} but the latents have ${slots} time slots; use 0 to ${slots}`);
  }
}
