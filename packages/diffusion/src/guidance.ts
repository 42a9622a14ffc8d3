// Classifier-free guidance (Ho and Salimans, arXiv 2207.12598) as a closure that samplers call.
import {
  ConfigError,
  type Denoiser,
  type Executor,
  type NamedTensors,
  type SampleRequest,
  type TextCondition,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { disposeCondition, stackConditions } from "./conditions.js";
import { type DenoiserNetwork, denoiserNetwork } from "./network.js";

export interface GuidanceOptions {
  /** What to show. Borrowed: kept only until `guided` has resolved. */
  readonly condition: TextCondition;
  /** What to move away from, usually the empty prompt. Needed unless `scale` is 1. */
  readonly unconditional?: TextCondition;
  /**
   * 1 follows the condition alone and needs one network pass instead of two; 4 to 10 is usual. A function of the timestep
   * guides in a part of the schedule only, see `guidanceInterval`.
   */
  readonly scale: number | ((timestep: number) => number);
  /**
   * Share, 0 to 1, of the guided estimate that is brought back to the deviation of the conditional one: large scales
   * over-expose (Lin et al., arXiv 2305.08891, section 3.4, which uses 0.7). Default 0.
   */
  readonly rescale?: number;
  /** Time slots at the end that are independent images. Default 0. */
  readonly stills?: number;
  /**
   * `[B, S, h, w, controlChannels]`: what is known of the clean latents, see `controlOf`. Borrowed until `dispose`. Default
   * nothing.
   */
  readonly control?: tf.Tensor5D | undefined;
  /** Runs the network; default eager. Left out when a `DenoiserNetwork` is given. */
  readonly executor?: Executor;
  readonly signal?: AbortSignal | undefined;
}

/** What a sampler needs to know of a denoiser. Spread it into a `SampleRequest`. */
export interface GuidedDenoiser extends Pick<SampleRequest, "predict" | "predicts" | "learnsVariance"> {
  /** Frees the text it has read, and the network when it made it. */
  dispose(): void;
}

/**
 * A denoiser with prompt and guidance applied. Both halves go through the network in one call, the unconditional one first,
 * and masks keep the padding of either out of the attention.
 */
export async function guided(denoiser: Denoiser | DenoiserNetwork, options: GuidanceOptions): Promise<GuidedDenoiser> {
  const { condition, unconditional, scale, rescale = 0, stills = 0, control, signal } = options;
  if (typeof scale === "number" && !Number.isFinite(scale)) {
    throw new ConfigError(`scale is ${scale}; use a number, 1 for no guidance`);
  }
  if (scale !== 1 && unconditional === undefined) {
    throw new ConfigError(
      `${typeof scale === "number" ? `scale is ${scale}` : "scale is a function"} but unconditional is missing; pass the condition of the empty prompt`,
    );
  }
  if (!(rescale >= 0 && rescale <= 1)) throw new ConfigError(`rescale is ${rescale}; use a share from 0 to 1`);
  if (control !== undefined) checkControlled("denoiser" in denoiser ? denoiser.denoiser : denoiser, control);
  const owned = "denoiser" in denoiser ? undefined : denoiserNetwork(denoiser, options.executor);
  const network = owned ?? (denoiser as DenoiserNetwork);
  const scaleAt = typeof scale === "number" ? () => scale : scale;
  const alone = scale === 1 || typeof scale === "function" ? await readText(network, [condition], signal) : {};
  const both = scale === 1 ? {} : await readText(network, [unconditional!, condition], signal);
  const { predicts, learnsVariance } = network.denoiser;
  return {
    predicts,
    learnsVariance,
    predict(latents, timestep) {
      const now = scaleAt(timestep);
      const text = now === 1 ? alone : both;
      return network.predict({ latents, stills, timestep, scale: now, rescale, text, control, signal });
    },
    dispose() {
      tf.dispose([Object.values(alone), Object.values(both)]);
      owned?.dispose();
    },
  };
}

/**
 * A scale that guides between two timesteps only, both included, and leaves out the second pass elsewhere: little noise needs
 * no guidance, and much of it suffers from it (Kynkäänniemi et al., arXiv 2404.07724).
 */
export function guidanceInterval(options: {
  readonly scale: number;
  /** Default 0. */
  readonly from?: number;
  /** Default no end. */
  readonly to?: number;
}): (timestep: number) => number {
  const { scale, from = 0, to = Infinity } = options;
  if (!(from <= to)) throw new ConfigError(`from is ${from} and to is ${to}; give the smaller timestep first`);
  return (timestep) => (timestep >= from && timestep <= to ? scale : 1);
}

function checkControlled({ name, controlChannels = 0 }: Denoiser, control: tf.Tensor5D): void {
  if (control.shape[4] === controlChannels) return;
  throw new ConfigError(
    `control has ${control.shape[4]} channels but ${name} reads ${controlChannels}; ${controlChannels === 0 ? "use a denoiser that was trained with a control, see LatteT2V.widened" : "make it with controlOf"}`,
  );
}

async function readText(
  network: DenoiserNetwork,
  conditions: readonly TextCondition[],
  signal: AbortSignal | undefined,
): Promise<NamedTensors> {
  const stacked = stackConditions(conditions);
  try {
    return await network.read(stacked, signal);
  } finally {
    disposeCondition(stacked);
  }
}
