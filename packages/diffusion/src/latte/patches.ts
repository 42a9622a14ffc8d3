// Latents to tokens and back. B batch, S frames and stills, h w latents, gh gw patches, N = gh * gw tokens, p patch side.
import { Conv2d, Module, type Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** A linear map of p x p patches, stored as the reference's convolution. */
export class PatchEmbed extends Module {
  readonly proj: Conv2d;
  readonly #patch: number;
  readonly #control: number;

  constructor(options: {
    readonly channels: number;
    readonly width: number;
    readonly patch: number;
    /** Channels after the latents' that say what is known of them. Default 0. */
    readonly control?: number;
  }) {
    super();
    const { channels, width, patch, control = 0 } = options;
    this.proj = new Conv2d({ in: channels + control, out: width, kernel: [patch, patch], stride: [patch, patch] });
    this.#patch = patch;
    this.#control = control;
  }

  /**
   * `latents`: `[B, S, h, w, C]`, control channels included; `table`: `[N, D]`, added to every frame; result `[B, S, N, D]`, tokens row by row.
   * The strided convolution is written as a product of matrices, which every backend does fast.
   */
  forward(latents: tf.Tensor5D, table: tf.Tensor2D): tf.Tensor4D {
    return tf.tidy(() => {
      const [batch, slots, height, width, channels] = latents.shape;
      const patch = this.#patch;
      const [rows, columns] = [height / patch, width / patch];
      const strips = tf.reshape(latents, [batch * slots * rows, patch, columns, patch * channels]);
      const patches = tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [-1, patch * patch * channels]); // (dy, dx, c)
      const weight = tf.reshape(this.proj.weight.variable, [patch * patch * channels, -1]) as tf.Tensor2D;
      const tokens = tf.add(tf.matMul(patches as tf.Tensor2D, weight), this.proj.bias!.variable);
      const model = weight.shape[1];
      return tf.add(tf.reshape(tokens, [batch, slots, rows * columns, model]), table) as tf.Tensor4D;
    });
  }

  /** The control starts without influence. */
  override resetParameters(_rng: Rng): void {
    if (this.#control > 0) this.copyFrom(this.proj, this.proj.weight.shape[2]! - this.#control);
  }

  /** Takes the weights of the first `channels` input channels from a narrower projection, and zeros for the others. */
  copyFrom(source: Conv2d, channels: number): void {
    const [rows, columns, wide, width] = this.proj.weight.shape as [number, number, number, number];
    tf.tidy(() => {
      const known = tf.slice(source.weight.variable as tf.Tensor4D, [0, 0, 0, 0], [rows, columns, channels, width]);
      this.proj.weight.variable.assign(tf.concat([known, tf.zeros([rows, columns, wide - channels, width])], 2));
      if (source !== this.proj) this.proj.bias!.variable.assign(source.bias!.variable);
    });
  }
}

/** `tokens`: `[B, S, N, p * p * C]`, channels fastest; result `[B, S, h, w, C]`. */
export function unpatchify(
  tokens: tf.Tensor4D,
  options: { readonly rows: number; readonly columns: number; readonly patch: number },
): tf.Tensor5D {
  return tf.tidy(() => {
    const { rows, columns, patch } = options;
    const [batch, slots, , values] = tokens.shape;
    const channels = values / patch ** 2;
    const byPatch = tf.reshape(tokens, [batch * slots * rows, columns, patch, patch * channels]);
    const strips = tf.transpose(byPatch, [0, 2, 1, 3]); // [B*S*gh, p, gw, p*C]
    return tf.reshape(strips, [batch, slots, rows * patch, columns * patch, channels]);
  });
}
