// Posterior, adversarial losses, perceptual distance and discriminators.
import type { GoldenRunner } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import { discriminatorLoss, generatorLoss } from "../../src/losses/adversarial.js";
import type { BatchNorm } from "../../src/losses/batch-norm.js";
import { NLayerDiscriminator, NLayerDiscriminator3D } from "../../src/losses/discriminator.js";
import { Lpips } from "../../src/losses/lpips.js";
import { klPerClip, klTerms } from "../../src/losses/reconstruction.js";
import { negativeLogDensity, posterior } from "../../src/posterior.js";
import { callLast, compare, configOf, lastInputs, loadWeights } from "./support.js";

const one = (scalar: tf.Scalar): tf.Tensor => tf.reshape(scalar, [1]);

export const posteriorRunner: GoldenRunner = {
  name: "posterior",
  matches: ({ module }) => module === "DiagonalGaussianDistribution",
  async run(goldenCase, tools) {
    const inputs = await lastInputs(goldenCase, ["moments", "sample", "moments_extreme"]);
    // The reference sums time, height and channels and leaves the width.
    const byWidth = (values: tf.Tensor5D): tf.Tensor => tf.sum(values, [1, 2, 4]);
    const outputs = await callLast(
      tools,
      "posterior",
      ({ moments, sample, moments_extreme: extreme }) => {
        const distribution = posterior(moments as tf.Tensor5D);
        return {
          kl_raw: byWidth(klTerms(distribution)),
          kl_loss: one(klPerClip(distribution)),
          nll: byWidth(negativeLogDensity(distribution, sample as tf.Tensor5D)),
          std: distribution.std,
          extreme_logvar: posterior(extreme as tf.Tensor5D).logvar,
        };
      },
      inputs,
    );
    return compare(goldenCase, outputs);
  },
};

export const adversarialRunner: GoldenRunner = {
  name: "adversarial losses",
  matches: ({ module }) => module === "hinge_d_loss / vanilla_d_loss",
  async run(goldenCase, tools) {
    const inputs = await lastInputs(goldenCase, ["logits_real", "logits_fake"]);
    const outputs = await callLast(
      tools,
      "adversarial",
      ({ logits_real: real, logits_fake: fake }) => ({
        hinge: one(discriminatorLoss("hinge", real!, fake!)),
        vanilla: one(discriminatorLoss("vanilla", real!, fake!)),
        generator: one(generatorLoss(fake!)),
      }),
      inputs,
    );
    return compare(goldenCase, outputs);
  },
};

export const lpipsRunner: GoldenRunner = {
  name: "LPIPS",
  matches: ({ module }) => module.startsWith("LPIPS ("),
  async run(goldenCase, tools) {
    const network = new Lpips({
      widths: configOf(goldenCase)["chns"] as unknown as [number, number, number, number, number],
    });
    try {
      await loadWeights(network, goldenCase);
      const inputs = await lastInputs(goldenCase, ["input", "target"]);
      const outputs = await callLast(
        tools,
        "lpips",
        ({ input, target }) => {
          const [x, y] = [input as tf.Tensor4D, target as tf.Tensor4D];
          const last = network.features(x)[4]!;
          return {
            lpips: tf.reshape(network.distance(x, y), [x.shape[0], 1, 1, 1]),
            per_layer: network.stageDistances(x, y),
            feat_relu5_3: last,
            feat_relu5_3_mean: one(tf.mean(last)),
          };
        },
        inputs,
      );
      return await compare(goldenCase, outputs);
    } finally {
      network.dispose();
    }
  },
};

const discriminators: Readonly<Record<string, typeof NLayerDiscriminator | typeof NLayerDiscriminator3D>> = {
  NLayerDiscriminator,
  NLayerDiscriminator3D,
};

export const discriminatorRunner: GoldenRunner = {
  name: "PatchGAN",
  matches: ({ module }) => module in discriminators,
  async run(goldenCase, tools) {
    const { input_nc, ndf, n_layers } = configOf(goldenCase) as Readonly<Record<string, number>>;
    const discriminator = new discriminators[goldenCase.module]!({
      channels: input_nc!,
      width: ndf!,
      layers: n_layers!,
    });
    try {
      await loadWeights(discriminator, goldenCase);
      const firstNorm = discriminator.main[3] as BatchNorm;
      const outputs = await callLast(
        tools,
        "discriminator",
        ({ x }) => {
          const tracked = discriminator.trackedStatistics(x!);
          return {
            logits_eval: discriminator.forward(x!, "running"),
            logits_train: discriminator.forward(x!, "batch"),
            running_mean_after: tracked.get(firstNorm.running_mean)!,
            running_var_after: tracked.get(firstNorm.running_var)!,
          };
        },
        await lastInputs(goldenCase, ["x"]),
      );
      return await compare(goldenCase, outputs);
    } finally {
      discriminator.dispose();
    }
  },
};
