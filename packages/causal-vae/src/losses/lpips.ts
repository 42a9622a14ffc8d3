// Perceptual distance of frames: LPIPS (Zhang et al., arXiv 1801.03924) over a VGG16 (Simonyan and Zisserman, arXiv
// 1409.1556) of any width.
import { Conv2d, drawUniform, Module, Parameter, type Rng, sizeOf } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Channels of VGG16's five stages. */
const vggWidths = [64, 128, 256, 512, 512] as const;
/** Places of the convolutions in torchvision's list of layers, by stage. */
export const vggPlaces = [
  [0, 2],
  [5, 7],
  [10, 12, 14],
  [17, 19, 21],
  [24, 26, 28],
] as const;

/** Channels of five stages. */
export type VggWidths = readonly [number, number, number, number, number];

/**
 * `sum over stages of mean over positions of sum over channels of w (a - b)^2`, where `a`, `b` are the two frames'
 * features of unit length over channels. Frames must be at least 16 pixels each way. Without the published weights,
 * `initialize` gives a frozen random network: He-scaled convolutions and even weights, a weaker but usable distance.
 */
export class Lpips extends Module {
  readonly net: VggFeatures;
  readonly lin0: StageWeights;
  readonly lin1: StageWeights;
  readonly lin2: StageWeights;
  readonly lin3: StageWeights;
  readonly lin4: StageWeights;
  readonly scaling_layer: Scaling;

  /** `widths`: channels of the stages, default VGG16's. */
  constructor(options: { readonly widths?: VggWidths } = {}) {
    super();
    const widths = options.widths ?? vggWidths;
    this.net = new VggFeatures(widths);
    this.lin0 = new StageWeights(widths[0]);
    this.lin1 = new StageWeights(widths[1]);
    this.lin2 = new StageWeights(widths[2]);
    this.lin3 = new StageWeights(widths[3]);
    this.lin4 = new StageWeights(widths[4]);
    this.scaling_layer = new Scaling();
  }

  /** `x`, `y`: `[N, H, W, 3]` in [-1, 1]; result `[N]`. */
  distance(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor1D {
    return tf.tidy(() => tf.sum<tf.Tensor1D>(this.stageDistances(x, y), 1));
  }

  /** The five stages' terms: `[N, 5]`. */
  stageDistances(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor2D {
    return tf.tidy(() => {
      const a = this.features(x);
      const b = this.features(y);
      const weights = [this.lin0, this.lin1, this.lin2, this.lin3, this.lin4];
      const terms = weights.map((stage, index) => {
        const difference = tf.square<tf.Tensor4D>(tf.sub(unitLength(a[index]!), unitLength(b[index]!)));
        return tf.mean(stage.forward(difference), [1, 2, 3]);
      });
      return tf.stack(terms, 1) as tf.Tensor2D;
    });
  }

  /** Features after each stage, `[N, H / 2^i, W / 2^i, C_i]`. */
  features(frames: tf.Tensor4D): readonly tf.Tensor4D[] {
    return this.net.forward(this.scaling_layer.forward(frames));
  }
}

/** VGG16's convolutions with its names, up to relu5_3. */
class VggFeatures extends Module {
  readonly slice1: readonly (Conv2d | null)[];
  readonly slice2: readonly (Conv2d | null)[];
  readonly slice3: readonly (Conv2d | null)[];
  readonly slice4: readonly (Conv2d | null)[];
  readonly slice5: readonly (Conv2d | null)[];

  constructor(widths: VggWidths) {
    super();
    const stage = (index: 0 | 1 | 2 | 3 | 4): readonly (Conv2d | null)[] => {
      const before = index === 0 ? 3 : widths[index - 1]!;
      const places: readonly number[] = vggPlaces[index];
      return Array.from({ length: places.at(-1)! + 1 }, (_, place) =>
        places.includes(place) ? convolution(place === places[0] ? before : widths[index], widths[index]) : null,
      );
    };
    this.slice1 = stage(0);
    this.slice2 = stage(1);
    this.slice3 = stage(2);
    this.slice4 = stage(3);
    this.slice5 = stage(4);
  }

  forward(frames: tf.Tensor4D): readonly tf.Tensor4D[] {
    const results: tf.Tensor4D[] = [];
    let current = frames;
    for (const [index, slice] of [this.slice1, this.slice2, this.slice3, this.slice4, this.slice5].entries()) {
      if (index > 0) current = tf.maxPool(current, 2, 2, "valid");
      for (const layer of slice) if (layer !== null) current = tf.relu(layer.forward(current));
      results.push(current);
    }
    return results;
  }

  /** He's scale, so that random features keep their size through the ReLUs. */
  override resetParameters(rng: Rng): void {
    for (const [name, parameter] of this.namedParameters()) {
      if (!name.endsWith("weight")) parameter.assign(new Float32Array(sizeOf(parameter.shape)));
      else drawUniform([parameter], sizeOf(parameter.shape.slice(0, 3)) / 6, rng.fork(name));
    }
  }
}

function convolution(inputs: number, outputs: number): Conv2d {
  return new Conv2d({
    in: inputs,
    out: outputs,
    kernel: [3, 3],
    padding: [
      [1, 1],
      [1, 1],
    ],
  });
}

/** One weight for each channel of a stage: a 1x1 convolution under the name `model.1` (`model.0` is a dropout). */
class StageWeights extends Module {
  readonly model: readonly [null, Conv2d];

  constructor(channels: number) {
    super();
    this.model = [null, new Conv2d({ in: channels, out: 1, kernel: [1, 1], bias: false })];
  }

  forward(difference: tf.Tensor4D): tf.Tensor4D {
    return this.model[1].forward(difference);
  }

  /** Every channel counts alike; a term is then at most 2. */
  override resetParameters(): void {
    const { weight } = this.model[1];
    weight.assign(new Float32Array(sizeOf(weight.shape)).fill(1 / 2));
  }
}

/** From [-1, 1] to ImageNet's mean and standard deviation. */
class Scaling extends Module {
  readonly shift: Parameter;
  readonly scale: Parameter;

  constructor() {
    super();
    const perChannel = () => new Parameter([1, 1, 1, 3], { axes: [0, 3, 1, 2], trainable: false });
    this.shift = perChannel();
    this.scale = perChannel();
    this.resetParameters();
  }

  forward(frames: tf.Tensor4D): tf.Tensor4D {
    return tf.div(tf.sub(frames, this.shift.variable), this.scale.variable);
  }

  override resetParameters(): void {
    this.shift.assign(Float32Array.of(-0.03, -0.088, -0.188));
    this.scale.assign(Float32Array.of(0.458, 0.448, 0.45));
  }
}

function unitLength(features: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    // The square of 1e-10 keeps the root's gradient finite where every feature is 0.
    const length = tf.sqrt(tf.add(tf.sum(tf.square(features), 3, true), 1e-20));
    return tf.div(features, tf.add(length, 1e-10));
  });
}
