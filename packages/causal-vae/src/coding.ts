// The contract's scaled latents, made of unscaled moments and pixels: the same for every way of running a VAE.
import * as tf from "@tensorflow/tfjs";
import type { MomentsAutoencoder } from "./model.js";
import { scaledLatents } from "./posterior.js";
import { checkLatentShape, checkVideoShape } from "./shape.js";

/** `encode` and `decode` of a coder that has the rest. It is asked for at each call, so it may be made of this. */
export function scaledCoding(coder: () => MomentsAutoencoder): Pick<MomentsAutoencoder, "encode" | "decode"> {
  return {
    async encode(video, call = {}) {
      const { stride, latentScale } = coder();
      checkVideoShape(video.shape, stride);
      const moments = await coder().moments(video, call);
      try {
        return scaledLatents(moments, latentScale, call.rng);
      } finally {
        moments.dispose();
      }
    },
    async decode(latents, call = {}) {
      const { latentChannels, latentScale } = coder();
      checkLatentShape(latents.shape, latentChannels);
      const unscaled = tf.tidy(() => tf.div<tf.Tensor5D>(latents, latentScale));
      try {
        return await coder().decodeLatents(unscaled, call);
      } finally {
        unscaled.dispose();
      }
    },
  };
}
