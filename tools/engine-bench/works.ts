// The works that the engine is measured by, built from the packages' own blocks. `tools/baselines` has the same in PyTorch.
import { vaeTask, CausalVae, releaseConfig } from "@noisereel/causal-vae";
import { Module, type NamedTensors, type Parameter, type TensorFunction } from "@noisereel/core";
import { LatteT2V } from "@noisereel/diffusion";
import { adamW } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { Level } from "../../packages/causal-vae/src/levels.js";
import {
  SpatialDownsample2x,
  SpatialUpsample2x,
  TimeDownsample2x,
  TimeUpsample2x,
} from "../../packages/causal-vae/src/resample.js";
import { SelfBlock, SpatialTextBlock } from "../../packages/diffusion/src/latte/blocks.js";

/** One work: a model and what a run does with it. */
export interface Work {
  /** Its names are those of the baseline's model. */
  readonly module: Module;
  /** Shapes of the inputs. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly fn: TensorFunction;
  /**
   * How the graph gets the weights. Convolutions gain from constants, whose layout ONNX Runtime chooses; products of thousands
   * of rows gain nothing, and constants would be a second copy.
   */
  readonly weights: "input" | "constant";
  /** Runs once before the first run: its results are inputs too, beside those that it leaves over. */
  readonly first?: { readonly fn: TensorFunction; readonly reads: readonly string[] };
}

export interface WorkDescription {
  readonly name: string;
  /** What the engine aims at, as ratios to PyTorch. */
  readonly timeBar: number;
  readonly rssBar: number;
  /** Whole released models, which take minutes and gigabytes: run with --released only. */
  readonly released?: true;
  readonly make: () => Work;
}

/** Every work by its key. */
export const works: Readonly<Record<string, WorkDescription>> = {
  "encoder-5": { name: "VAE encoder stack, 5x64x64", timeBar: 0.95, rssBar: 1.1, make: () => encoderStack(5) },
  "encoder-17": { name: "VAE encoder stack, 17x64x64", timeBar: 0.95, rssBar: 1.1, make: () => encoderStack(17) },
  "decoder-5": { name: "VAE decoder stack, 5x64x64", timeBar: 0.95, rssBar: 1.1, make: () => decoderStack(5) },
  "decoder-17": { name: "VAE decoder stack, 17x64x64", timeBar: 0.95, rssBar: 1.1, make: () => decoderStack(17) },
  "latte-layer": { name: "Latte layer, width 1152, 5x1024 tokens", timeBar: 0.92, rssBar: 1.2, make: latteLayer },
  "vae-step": { name: "training step, causal VAE, 2x5x64x64", timeBar: 1, rssBar: 1.3, make: vaeStep },
  "latte-step": { name: "training step, Latte, 5x16x16 tokens", timeBar: 1.05, rssBar: 1.1, make: latteStep },
  encode: {
    name: "encode 17x256x256, 229 M parameters",
    timeBar: 0.95,
    rssBar: 1,
    released: true,
    make: encodeClip,
  },
  decode: {
    name: "decode 17x256x256, 229 M parameters",
    timeBar: 0.95,
    rssBar: 1,
    released: true,
    make: decodeClip,
  },
  "latte-xl": {
    name: "Latte-XL, 5x32x32 latents",
    timeBar: 0.95,
    rssBar: 1.1,
    released: true,
    make: latteXl,
  },
  "latte-guided": {
    name: "Latte-XL, one guided step",
    timeBar: 0.9,
    rssBar: 1.1,
    released: true,
    make: guidedStep,
  },
};

/** Works that are compared with each other. */
export const memoryWorks: Readonly<Record<string, () => Work>> = {
  plain: () => deepLatteStep(false),
  recompute: () => deepLatteStep(true),
};

/** Several modules as one. */
class Parts extends Module {
  readonly parts: readonly Module[];

  constructor(...parts: Module[]) {
    super();
    this.parts = parts;
  }
}

const wide = { channels: 128, config: releaseConfig({ hidden_size: 128 }) };

/** A level of the released encoder at 128 channels: two residual blocks, then half the size in space and time. */
function encoderStack(frames: number): Work {
  const { channels, config } = wide;
  const level = new Level({ config, in: channels, out: channels, blocks: 2, resnet: "ResnetBlock3D", attention: null });
  const halves = new SpatialDownsample2x({ in: channels, out: channels });
  return {
    module: new Parts(level, halves),
    inputs: { x: [1, frames, 64, 64, channels] },
    weights: "constant",
    fn: ({ x }) => {
      const blocks = [...level.block, halves, new TimeDownsample2x()];
      return { y: blocks.reduce((h, block) => block.forward(h), x as tf.Tensor5D) };
    },
  };
}

/** Twice the size in space and time, then the three residual blocks of the released decoder's finest level, 128 channels. */
function decoderStack(frames: number): Work {
  const { channels, config } = wide;
  const level = new Level({ config, in: channels, out: channels, blocks: 3, resnet: "ResnetBlock3D", attention: null });
  const doubles = new SpatialUpsample2x({ in: channels, out: channels });
  return {
    module: new Parts(level, doubles),
    inputs: { x: [1, (frames - 1) / 2 + 1, 32, 32, channels] },
    weights: "constant",
    fn: ({ x }) => {
      const blocks = [doubles, new TimeUpsample2x(), ...level.block];
      return { y: blocks.reduce((h, block) => block.forward(h), x as tf.Tensor5D) };
    },
  };
}

/** One spatial and one temporal block of the released denoiser: 5 frames of 32x32 tokens, a text of 300 tokens. */
function latteLayer(): Work {
  const options = { width: 1152, heads: 16, epsilon: 1e-6 };
  const spatial = new SpatialTextBlock(options);
  const temporal = new SelfBlock(options);
  return {
    module: new Parts(spatial, temporal),
    inputs: { x: [1, 5, 1024, 1152], text: [1, 1, 300, 1152], modulation: [1, 6, 1152] },
    weights: "input",
    fn: ({ x, text, modulation }) => {
      const { keys, values } = spatial.attn2.keysValues(text!);
      const read = {
        keys: keys as tf.Tensor4D,
        values: values as tf.Tensor4D,
        bias: tf.zeros<tf.Rank.R3>([1, 1, 300]),
      };
      const mixed = spatial.forward(x as tf.Tensor4D, modulation as tf.Tensor3D, read, 5);
      return { y: temporal.forward(mixed, modulation as tf.Tensor3D, "time") };
    },
  };
}

/** The released structure with narrow levels (2.7 M parameters): L1 and KL, gradients, AdamW. */
function vaeStep(): Work {
  const vae = new CausalVae(
    releaseConfig({ hidden_size: 32, hidden_size_mult: [1, 1, 2, 2], num_res_blocks: 1, norm_num_groups: 8 }),
  );
  const [phase] = vaeTask({ vae, reduction: "mean" }).phases;
  return {
    module: vae,
    inputs: { video: [2, 5, 64, 64, 3], videoNoise: [2, 2, 8, 8, 4] },
    weights: "input",
    fn: trainingStep(vae, (inputs) => phase!.loss(inputs, { kept: new Map(), step: tf.scalar(0) }).loss),
  };
}

/** Three layers of width 256 (6.2 M parameters), a text of 64 tokens: mean squared error, gradients, AdamW. */
function latteStep(): Work {
  return noiseStep(new LatteT2V({ ...smallLatte, num_layers: 3 }));
}

/** Eight layers of the same, with each block's activations kept or computed again. */
function deepLatteStep(recompute: boolean): Work {
  return noiseStep(new LatteT2V({ ...smallLatte, num_layers: 8 }, { recompute }));
}

const smallLatte = {
  num_attention_heads: 4,
  attention_head_dim: 64,
  caption_channels: 64,
  sample_size: [32, 32] as [number, number],
  video_length: 5,
};

function noiseStep(latte: LatteT2V): Work {
  return {
    module: latte,
    inputs: { latents: [1, 5, 32, 32, 4], noise: [1, 5, 32, 32, 4], text: [1, 1, 64, 64] },
    weights: "input",
    fn: trainingStep(latte, ({ latents, noise, text }) => {
      const predicted = latte.predict({
        latents: latents as tf.Tensor5D,
        timesteps: tf.tensor1d([500]),
        stills: 0,
        condition: { embeddings: text as tf.Tensor4D, mask: tf.ones([1, 1, 64]) },
      });
      return tf.mean<tf.Scalar>(tf.squaredDifference(predicted, noise!));
    }),
  };
}

/** Moments of a clip by the released autoencoder. */
function encodeClip(): Work {
  const vae = new CausalVae(releaseConfig());
  return {
    module: vae,
    inputs: { video: [1, 17, 256, 256, 3] },
    weights: "constant",
    fn: ({ video }) => ({ moments: vae.moments(video as tf.Tensor5D) }),
  };
}

/** The same clip from its latents. */
function decodeClip(): Work {
  const vae = new CausalVae(releaseConfig());
  return {
    module: vae,
    inputs: { latents: [1, 5, 32, 32, 4] },
    weights: "constant",
    fn: ({ latents }) => ({ video: vae.decodeLatents(latents as tf.Tensor5D) }),
  };
}

const releasedLatte = { out_channels: 8, sample_size: 32, video_length: 5 };

/** The released denoiser, 28 pairs of blocks of width 1152, with 300 tokens of text. */
function latteXl(): Work {
  const latte = new LatteT2V(releasedLatte);
  return {
    module: latte,
    inputs: { latents: [1, 5, 32, 32, 4], text: [1, 1, 300, 4096] },
    weights: "input",
    fn: ({ latents, text }) => ({
      output: latte.predict({
        latents: latents as tf.Tensor5D,
        timesteps: tf.tensor1d([500]),
        stills: 0,
        condition: { embeddings: text as tf.Tensor4D, mask: tf.ones([1, 1, 300]) },
      }),
    }),
  };
}

/** Both halves of a guided step. What the texts become is computed before the first step, as in sampling. */
function guidedStep(): Work {
  const latte = new LatteT2V(releasedLatte);
  return {
    module: latte,
    inputs: { latents: [1, 5, 32, 32, 4], text: [2, 1, 300, 4096] },
    weights: "input",
    first: {
      fn: ({ text }) => latte.readCondition({ embeddings: text as tf.Tensor4D, mask: tf.ones([2, 1, 300]) }),
      reads: ["text"],
    },
    fn: ({ latents, ...read }) => {
      const both = tf.concat([latents!, latents!]) as tf.Tensor5D;
      const output = latte.predictRead({ latents: both, timesteps: tf.tensor1d([500, 500]), stills: 0 }, read);
      const [without, withText] = tf.split(output, 2) as [tf.Tensor5D, tf.Tensor5D];
      return { output: tf.add(without, tf.mul(tf.sub(withText, without), 7.5)) };
    },
  };
}

/** Loss, gradients of every parameter and one AdamW update, as one function. */
function trainingStep(module: Module, lossOf: (inputs: NamedTensors) => tf.Scalar): TensorFunction {
  const parameters = new Map<string, Parameter>();
  for (const [name, parameter] of module.namedParameters()) if (parameter.trainable) parameters.set(name, parameter);
  const optimizer = adamW();
  optimizer.prepare(parameters);
  const steps = tf.variable(tf.scalar(0), false);
  return (inputs) => {
    const variables = [...parameters.values()].map(({ variable }) => variable);
    const { value, grads } = tf.variableGrads(() => lossOf(inputs), variables);
    const gradients = new Map<string, tf.Tensor>();
    for (const [name, { variable }] of parameters) gradients.set(name, grads[variable.name]!);
    steps.assign(tf.add(steps, 1));
    optimizer.apply(parameters, gradients, { step: steps as tf.Tensor as tf.Scalar, learningRate: tf.scalar(1e-4) });
    return { loss: value };
  };
}
