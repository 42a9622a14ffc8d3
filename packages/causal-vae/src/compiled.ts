// A VAE whose networks run through an executor, each compiled once and reused.
import type { Executor, VideoTensor } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";
import { scaledCoding } from "./coding.js";
import type { CausalVae, MomentsAutoencoder } from "./model.js";

/**
 * Wraps `vae`: the same results, run by `executor`. The weights are packed for inference, so wrap again after they
 * changed. `dispose` frees the compiled networks and leaves `vae` alone.
 */
export function compiled(vae: CausalVae, executor: Executor): MomentsAutoencoder {
  const encoder = executor.compile(({ video }) => ({ moments: vae.moments(video as VideoTensor) }), {
    name: `${vae.name}.encode`,
    weights: "constant",
  });
  const decoder = executor.compile(({ latents }) => ({ video: vae.decodeLatents(latents as tf.Tensor5D) }), {
    name: `${vae.name}.decode`,
    weights: "constant",
  });
  const { latentChannels, latentScale, stride } = vae;
  const self: MomentsAutoencoder = {
    name: vae.name,
    latentChannels,
    latentScale,
    stride,
    workingBytes: (size) => vae.workingBytes(size),
    async moments(video, options = {}) {
      const result = await encoder.run({ video }, { signal: options.signal });
      return result["moments"] as tf.Tensor5D;
    },
    async decodeLatents(latents, options = {}) {
      const result = await decoder.run({ latents }, { signal: options.signal });
      return result["video"] as VideoTensor;
    },
    ...scaledCoding(() => self),
    dispose() {
      encoder.dispose();
      decoder.dispose();
    },
  };
  return self;
}
