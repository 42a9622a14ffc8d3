// PatchGAN (Isola et al., arXiv 1611.07004): a fully convolutional network that judges overlapping patches.
import {
  Conv2d,
  Conv3d,
  drawNormal,
  drawUniform,
  Module,
  type Parameter,
  type Rng,
  ShapeError,
  sizeOf,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { BatchNorm, type BatchStatistics } from "./batch-norm.js";

export interface DiscriminatorOptions {
  /** Channels of what is judged. Default 3. */
  readonly channels?: number;
  /** Channels of the first layer. Default 64. */
  readonly width?: number;
  /** Layers with stride 2. Default 3. */
  readonly layers?: number;
}

/** Gives logits for patches of frames or clips. */
export interface Discriminator extends Module {
  /** "frames": reads `[B * T, H, W, C]`; "clips": reads `[B, T, H, W, C]`. */
  readonly judges: "frames" | "clips";
  /** Logits, one for each patch, with one channel. Runs inside gradients and traces. */
  forward(x: tf.Tensor, statistics?: BatchStatistics): tf.Tensor;
  /** The norm layers' tracked statistics after a batch `x`, by parameter. The caller owns the tensors. */
  trackedStatistics(x: tf.Tensor): ReadonlyMap<Parameter, tf.Tensor>;
}

type Layer = Conv2d | Conv3d | BatchNorm | null;

/** Judges every frame by itself: kernels of 4x4. Frames need 24 pixels each way with three layers. */
export class NLayerDiscriminator extends Module implements Discriminator {
  readonly judges = "frames";
  /** Places as in the reference's list; activations hold null. */
  readonly main: readonly Layer[];

  constructor(options: DiscriminatorOptions = {}) {
    super();
    const around = [1, 1] as const;
    this.main = patchLayers(options, (inputs, out, stride, bias) => {
      const steps = [stride, stride] as const;
      return new Conv2d({ in: inputs, out, kernel: [4, 4], stride: steps, padding: [around, around], bias });
    });
  }

  /** `x`: `[N, H, W, C]`; result `[N, h, w, 1]`. */
  forward(x: tf.Tensor, statistics: BatchStatistics = "batch"): tf.Tensor {
    return runLayers(this.main, x, statistics);
  }

  trackedStatistics(x: tf.Tensor): ReadonlyMap<Parameter, tf.Tensor> {
    return trackLayers(this.main, x);
  }

  override resetParameters(rng: Rng): void {
    drawLayers(this.main, rng);
  }
}

/** Judges clips: kernels of 4x4x4, halving time once. Clips need 10 frames and 24 pixels each way with three layers. */
export class NLayerDiscriminator3D extends Module implements Discriminator {
  readonly judges = "clips";
  readonly main: readonly Layer[];

  constructor(options: DiscriminatorOptions = {}) {
    super();
    const around = [1, 1] as const;
    this.main = patchLayers(options, (inputs, out, stride, bias, index) => {
      const steps = [index === 0 ? stride : 1, stride, stride] as const;
      const padding = [around, around, around] as const;
      return new Conv3d({ in: inputs, out, kernel: [4, 4, 4], stride: steps, padding, bias });
    });
  }

  /** `x`: `[B, T, H, W, C]`; result `[B, t, h, w, 1]`. */
  forward(x: tf.Tensor, statistics: BatchStatistics = "batch"): tf.Tensor {
    return runLayers(this.main, x, statistics);
  }

  trackedStatistics(x: tf.Tensor): ReadonlyMap<Parameter, tf.Tensor> {
    return trackLayers(this.main, x);
  }

  override resetParameters(rng: Rng): void {
    drawLayers(this.main, rng);
  }
}

/** First and last convolution with a bias, those between with a norm instead; widths double up to 8 times. */
function patchLayers(
  options: DiscriminatorOptions,
  convolution: (inputs: number, outputs: number, stride: 1 | 2, bias: boolean, index: number) => Conv2d | Conv3d,
): Layer[] {
  const { channels = 3, width = 64, layers = 3 } = options;
  const widthOf = (index: number): number => width * Math.min(2 ** index, 8);
  const result: Layer[] = [convolution(channels, width, 2, true, 0), null];
  for (let index = 1; index <= layers; index++) {
    const stride = index < layers ? 2 : 1;
    const out = widthOf(index);
    result.push(convolution(widthOf(index - 1), out, stride, false, index), new BatchNorm(out), null);
  }
  return [...result, convolution(widthOf(layers), 1, 1, true, layers + 1)];
}

function runLayers(layers: readonly Layer[], x: tf.Tensor, statistics: BatchStatistics): tf.Tensor {
  return tf.tidy(() => {
    let current = x;
    for (const layer of layers) current = runLayer(layer, current, statistics);
    return current;
  });
}

function trackLayers(layers: readonly Layer[], x: tf.Tensor): ReadonlyMap<Parameter, tf.Tensor> {
  const tracked = new Map<Parameter, tf.Tensor>();
  tf.tidy(() => {
    let current = x;
    for (const layer of layers) {
      if (layer instanceof BatchNorm) {
        const { mean, variance } = layer.tracked(current);
        tracked.set(layer.running_mean, tf.keep(mean)).set(layer.running_var, tf.keep(variance));
      }
      current = runLayer(layer, current, "batch");
    }
  });
  return tracked;
}

function runLayer(layer: Layer, x: tf.Tensor, statistics: BatchStatistics): tf.Tensor {
  if (layer === null) return leakyRelu(x);
  if (layer instanceof BatchNorm) return layer.forward(x, statistics);
  checkPatch(x);
  return layer instanceof Conv2d ? layer.forward(x as tf.Tensor4D) : layer.forward(x as tf.Tensor5D);
}

/** `max(x, 0.2 x)`. */
function leakyRelu(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.add(tf.mul(x, 0.2), tf.mul(tf.relu(x), 0.8)));
}

function checkPatch(x: tf.Tensor): void {
  const inner = x.shape.slice(1, -1);
  if (inner.some((size) => size + 2 < 4)) {
    throw new ShapeError(
      `the discriminator's input is too small: a layer sees [${inner.join(", ")}]; give frames of at least 24 x 24 (and 10 frames to a 3D one)`,
    );
  }
}

/** PatchGAN's start: weights normal with standard deviation 0.02, biases as PyTorch draws them. */
function drawLayers(layers: readonly Layer[], rng: Rng): void {
  layers.forEach((layer, index) => {
    if (layer === null || layer instanceof BatchNorm) return;
    drawNormal(layer.weight, 0.02, rng.fork(`${index}.weight`));
    drawUniform([layer.bias], sizeOf(layer.weight.shape.slice(0, -1)), rng.fork(`${index}.bias`));
  });
}
