// What every sampler does around its formula: checks, network calls, and the ownership of tensors.
import {
  ConfigError,
  type Denoiser,
  type LatentTensor,
  type Sampler,
  type SampleRequest,
  type SampleStep,
  ShapeError,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** A step of this package's samplers. They yield after every call of the network, so `count` is the number of calls. */
export interface SolverStep extends SampleStep {
  /** The estimate of the clean latents at this step, `[B, S, h, w, C]`. Valid until the next step; clone to keep. */
  readonly denoised: LatentTensor;
}

/** The network's answer in the two forms that formulas use. */
export interface Estimate {
  readonly noise: LatentTensor;
  readonly denoised: LatentTensor;
  /** The learned variance channel, where the network has one: -1 is the smallest allowed variance, 1 the largest. */
  readonly range: LatentTensor | undefined;
}

export interface NetworkCall {
  /** What the network is told; may be fractional. */
  readonly timestep: number;
  /** Share of clean signal in the network's input, squared: `input = sqrt(a) clean + sqrt(1 - a) noise`. */
  readonly alphaCumprod: number;
  /** Factor from the sampler's state to the network's input. Default 1. */
  readonly inputScale?: number;
  /** Clamp the estimate of the clean latents to plus and minus this; the noise is left as it was. Default false. */
  readonly clip?: number | false;
}

/**
 * A sampler whose whole run is `body`: it yields its steps and returns the final latents. The run's other tensors are freed
 * however it ends.
 */
export function solver(
  name: string,
  body: (run: SolverRun, request: SampleRequest) => AsyncGenerator<SolverStep, LatentTensor, void>,
): Sampler {
  return {
    name,
    async *sample(request) {
      const run = new SolverRun(request);
      try {
        return run.finish(yield* body(run, request));
      } finally {
        run.dispose();
      }
    },
  };
}

/** One run of a sampler. It owns every tensor it makes until `finish` hands the last one over. */
export class SolverRun {
  readonly #request: SampleRequest;
  readonly #owned = new Set<tf.Tensor>();
  #calls = 0;
  #count = 0;

  constructor(request: SampleRequest) {
    const { steps, schedule } = request;
    const most = schedule.betas.length;
    if (!Number.isInteger(steps) || steps < 1 || steps > most) {
      throw new ConfigError(`steps is ${steps}; use an integer from 1 to ${most}`);
    }
    this.#request = request;
  }

  /** The starting noise times `scale`; `calls` is how often the network will be called. */
  start(calls: number, scale = 1): LatentTensor {
    this.#count = calls;
    return this.make(() => tf.mul(this.#request.latents, scale));
  }

  /** Computes a tensor that this run then owns. */
  make(formula: () => tf.Tensor): LatentTensor {
    const result = tf.tidy(formula) as LatentTensor;
    this.#owned.add(result);
    return result;
  }

  /** Calls the network on `x`, `[B, S, h, w, C]`, and turns its output into both forms. */
  async call(x: LatentTensor, call: NetworkCall): Promise<Estimate> {
    const { inputScale = 1, clip = false } = call;
    const input = inputScale === 1 ? x : this.make(() => tf.mul(x, inputScale));
    const output = await this.#run(input, call.timestep);
    const value = this.#part(output, 0);
    const range = this.#request.learnsVariance ? this.#part(output, 1) : undefined;
    const { noise, denoised } = this.#bothForms(this.#request.predicts, value, input, call.alphaCumprod);
    const clipped = clip === false ? denoised : this.make(() => tf.clipByValue(denoised, -clip, clip));
    return { noise, denoised: clipped, range };
  }

  /** Calls the network on `x`, `[B, S, h, w, C]`: its output as it is, without a variance. */
  async output(x: LatentTensor, timestep: number): Promise<LatentTensor> {
    return this.#part(await this.#run(x, timestep), 0);
  }

  /** Standard normal noise of the latents' shape. */
  noise(): LatentTensor {
    return this.make(() => this.#request.rng.normal(this.#request.latents.shape));
  }

  /** Ends a step: `latents`, `denoised` and `history` are kept, everything else that the run owns is disposed. */
  step(
    timestep: number,
    latents: LatentTensor,
    denoised: LatentTensor,
    history: readonly LatentTensor[] = [],
  ): SolverStep {
    this.#keepOnly([latents, denoised, ...history]);
    return { index: this.#calls, count: this.#count, timestep, latents, denoised };
  }

  /** Hands `latents` to the caller. */
  finish(latents: LatentTensor): LatentTensor {
    this.#owned.delete(latents);
    return latents;
  }

  dispose(): void {
    this.#keepOnly([]);
  }

  #keepOnly(kept: readonly tf.Tensor[]): void {
    for (const tensor of this.#owned) {
      if (kept.includes(tensor)) continue;
      tensor.dispose();
      this.#owned.delete(tensor);
    }
  }

  async #run(input: LatentTensor, timestep: number): Promise<tf.Tensor5D> {
    const { signal, predict, learnsVariance } = this.#request;
    signal?.throwIfAborted();
    const output = await predict(input, timestep);
    this.#owned.add(output);
    signal?.throwIfAborted();
    this.#calls++;
    const channels = input.shape[4];
    const expected = learnsVariance ? 2 * channels : channels;
    if (output.shape[4] !== expected) {
      throw new ShapeError(
        `predict returned ${output.shape[4]} channels where ${expected} were expected; check learnsVariance and the denoiser's out_channels`,
      );
    }
    return output;
  }

  /** 0: the estimate, 1: the variance. */
  #part(output: tf.Tensor5D, index: number): LatentTensor {
    if (!this.#request.learnsVariance) return output;
    const channels = output.shape[4] / 2;
    return this.make(() => tf.slice(output, [0, 0, 0, 0, index * channels], [-1, -1, -1, -1, channels]));
  }

  #bothForms(
    predicts: Denoiser["predicts"],
    value: tf.Tensor5D,
    input: LatentTensor,
    alphaCumprod: number,
  ): { readonly noise: LatentTensor; readonly denoised: LatentTensor } {
    const signal = Math.sqrt(alphaCumprod);
    const amount = Math.sqrt(1 - alphaCumprod);
    const sum = (a: number, x: tf.Tensor, b: number, y: tf.Tensor) =>
      this.make(() => tf.add(tf.mul(x, a), tf.mul(y, b)));
    if (predicts === "noise") return { noise: value, denoised: sum(1 / signal, input, -amount / signal, value) };
    if (predicts === "sample") return { noise: sum(1 / amount, input, -signal / amount, value), denoised: value };
    return { noise: sum(amount, input, signal, value), denoised: sum(signal, input, -amount, value) };
  }
}
