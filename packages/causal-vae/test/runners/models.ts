// Whole models: moments, posterior samples and reconstructions.
import {
  channelsFirst,
  compareOutputs,
  fromTensor,
  type GoldenArray,
  type GoldenRunner,
  toTensor,
  transposed,
} from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import { CausalVae, type MomentsAutoencoder } from "../../src/model.js";
import { compiled } from "../../src/compiled.js";
import { sliceFrames } from "../../src/frames.js";
import { samplePosterior } from "../../src/posterior.js";
import { callLast, compare, configOf, lastInputs, loadWeights, modelConfig } from "./support.js";

export const modelRunner: GoldenRunner = {
  name: "CausalVae",
  matches: ({ module }) => module === "CausalVAEModel" || module === "CausalVAEModel, released configuration",
  async run(goldenCase, tools) {
    const vae = new CausalVae(modelConfig(goldenCase, goldenCase.config));
    try {
      await loadWeights(vae, goldenCase);
      const expected = await goldenCase.expected();
      const { x } = await lastInputs(goldenCase, ["x"]);
      const moments = await tools.call("moments", ({ x: video }) => ({ moments: vae.moments(video as tf.Tensor5D) }), {
        x: x!,
      });
      const noise = (await goldenCase.hasInput("eps")) ? (await lastInputs(goldenCase, ["eps"]))["eps"] : undefined;
      const drawn = await callLast(
        tools,
        "posterior",
        ({ moments: raw, noise: eps }) => {
          const distribution = vae.posterior(raw as tf.Tensor5D);
          const sample = eps === undefined ? {} : { z: samplePosterior(distribution, eps as tf.Tensor5D) };
          return { mean: distribution.mean, logvar: distribution.logvar, ...sample };
        },
        { moments: moments["moments"]!, ...(noise === undefined ? {} : { noise }) },
      );
      const outputs: Record<string, GoldenArray> = { ...drawn };
      const decode = async (latents: GoldenArray): Promise<GoldenArray> => {
        const result = await callLast(tools, "decode", ({ z }) => ({ video: vae.decodeLatents(z as tf.Tensor5D) }), {
          z: transposed(latents, [0, 2, 3, 4, 1]),
        });
        return result["video"]!;
      };
      if (expected.has("out.recon_sample")) outputs["recon_sample"] = await decode(drawn["z"]!);
      if (expected.has("out.recon_mode")) outputs["recon_mode"] = await decode(drawn["mean"]!);
      if (expected.has("out.recon")) outputs["recon"] = await decode(drawn["mean"]!);
      if (expected.has("out.image_mean")) {
        const image = await callLast(
          tools,
          "image",
          ({ x: video }) => {
            const { mean } = vae.posterior(vae.moments(sliceFrames(video as tf.Tensor5D, 0, 1)));
            return { image_mean: mean, image_recon: vae.decodeLatents(mean) };
          },
          { x: x! },
        );
        Object.assign(outputs, image);
      }
      return await compare(goldenCase, outputs);
    } finally {
      vae.dispose();
    }
  },
};

/** The contract's `encode` and `decode`, with the latent scale. */
export const wrapperRunner: GoldenRunner = {
  name: "CausalVae, scaled latents",
  matches: ({ module }) => module === "CausalVAEModelWrapper",
  async run(goldenCase, tools) {
    const vae = new CausalVae({
      ...modelConfig(goldenCase, goldenCase.config),
      latent_scale: configOf(goldenCase)["scale"] as number,
    });
    const wrapped: MomentsAutoencoder = compiled(vae, tools.executor);
    try {
      await loadWeights(vae, goldenCase);
      const { x, eps } = await lastInputs(goldenCase, ["x", "eps"]);
      const video = toTensor(x!) as tf.Tensor5D;
      const latents = await wrapped.encode(video, { rng: tools.scriptedRng([eps!]) });
      const decoded = await wrapped.decode(latents);
      const outputs = {
        "out.latent": channelsFirst(await fromTensor(latents)),
        "out.decoded_btchw": transposed(await fromTensor(decoded), [0, 1, 4, 2, 3]),
      };
      tf.dispose([video, latents, decoded]);
      return await compareOutputs(goldenCase, outputs);
    } finally {
      wrapped.dispose();
      vae.dispose();
    }
  },
};
