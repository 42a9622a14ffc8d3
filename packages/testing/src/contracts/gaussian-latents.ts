// Latents of a known distribution: what the best network would say about them can be computed, so samplers need no network.
import type { LatentTensor, NoiseSchedule, SampleRequest } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Every value is normal with this mean and deviation. */
export const latentsData = { mean: 0.8, deviation: 0.5 } as const;

/** Betas in a straight line from 1e-4 to 0.02, 1000 steps. */
export function straightSchedule(): NoiseSchedule {
  const betas = Float64Array.from({ length: 1000 }, (_, t) => 1e-4 + (t * (0.02 - 1e-4)) / 999);
  let product = 1;
  return { name: "linear", betas, alphasCumprod: betas.map((beta) => (product *= 1 - beta)) };
}

/** What a request's network is a model of: a diffusion, or the straight lines of rectified flow. */
export type Process = "diffusion" | "flow";

/** The best estimate for noisy latents `x`, `[B, T, h, w, C]`, in the form that is asked for. The caller owns it. */
export function bestEstimate(
  x: LatentTensor,
  timestep: number,
  options: {
    readonly schedule: NoiseSchedule;
    readonly predicts: SampleRequest["predicts"];
    readonly process: Process;
  },
): LatentTensor {
  const { schedule, predicts, process } = options;
  const [signal, amount] = process === "flow" ? lineAt(schedule, timestep) : mixAt(schedule, timestep);
  return tf.tidy(() => {
    const variance = (signal * latentsData.deviation) ** 2 + amount ** 2;
    const centred = tf.sub(x, signal * latentsData.mean);
    const clean = tf.add(tf.mul(centred, (signal * latentsData.deviation ** 2) / variance), latentsData.mean);
    const noise = tf.mul(centred, amount / variance);
    if (predicts === "sample") return clean;
    if (predicts === "noise") return noise;
    return process === "flow" ? tf.sub(noise, clean) : tf.sub(tf.mul(noise, signal), tf.mul(clean, amount));
  }) as LatentTensor;
}

function lineAt({ betas }: NoiseSchedule, timestep: number): readonly [signal: number, noise: number] {
  const share = (timestep + 1) / betas.length;
  return [1 - share, share];
}

/** Between two timesteps the logarithm of the level is interpolated. */
function mixAt({ alphasCumprod }: NoiseSchedule, timestep: number): readonly [signal: number, noise: number] {
  const low = Math.floor(timestep);
  const high = Math.min(low + 1, alphasCumprod.length - 1);
  const [a, b] = [Math.log(alphasCumprod[low]!), Math.log(alphasCumprod[high]!)];
  const level = Math.exp(a + (timestep - low) * (b - a));
  return [Math.sqrt(level), Math.sqrt(1 - level)];
}
