// A sampler as another author would write it: one file that knows nothing but the contracts.
import { ConfigError, type LatentTensor, type Sampler, type SampleRequest } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Adams-Bashforth weights of the newest estimates, newest first, by how many there are. */
const weights: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * Improved PNDM (Zhang and Chen, arXiv 2204.13902, appendix H.2): PNDM's multistep method, started with lower orders instead of
 * Runge-Kutta steps. One call of the network a step.
 */
export function improvedPndm(): Sampler {
  return {
    name: "improved-pndm",
    async *sample(request) {
      const { schedule, steps, signal } = request;
      const total = schedule.betas.length;
      if (!Number.isInteger(steps) || steps < 1 || steps > total) {
        throw new ConfigError(`steps is ${steps}; use an integer from 1 to ${total}`);
      }
      const timesteps = Array.from({ length: steps }, (_, i) => Math.floor(((steps - 1 - i) * total) / steps));
      let x = tf.clone(request.latents);
      let history: LatentTensor[] = [];
      try {
        for (const [i, timestep] of timesteps.entries()) {
          signal?.throwIfAborted();
          const from = schedule.alphasCumprod[timestep]!;
          const next = timesteps[i + 1];
          const to = next === undefined ? 1 : schedule.alphasCumprod[next]!;
          const output = await request.predict(x, timestep);
          const noise = tf.tidy(() => noiseOf(request, output, x, from));
          output.dispose();
          const forgotten = history.slice(3);
          history = [noise, ...history.slice(0, 3)];
          tf.dispose(forgotten);
          const moved = tf.tidy(() => {
            const used = weights[history.length - 1]!;
            const slope = tf.addN(history.map((each, k) => tf.mul(each, used[k]!)));
            const clean = tf.div(tf.sub(x, tf.mul(slope, Math.sqrt(1 - from))), Math.sqrt(from));
            return tf.add(tf.mul(clean, Math.sqrt(to)), tf.mul(slope, Math.sqrt(1 - to))) as LatentTensor;
          });
          x.dispose();
          x = moved;
          signal?.throwIfAborted();
          yield { index: i + 1, count: steps, timestep, latents: x };
        }
        return tf.clone(x);
      } finally {
        tf.dispose([x, history]);
      }
    },
  };
}

/** The estimate of the noise in `x`, `[B, T, h, w, C]`, whatever the network estimates; a learned variance is left out. */
function noiseOf(request: SampleRequest, output: tf.Tensor5D, x: LatentTensor, level: number): LatentTensor {
  const value = tf.slice(output, [0, 0, 0, 0, 0], x.shape);
  const [signal, amount] = [Math.sqrt(level), Math.sqrt(1 - level)];
  if (request.predicts === "noise") return value;
  if (request.predicts === "sample") return tf.div(tf.sub(x, tf.mul(value, signal)), amount);
  return tf.add(tf.mul(x, amount), tf.mul(value, signal));
}
