// A look at latents without the decoder: one linear map from a latent to a colour, fitted to what the decoder makes of it.
import { ConfigError, type LatentTensor, type VideoAutoencoder, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { solveLinear } from "./solve-linear.js";

/** Numbers of a preview: JSON beside the weights of the autoencoder that they belong to. */
export interface PreviewWeights {
  /** `[C][3]`: what one unit of each latent channel adds to red, green and blue. */
  readonly weights: readonly (readonly number[])[];
  /** `[3]`. */
  readonly bias: readonly number[];
  /** Share of the variance of the decoder's pixels, averaged to the size of latents, that the map explains: 1 is all. */
  readonly explained: number;
}

export interface LatentPreview extends PreviewWeights {
  /** `[B, t, h, w, C]` to pixels `[B, t, h, w, 3]` in [-1, 1]: one pixel for each latent. The caller owns them. */
  project(latents: LatentTensor): VideoTensor;
}

export interface FitPreviewOptions {
  /** Clean latents, `[B, t, h, w, C]`: encoded clips like those to be made. A few dozen frames are enough. Borrowed. */
  readonly latents: Iterable<LatentTensor> | AsyncIterable<LatentTensor>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fits the map by least squares to the autoencoder's own decoder. Pixels are averaged over the cell of their latent; in time, a
 * causal autoencoder's first latent stands for one frame and each other one for `stride.time`.
 */
export async function fitPreview(vae: VideoAutoencoder, options: FitPreviewOptions): Promise<LatentPreview> {
  const features = vae.latentChannels + 1;
  const products = Array.from({ length: features }, () => new Float64Array(features));
  const targets = Array.from({ length: features }, () => new Float64Array(3));
  const squares = new Float64Array(3);
  let count = 0;
  for await (const latents of options.latents) {
    options.signal?.throwIfAborted();
    const pixels = await vae.decode(latents, { signal: options.signal });
    const cells = tf.tidy(() => averaged(pixels, latents.shape, vae));
    try {
      const [z, rgb] = await Promise.all([latents.data(), cells.data()]);
      for (let cell = 0; cell < rgb.length / 3; cell++) {
        const row = [...z.subarray(cell * vae.latentChannels, (cell + 1) * vae.latentChannels), 1];
        for (let color = 0; color < 3; color++) squares[color]! += rgb[cell * 3 + color]! ** 2;
        for (let i = 0; i < features; i++) {
          for (let j = 0; j < features; j++) products[i]![j]! += row[i]! * row[j]!;
          for (let color = 0; color < 3; color++) targets[i]![color]! += row[i]! * rgb[cell * 3 + color]!;
        }
      }
      count += rgb.length / 3;
    } finally {
      tf.dispose([pixels, cells]);
    }
  }
  if (count <= features) {
    throw new ConfigError(`latents hold ${count} positions; a preview needs more than ${features}, pass encoded clips`);
  }
  // A little of the identity keeps a channel that never changes from making the equations singular.
  const system = products.map((row, i) => Array.from(row, (value, j) => value + (i === j ? 1e-6 * count : 0)));
  const columns = [0, 1, 2].map((color) =>
    solveLinear(
      system,
      targets.map((target) => target[color]!),
    ),
  );
  let [spread, kept] = [0, 0];
  for (const [color, column] of columns.entries()) {
    const mean = targets[features - 1]![color]! / count;
    const variance = squares[color]! / count - mean ** 2;
    const agreeing = column.reduce((sum, value, i) => sum + value * targets[i]![color]!, 0);
    const quadratic = column.reduce(
      (sum, a, i) => sum + column.reduce((inner, b, j) => inner + a * b * products[i]![j]!, 0),
      0,
    );
    spread += variance;
    kept += variance - (squares[color]! - 2 * agreeing + quadratic) / count;
  }
  return linearPreview({
    weights: Array.from({ length: features - 1 }, (_, channel) => columns.map((column) => column[channel]!)),
    bias: columns.map((column) => column[features - 1]!),
    explained: spread === 0 ? 1 : kept / spread,
  });
}

/** A preview of fitted numbers, e.g. read from a file. */
export function linearPreview({ weights, bias, explained }: PreviewWeights): LatentPreview {
  if (weights.length === 0 || weights.some((row) => row.length !== 3) || bias.length !== 3) {
    throw new ConfigError("weights must be [channels][3] and bias [3]; fit them with fitPreview");
  }
  return {
    weights,
    bias,
    explained,
    project: (latents) =>
      tf.tidy(() => {
        const [batch, frames, height, width, channels] = latents.shape;
        if (channels !== weights.length) {
          throw new ConfigError(
            `latents have ${channels} channels but the preview was fitted to ${weights.length}; fit one for this autoencoder`,
          );
        }
        const map = tf.tensor2d(weights.map((row) => [...row]));
        const colors = tf.add(tf.matMul(tf.reshape(latents, [-1, channels]), map), tf.tensor1d([...bias]));
        return tf.reshape(tf.clipByValue(colors, -1, 1), [batch, frames, height, width, 3]);
      }),
  };
}

/** `[B, T, H, W, 3]` to `[B, t, h, w, 3]`. */
function averaged(pixels: VideoTensor, shape: readonly number[], { stride }: VideoAutoencoder): tf.Tensor5D {
  const [batch, frames, height, width] = shape as [number, number, number, number, number];
  const inTime = pixels.shape[1];
  const [rows, columns] = [pixels.shape[2] / height, pixels.shape[3] / width];
  const byRow = tf.mean(tf.reshape(pixels, [batch * inTime * height, rows, width * columns * 3]), 1);
  const cells = tf.mean(tf.reshape(byRow, [batch * inTime * height * width, columns, 3]), 1);
  const slots = tf.reshape(cells, [batch, inTime, height * width * 3]) as tf.Tensor3D;
  if (frames === 1 || inTime === frames) return tf.reshape(slots, [batch, frames, height, width, 3]);
  const [first, rest] = tf.split(slots, [1, inTime - 1], 1) as [tf.Tensor3D, tf.Tensor3D];
  const groups = tf.mean(tf.reshape(rest, [batch, frames - 1, stride.time, height * width * 3]), 2) as tf.Tensor3D;
  return tf.reshape(tf.concat([first, groups], 1), [batch, frames, height, width, 3]);
}
