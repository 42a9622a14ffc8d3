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
  /** 1 follows the condition alone and needs one network pass instead of two; 4 to 10 is usual. */
  readonly scale: number;
  /** Time slots at the end that are independent images. Default 0. */
  readonly stills?: number;
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
  const { condition, unconditional, scale, stills = 0, signal } = options;
  if (!Number.isFinite(scale)) throw new ConfigError(`scale is ${scale}; use a number, 1 for no guidance`);
  if (scale !== 1 && unconditional === undefined) {
    throw new ConfigError(`scale is ${scale} but unconditional is missing; pass the condition of the empty prompt`);
  }
  const owned =
    "predict" in denoiser && "denoiser" in denoiser ? undefined : denoiserNetwork(denoiser, options.executor);
  const network = owned ?? (denoiser as DenoiserNetwork);
  const text = await readText(network, scale === 1 ? [condition] : [unconditional!, condition], signal);
  const { predicts, learnsVariance } = network.denoiser;
  return {
    predicts,
    learnsVariance,
    predict: (latents, timestep) => network.predict({ latents, stills, timestep, scale, text, signal }),
    dispose() {
      tf.dispose(Object.values(text));
      owned?.dispose();
    },
  };
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
