// A denoiser as an executor runs it while sampling: the text is read once, then one call for each step.
import {
  type Denoiser,
  type DenoiserInput,
  eagerExecutor,
  type Executable,
  type Executor,
  type LatentTensor,
  Module,
  type NamedTensors,
  type TextCondition,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/**
 * A denoiser that can read a text once for many calls. Optional: one that only has `predict` is given the text itself at
 * every call.
 */
export interface ReadsConditionOnce {
  /** What the network makes of a text whatever the latents are. */
  readCondition(condition: TextCondition): Record<string, tf.Tensor>;
  /** As `predict`, for a condition that was read. */
  predictRead(input: Omit<DenoiserInput, "condition">, read: NamedTensors): tf.Tensor5D;
}

export interface NetworkCallInput {
  /** `[B, S, h, w, C]`. */
  readonly latents: LatentTensor;
  readonly stills: number;
  readonly timestep: number;
  /** How far to go from the unconditional to the conditional estimate; 1 leaves out the unconditional one. */
  readonly scale: number;
  /** Share of the correction of over-exposure, see `GuidanceOptions`. Default 0. */
  readonly rescale?: number;
  /** What `read` returned: of the condition alone when `scale` is 1, otherwise the unconditional half first. */
  readonly text: NamedTensors;
  /** `[B, S, h, w, K]`, the same for both halves of a guided call. */
  readonly control?: tf.Tensor5D | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A denoiser compiled for sampling. Share one among runs: shapes it has seen are not compiled again. */
export interface DenoiserNetwork {
  readonly denoiser: Denoiser;
  /** The caller owns the tensors. */
  read(condition: TextCondition, signal?: AbortSignal): Promise<NamedTensors>;
  /** One call of the network, guidance included. The caller owns the result. */
  predict(input: NetworkCallInput): Promise<tf.Tensor5D>;
  /** Frees what was compiled, not the denoiser. */
  dispose(): void;
}

/** Constant weights are a second copy: worth a few per cent of the time of a small network, and not gigabytes. */
const constantBytes = 2 ** 28;

/** `executor`: default eager. */
export function denoiserNetwork(denoiser: Denoiser, executor: Executor = eagerExecutor()): DenoiserNetwork {
  const compiled = new Map<string, Executable>();
  const weights = denoiser instanceof Module && 4 * denoiser.parameterCount() >= constantBytes ? "input" : "constant";
  const once = (name: string, fn: (inputs: NamedTensors) => Record<string, tf.Tensor>): Executable => {
    const found = compiled.get(name) ?? executor.compile(fn, { name: `${denoiser.name}.${name}`, weights });
    compiled.set(name, found);
    return found;
  };
  const reader = readsOnce(denoiser) ? denoiser : undefined;

  return {
    denoiser,
    async read({ embeddings, mask }, signal) {
      if (reader === undefined) return { embeddings: tf.clone(embeddings), mask: tf.clone(mask) };
      const executable = once("text", (inputs) =>
        reader.readCondition({
          embeddings: inputs["embeddings"] as tf.Tensor4D,
          mask: inputs["mask"] as tf.Tensor3D,
        }),
      );
      return executable.run({ embeddings, mask }, { signal });
    },
    async predict({ latents, stills, timestep, scale, rescale = 0, text, control, signal }) {
      const guided = scale !== 1;
      const name = `${guided ? "guided" : "plain"}.${stills}${rescale > 0 ? ".rescaled" : ""}${control === undefined ? "" : ".controlled"}`;
      const executable = once(name, (inputs) => {
        const {
          latents: x,
          timestep: t,
          scale: s,
          rescale: r,
          control: k,
          ...rest
        } = inputs as Record<string, tf.Tensor>;
        const twice = (each: tf.Tensor) => (guided ? tf.concat([each, each]) : each) as tf.Tensor5D;
        const both: LatentTensor = twice(x!);
        const timesteps = tf.mul(tf.ones([both.shape[0]]), t!) as tf.Tensor1D;
        const known = k === undefined ? {} : { control: twice(k) };
        const output = runDenoiser(denoiser, { latents: both, stills, timesteps, ...known }, rest);
        return { output: guided ? combine(output, s!, r) : output };
      });
      const t = tf.scalar(timestep);
      const s = tf.scalar(scale);
      const r = tf.scalar(rescale);
      try {
        const inputs = {
          ...text,
          latents,
          timestep: t,
          ...(guided ? { scale: s } : {}),
          ...(guided && rescale > 0 ? { rescale: r } : {}),
          ...(control === undefined ? {} : { control }),
        };
        const { output } = await executable.run(inputs, { signal });
        return output as tf.Tensor5D;
      } finally {
        tf.dispose([t, s, r]);
      }
    },
    dispose() {
      for (const executable of compiled.values()) executable.dispose();
      compiled.clear();
    },
  };
}

function runDenoiser(denoiser: Denoiser, input: Omit<DenoiserInput, "condition">, text: NamedTensors): tf.Tensor5D {
  if (readsOnce(denoiser)) return denoiser.predictRead(input, text);
  const condition = { embeddings: text["embeddings"] as tf.Tensor4D, mask: text["mask"] as tf.Tensor3D };
  return denoiser.predict({ ...input, condition });
}

/**
 * `u + scale * (c - u)` of the two halves of a batch (Ho and Salimans, arXiv 2207.12598); with `rescale`, that share of it is
 * brought back to the conditional half's deviation (Lin et al., arXiv 2305.08891, section 3.4).
 */
function combine(output: tf.Tensor5D, scale: tf.Tensor, rescale: tf.Tensor | undefined): tf.Tensor5D {
  const [without, withText] = tf.split(output, 2) as [tf.Tensor5D, tf.Tensor5D];
  const guided = tf.add(without, tf.mul(tf.sub(withText, without), scale)) as tf.Tensor5D;
  if (rescale === undefined) return guided;
  const ratio = tf.div(deviation(withText), deviation(guided));
  return tf.mul(guided, tf.add(tf.mul(tf.sub(ratio, 1), rescale), 1));
}

/** Of each item: `[B, 1, 1, 1, 1]`. */
function deviation(x: tf.Tensor5D): tf.Tensor {
  const axes = [1, 2, 3, 4];
  const centred = tf.sub(x, tf.mean(x, axes, true));
  return tf.sqrt(tf.mean(tf.square(centred), axes, true));
}

function readsOnce(denoiser: Denoiser): denoiser is Denoiser & ReadsConditionOnce {
  return "readCondition" in denoiser && "predictRead" in denoiser;
}
