// A quickstart of seconds, run as a process of its own so that a test can kill it: short-run.ts FOLDER [MANIFEST].
import * as tf from "@tensorflow/tfjs";
import { type QuickstartConfig, quickstartConfig, runQuickstart } from "../index.js";

export const shortConfig: QuickstartConfig = {
  ...quickstartConfig,
  height: 32,
  width: 32,
  autoencoder: {
    ...quickstartConfig.autoencoder,
    model: { hidden_size: 8, hidden_size_mult: [1, 1, 1, 1], num_res_blocks: 1 },
    steps: 8,
    warmUpSteps: 1,
    frames: 5,
    stills: 1,
    saveEvery: 2,
  },
  textEncoder: { ...quickstartConfig.textEncoder, width: 16, heads: 2 },
  denoiser: { ...quickstartConfig.denoiser, num_attention_heads: 2, attention_head_dim: 16, num_layers: 1 },
  stages: quickstartConfig.stages.map((stage, index) => ({
    ...stage,
    frames: index === 0 ? 5 : 9,
    height: index === 0 ? 16 : 32,
    width: index === 0 ? 16 : 32,
    steps: 8,
    saveEvery: 2,
  })),
  warmUpSteps: 1,
  sampling: { ...quickstartConfig.sampling, steps: 2 },
};

const [folder, manifest] = process.argv.slice(2);
if (folder !== undefined) {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  await runQuickstart({
    folder,
    config: shortConfig,
    ...(manifest === undefined ? {} : { manifest }),
    onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
}
