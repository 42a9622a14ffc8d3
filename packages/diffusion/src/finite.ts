// Says why a result is made of numbers that are none.
import { CheckpointError, ConfigError, type Denoiser, type LatentTensor, Module } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Throws unless every number of `latents` is finite: `CheckpointError` with the names of weights that are not, when some are. */
export async function assertFinite(latents: LatentTensor, denoiser: Denoiser, step: number): Promise<void> {
  if (await isFinite(latents)) return;
  const found = `after step ${step} the latents hold numbers that are not finite`;
  const broken: string[] = [];
  if (denoiser instanceof Module) {
    for (const [name, { variable }] of denoiser.namedParameters()) if (!(await isFinite(variable))) broken.push(name);
  }
  if (broken.length > 0) {
    throw new CheckpointError(
      `${found}, as do ${broken.length} of the denoiser's weights (${broken[0]}${broken.length > 1 ? ", …" : ""}); load an earlier checkpoint or download the weights again`,
    );
  }
  throw new ConfigError(
    `${found} although no weight says so; lower guidanceScale, take more steps, or run in float32 on another backend`,
  );
}

async function isFinite(x: tf.Tensor): Promise<boolean> {
  const result = tf.tidy(() => tf.all(tf.isFinite(x)));
  try {
    return (await result.data())[0] === 1;
  } finally {
    result.dispose();
  }
}
