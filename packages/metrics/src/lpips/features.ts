// The image networks whose layers LPIPS compares. N frames, H height, W width, C channels.
import { ConfigError, Conv2d, Module } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Channels of the five layers that are compared. */
export type LayerChannels = readonly [number, number, number, number, number];

/** `vgg16` (Simonyan and Zisserman, 2014) or `alexnet` (Krizhevsky et al., 2012), without their classifiers. */
export type FeatureNetwork = "vgg16" | "alexnet";

/** The published widths. */
export const fullChannels: Readonly<Record<FeatureNetwork, LayerChannels>> = {
  vgg16: [64, 128, 256, 512, 512],
  alexnet: [64, 192, 384, 256, 256],
};

/** A convolution with a ReLU after it; `index` is its place in the network of torchvision. */
interface Layer {
  readonly index: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

interface Slice {
  /** Side of the max-pooling windows, two pixels apart, before the layers; 0 for none. */
  readonly pool: number;
  readonly layers: readonly Layer[];
}

const small = (index: number): Layer => ({ index, kernel: 3, stride: 1, padding: 1 });

const slices: Readonly<Record<FeatureNetwork, readonly Slice[]>> = {
  vgg16: [
    { pool: 0, layers: [0, 2].map(small) },
    { pool: 2, layers: [5, 7].map(small) },
    { pool: 2, layers: [10, 12, 14].map(small) },
    { pool: 2, layers: [17, 19, 21].map(small) },
    { pool: 2, layers: [24, 26, 28].map(small) },
  ],
  alexnet: [
    { pool: 0, layers: [{ index: 0, kernel: 11, stride: 4, padding: 2 }] },
    { pool: 3, layers: [{ index: 3, kernel: 5, stride: 1, padding: 2 }] },
    { pool: 3, layers: [small(6)] },
    { pool: 0, layers: [small(8)] },
    { pool: 0, layers: [small(10)] },
  ],
};

/** A slice's convolutions at their places, holes between them. */
type Convolutions = readonly (Conv2d | null)[];

/** Field names are those of the published weights: `slice2.5.weight`. */
export class LpipsFeatures extends Module {
  readonly slice1: Convolutions;
  readonly slice2: Convolutions;
  readonly slice3: Convolutions;
  readonly slice4: Convolutions;
  readonly slice5: Convolutions;
  readonly #network: FeatureNetwork;

  constructor(options: { readonly network: FeatureNetwork; readonly channels?: LayerChannels }) {
    super();
    const plan = slices[options.network];
    if (plan === undefined) {
      throw new ConfigError(`network is "${options.network}"; use one of ${Object.keys(slices).join(", ")}`);
    }
    const channels = options.channels ?? fullChannels[options.network];
    this.#network = options.network;
    const build = (i: number): Convolutions => convolutions(plan[i]!, i === 0 ? 3 : channels[i - 1]!, channels[i]!);
    this.slice1 = build(0);
    this.slice2 = build(1);
    this.slice3 = build(2);
    this.slice4 = build(3);
    this.slice5 = build(4);
  }

  /** `x`: `[N, H, W, 3]`, already shifted and scaled; result: five layers `[N, H', W', C]`, after their ReLU. */
  forward(x: tf.Tensor4D): tf.Tensor4D[] {
    return tf.tidy(() => {
      const blocks = [this.slice1, this.slice2, this.slice3, this.slice4, this.slice5];
      let y = x;
      return slices[this.#network].map(({ pool }, i) => {
        if (pool > 0) y = tf.maxPool(y, pool, 2, "valid");
        for (const convolution of blocks[i]!) if (convolution !== null) y = tf.relu(convolution.forward(y));
        return y;
      });
    });
  }
}

function convolutions({ layers }: Slice, channelsIn: number, channelsOut: number): Convolutions {
  const places: (Conv2d | null)[] = Array.from({ length: layers.at(-1)!.index + 1 }, () => null);
  layers.forEach(({ index, kernel, stride, padding }, i) => {
    places[index] = new Conv2d({
      in: i === 0 ? channelsIn : channelsOut,
      out: channelsOut,
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: [
        [padding, padding],
        [padding, padding],
      ],
    });
  });
  return places;
}
