// Tiled encode and decode of the reference: space, and space with time chunks (tag v1.1.0).
import { channelsFirst, fromTensor, type GoldenRunner, toTensor } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import { compiled } from "../../src/compiled.js";
import { CausalVae } from "../../src/model.js";
import { posterior } from "../../src/posterior.js";
import { tiled } from "../../src/tiled.js";
import { compare, configOf, lastInputs, loadWeights, modelConfig } from "./support.js";

export const tilingRunner: GoldenRunner = {
  name: "tiled",
  matches: ({ module }) => module.includes("tiled_encode"),
  async run(goldenCase, tools) {
    const config = configOf(goldenCase) as Readonly<Record<string, number>>;
    const vae = new CausalVae(modelConfig(goldenCase, goldenCase.config));
    const whole = compiled(vae, tools.executor);
    const chunkFrames = config["tile_sample_min_size_t"];
    const cut = tiled(whole, {
      tileSize: config["tile_sample_min_size"]!,
      overlap: config["tile_overlap_factor"]!,
      grid: "reference",
      ...(chunkFrames === undefined ? {} : { chunkFrames }),
    });
    const video = toTensor((await lastInputs(goldenCase, ["x"]))["x"]!) as tf.Tensor5D;
    const owned: tf.Tensor[] = [video];
    try {
      await loadWeights(vae, goldenCase);
      const moments = await cut.moments(video);
      const { mean, logvar, std } = posterior(moments);
      const recon = await cut.decodeLatents(mean);
      owned.push(moments, mean, logvar, std, recon);
      const results: Record<string, tf.Tensor> = { mean, logvar, recon };
      if ((await goldenCase.expected()).has("out.full_mean")) {
        const untiled = await whole.moments(video);
        const full = posterior(untiled);
        owned.push(untiled, full.mean, full.logvar, full.std);
        results["full_mean"] = full.mean;
      }
      const outputs = await Promise.all(
        Object.entries(results).map(async ([name, tensor]) => [name, channelsFirst(await fromTensor(tensor))] as const),
      );
      return await compare(goldenCase, Object.fromEntries(outputs));
    } finally {
      tf.dispose(owned);
      whole.dispose();
      vae.dispose();
    }
  },
};
