// How large an autoencoder's latents are: how much noise they begin with, and the scale they end with.
import { CausalVae, savePretrained } from "@noisereel/causal-vae";
import type { Clip, Executor } from "@noisereel/core";
import { clipToTensor } from "@noisereel/data";

/** Lets every latent begin with this log variance. */
export function setLogVariance(vae: CausalVae, value: number): void {
  const bias = [...vae.quant_conv.namedParameters()].find(([name]) => name.endsWith("bias"))![1];
  const values = bias.variable.dataSync().slice() as Float32Array;
  bias.assign(values.fill(value, values.length / 2));
}

/**
 * Writes the model with the scale that gives the means of its latents of these clips a standard deviation of 1.
 * `first` cuts a clip to what is measured.
 */
export async function saveScaled(options: {
  readonly vae: CausalVae;
  readonly clips: readonly Clip[];
  readonly first: (clip: Clip) => Clip | Promise<Clip>;
  readonly executor: Executor;
  readonly folder: string;
}): Promise<void> {
  const { vae, executor } = options;
  const encoder = executor.compile(({ video }) => ({ mean: vae.posterior(vae.moments(video as never)).mean }), {
    name: "latent scale",
  });
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (const clip of options.clips) {
    const video = clipToTensor(await options.first(clip));
    const { mean } = await encoder.run({ video });
    for (const value of await mean!.data()) {
      sum += value;
      squares += value * value;
      count++;
    }
    mean!.dispose();
    video.dispose();
  }
  encoder.dispose();
  const deviation = Math.sqrt(squares / count - (sum / count) ** 2);
  const scaled = new CausalVae({ ...vae.config, latent_scale: 1 / deviation });
  try {
    scaled.loadStateDict(await vae.stateDict());
    await savePretrained(scaled, options.folder);
  } finally {
    scaled.dispose();
  }
}
