// What is known of a clip, as a denoiser reads it beside the noisy latents. B batch, S slots, h w C latents.
import { ConfigError, type LatentTensor, ShapeError, type VideoAutoencoder, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/**
 * The control of `LatteT2V`: the mask, then the known latents with zeros where nothing is known.
 *
 * @param known `[B, S, h, w, C]`, clean latents; what they hold where the mask is 0 does not matter.
 * @param mask `[B, S, h, w, 1]`, 1 where the latents are known, 0 elsewhere.
 * @returns `[B, S, h, w, 1 + C]`; the caller owns it.
 */
export function controlOf(known: LatentTensor, mask: tf.Tensor5D): tf.Tensor5D {
  const expected = [...known.shape.slice(0, 4), 1];
  if (mask.shape.join() !== expected.join()) {
    throw new ShapeError(
      `mask has shape [${mask.shape.join(", ")}] but the latents ask for [${expected.join(", ")}]; give every latent one number`,
    );
  }
  // Where, not a product: what is unknown may hold anything, NaN too.
  return tf.tidy(() =>
    tf.concat([mask, tf.where(tf.cast(mask, "bool"), known, tf.zerosLike(known))] as tf.Tensor5D[], 4),
  );
}

/** Pixels that a new clip has to agree with. */
export interface KnownVideo {
  /**
   * `[B, T, H, W, 3]` in [-1, 1], B 1 or as many as there are prompts: the first `1 + stride.time * k` frames of the clip. One
   * frame makes image to video, some make a continuation, all of them with a mask in-painting.
   */
  readonly video: VideoTensor;
  /** `[B, T, H, W, 1]`: 1 where the pixels are known. Default everywhere. A latent is known when all of its pixels are. */
  readonly mask?: tf.Tensor5D;
}

export interface KnownControlOptions {
  readonly vae: VideoAutoencoder;
  /** Of the latents to be made, `[B, S, h, w]`. */
  readonly shape: readonly [batch: number, slots: number, height: number, width: number];
  readonly signal?: AbortSignal | undefined;
}

/** Encodes what is known, `[B, S, h, w, 1 + C]`; unknown pixels are grey to the autoencoder. The caller owns it. */
export async function knownControl(known: KnownVideo, options: KnownControlOptions): Promise<tf.Tensor5D> {
  const { vae, shape, signal } = options;
  const [batch, slots, height, width] = shape;
  const frames = checkKnown(known, options);
  const visible = known.mask === undefined ? known.video : (tf.mul(known.video, known.mask) as VideoTensor);
  let latents: LatentTensor | undefined;
  try {
    latents = await vae.encode(visible, { signal });
    const encoded = latents;
    return tf.tidy(() => {
      const mask = known.mask === undefined ? tf.ones([...encoded.shape.slice(0, 4), 1]) : latentMask(known.mask, vae);
      const whole = (x: tf.Tensor5D): tf.Tensor5D => {
        const rest = tf.zeros<tf.Rank.R5>([x.shape[0], slots - frames, height, width, x.shape[4]]);
        const longer = frames === slots ? x : tf.concat([x, rest], 1);
        return longer.shape[0] === batch ? longer : tf.concat(Array.from({ length: batch }, () => longer));
      };
      return controlOf(whole(encoded), whole(mask as tf.Tensor5D));
    });
  } finally {
    latents?.dispose();
    if (visible !== known.video) visible.dispose();
  }
}

/** The known frames' latent slots. */
function checkKnown({ video, mask }: KnownVideo, { vae, shape }: KnownControlOptions): number {
  const [batch, slots, height, width] = shape;
  const { stride } = vae;
  const [found, frames, rows, columns] = video.shape;
  const most = 1 + (slots - 1) * stride.time;
  if ((frames - 1) % stride.time !== 0 || frames > most) {
    throw new ShapeError(
      `known.video has ${frames} frames; give ${stride.time}n + 1 of them, at most the clip's ${most}`,
    );
  }
  if (rows !== height * stride.height || columns !== width * stride.width) {
    throw new ShapeError(
      `known.video is ${rows} x ${columns} but the clip ${height * stride.height} x ${width * stride.width}; resize it`,
    );
  }
  if (found !== batch && found !== 1) {
    throw new ShapeError(`known.video has ${found} batch items for ${batch} prompts; give 1 or ${batch}`);
  }
  if (mask !== undefined && mask.shape.join() !== [...video.shape.slice(0, 4), 1].join()) {
    throw new ConfigError(
      `known.mask has shape [${mask.shape.join(", ")}] beside a video of [${video.shape.join(", ")}]; give each pixel one number`,
    );
  }
  return 1 + (frames - 1) / stride.time;
}

/** `[B, T, H, W, 1]` to `[B, t, h, w, 1]`: the smallest value among each latent's pixels, frame 0 on its own. */
function latentMask(mask: tf.Tensor5D, { stride }: VideoAutoencoder): tf.Tensor5D {
  const [batch, frames, rows, columns] = mask.shape;
  const [height, width] = [rows / stride.height, columns / stride.width];
  const cells = tf.reshape(mask, [batch * frames * height, stride.height, width, stride.width]);
  const inSpace = tf.reshape(tf.min(cells, [1, 3]), [batch, frames, height * width]);
  const [first, rest] = tf.split(inSpace, [1, frames - 1], 1) as [tf.Tensor3D, tf.Tensor3D];
  const groups = tf.reshape(rest, [batch, (frames - 1) / stride.time, stride.time, height * width]);
  const inTime = frames === 1 ? first : tf.concat([first, tf.min(groups, 2)], 1);
  return tf.reshape(tf.cast(tf.greaterEqual(inTime, 1), "float32"), [batch, -1, height, width, 1]);
}
