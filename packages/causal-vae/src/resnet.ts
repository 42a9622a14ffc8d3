// Residual blocks: two normalised convolutions beside a skip.
import { Module, silu } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { CausalConv3d } from "./conv.js";
import { Conv2d } from "./image.js";
import { Normalize, type NormalizeOptions } from "./normalization.js";
import { type Past, wholeClip } from "./past.js";

export interface ResnetOptions {
  readonly in: number;
  readonly out: number;
  readonly normalize: NormalizeOptions;
}

const around = [
  [1, 1],
  [1, 1],
] as const;

/** `x + conv2(silu(norm2(conv1(silu(norm1(x))))))` with 3x3x3 causal convolutions. */
export class ResnetBlock3D extends Module {
  readonly norm1: Normalize;
  readonly conv1: CausalConv3d;
  readonly norm2: Normalize;
  readonly conv2: CausalConv3d;
  /** 1x1x1, where the number of channels changes. */
  readonly nin_shortcut: CausalConv3d | null;

  constructor(options: ResnetOptions) {
    super();
    const { in: inputs, out } = options;
    this.norm1 = new Normalize(inputs, options.normalize);
    this.conv1 = new CausalConv3d({ in: inputs, out, kernel: [3, 3, 3], pad: around });
    this.norm2 = new Normalize(out, options.normalize);
    this.conv2 = new CausalConv3d({ in: out, out, kernel: [3, 3, 3], pad: around });
    this.nin_shortcut = inputs === out ? null : new CausalConv3d({ in: inputs, out, kernel: [1, 1, 1] });
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T, H, W, out]`. */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() => {
      const inner = this.conv1.forward(activate(this.norm1, x), past);
      const residual = this.conv2.forward(activate(this.norm2, inner), past);
      return tf.add(this.nin_shortcut === null ? x : this.nin_shortcut.forward(x), residual);
    });
  }
}

/** The image VAE's block: the same with 3x3 convolutions of every frame. */
export class ResnetBlock2D extends Module {
  readonly norm1: Normalize;
  readonly conv1: Conv2d;
  readonly norm2: Normalize;
  readonly conv2: Conv2d;
  /** 1x1, where the number of channels changes. */
  readonly nin_shortcut: Conv2d | null;

  constructor(options: ResnetOptions) {
    super();
    const { in: inputs, out } = options;
    const normalize: NormalizeOptions = { ...options.normalize, statistics: "per-frame" };
    this.norm1 = new Normalize(inputs, normalize);
    this.conv1 = new Conv2d({ in: inputs, out, kernel: [3, 3], pad: around });
    this.norm2 = new Normalize(out, normalize);
    this.conv2 = new Conv2d({ in: out, out, kernel: [3, 3], pad: around });
    this.nin_shortcut = inputs === out ? null : new Conv2d({ in: inputs, out, kernel: [1, 1] });
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T, H, W, out]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const inner = this.conv1.forward(activate(this.norm1, x));
      const residual = this.conv2.forward(activate(this.norm2, inner));
      return tf.add(this.nin_shortcut === null ? x : this.nin_shortcut.forward(x), residual);
    });
  }
}

function activate(norm: Normalize, x: tf.Tensor5D): tf.Tensor5D {
  return tf.tidy(() => silu(norm.forward(x)));
}
