// A VAE whose networks run through an executor, each compiled once and reused.
import type { Executor, VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { CausalVae, MomentsAutoencoder } from "./model.js";
import { scaledLatents } from "./posterior.js";
import { checkLatentShape, checkVideoShape } from "./shape.js";

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
    async encode(video, options = {}) {
      checkVideoShape(video.shape, stride);
      const moments = await self.moments(video, options);
      try {
        return scaledLatents(moments, latentScale, options.rng);
      } finally {
        moments.dispose();
      }
    },
    async decode(latents, options = {}) {
      checkLatentShape(latents.shape, latentChannels);
      const unscaled = tf.tidy(() => tf.div<tf.Tensor5D>(latents, latentScale));
      try {
        return await self.decodeLatents(unscaled, options);
      } finally {
        unscaled.dispose();
      }
    },
    dispose() {
      encoder.dispose();
      decoder.dispose();
    },
  };
  return self;
}
