import {
  type Denoiser,
  type DenoiserInput,
  eagerExecutor,
  type Executor,
  type LatentTensor,
  Module,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { denoiserNetwork } from "../src/index.js";

/** Says that it has so many parameters. */
class Sized extends Module implements Denoiser {
  readonly name = "sized";
  readonly latentChannels = 4;
  readonly predicts = "noise";
  readonly learnsVariance = false;

  constructor(readonly count: number) {
    super();
  }

  override parameterCount(): number {
    return this.count;
  }

  predict({ latents }: DenoiserInput): tf.Tensor5D {
    return tf.neg(latents);
  }
}

it.each([
  [2 ** 20, "constant"],
  [2 ** 28, "input"],
])("compiles %d parameters with weights as %s: no second copy of gigabytes", async (count, weights) => {
  await tf.setBackend("cpu");
  const eager = eagerExecutor();
  const asked: unknown[] = [];
  const executor: Executor = {
    ...eager,
    compile(fn, options) {
      asked.push(options.weights);
      return eager.compile(fn, options);
    },
  };
  const network = denoiserNetwork(new Sized(count), executor);
  const output = await network.predict({
    latents: tf.ones([1, 1, 2, 2, 4]) as LatentTensor,
    stills: 0,
    timestep: 10,
    scale: 1,
    text: { embeddings: tf.zeros([1, 1, 1, 8]), mask: tf.ones([1, 1, 1]) },
  });
  expect(output.dataSync()[0]).toBe(-1);
  expect(asked).toEqual([weights]);
  network.dispose();
});
