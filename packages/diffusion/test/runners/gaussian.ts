// Tables, losses and single steps of Gaussian diffusion.
import type { NamedTensors, NoiseSchedule } from "@noisereel/core";
import { compareOutputs, type GoldenArray, type GoldenCase, type GoldenRunner } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import {
  addNoise,
  ancestralStep,
  ddimReverseStep,
  ddimStep,
  denoisingDistribution,
  diffusionTables,
  gaussianFactors,
  iddpm,
  type IddpmOptions,
  linearSchedule,
  posterior,
  priorBitsPerDimension,
  respace,
  spaceTimesteps,
  squaredCosineSchedule,
  toClean,
  type VarianceKind,
} from "../../src/index.js";
import { channelsFirstTensor, configOf, inputsOf, latentsOf } from "./support.js";

/** The reference's names of a schedule's tables. */
const tableNames = {
  betas: "betas",
  alphas_cumprod: "alphasCumprod",
  alphas_cumprod_prev: "alphasCumprodPrev",
  alphas_cumprod_next: "alphasCumprodNext",
  sqrt_alphas_cumprod: "sqrtAlphasCumprod",
  sqrt_one_minus_alphas_cumprod: "sqrtOneMinusAlphasCumprod",
  log_one_minus_alphas_cumprod: "logOneMinusAlphasCumprod",
  sqrt_recip_alphas_cumprod: "sqrtRecipAlphasCumprod",
  sqrt_recipm1_alphas_cumprod: "sqrtRecipm1AlphasCumprod",
  posterior_variance: "posteriorVariance",
  posterior_log_variance_clipped: "posteriorLogVarianceClipped",
  posterior_mean_coef1: "posteriorMeanCoef1",
  posterior_mean_coef2: "posteriorMeanCoef2",
} as const;

const vector = (data: Float64Array): GoldenArray => ({ shape: [data.length], data });

function scheduleNamed(name: string, steps: number): NoiseSchedule {
  return name.startsWith("squaredcos") ? squaredCosineSchedule({ steps }) : linearSchedule({ steps });
}

const tablesRunner: GoldenRunner = {
  name: "diffusion tables",
  matches: ({ module }) => module.startsWith("GaussianDiffusion tables"),
  async run(goldenCase) {
    const { schedule, steps } = configOf(goldenCase) as { schedule: string; steps: number };
    const tables = diffusionTables(scheduleNamed(schedule, steps));
    const outputs: Record<string, GoldenArray> = {
      "out.betas_cosine": vector(squaredCosineSchedule({ steps }).betas),
    };
    for (const [theirs, ours] of Object.entries(tableNames)) outputs[`out.${theirs}`] = vector(tables[ours]);
    return compareOutputs(goldenCase, outputs);
  },
};

const respacingRunner: GoldenRunner = {
  name: "respacing",
  matches: ({ module }) => module.startsWith("space_timesteps"),
  async run(goldenCase) {
    const { total } = configOf(goldenCase) as { total: number };
    const schedule = linearSchedule({ steps: total });
    const outputs: Record<string, GoldenArray> = {};
    for (const output of (await goldenCase.expected()).keys()) {
      const spec = output.split(".")[1]!;
      const spaced = respace(schedule, spaceTimesteps(total, parseSpacing(spec)));
      const tables = diffusionTables(spaced);
      outputs[`out.${spec}.timestep_map`] = {
        shape: [spaced.timesteps.length],
        data: Int32Array.from(spaced.timesteps),
      };
      outputs[`out.${spec}.betas`] = vector(tables.betas);
      outputs[`out.${spec}.posterior_log_variance_clipped`] = vector(tables.posteriorLogVarianceClipped);
    }
    return compareOutputs(goldenCase, outputs);
  },
};

/** `"250"`, `"ddim50"` or `"10_20_30"`. */
export function parseSpacing(spec: string): number | readonly number[] | `ddim${number}` {
  if (spec.startsWith("ddim")) return `ddim${Number(spec.slice(4))}`;
  const counts = spec.split(/[_,]/).map(Number);
  return counts.length === 1 ? counts[0]! : counts;
}

const schedule = linearSchedule();

/** The case's latents channels last, and the factors of its timesteps. */
async function gaussianInputs(goldenCase: GoldenCase, names: readonly string[], variance: VarianceKind) {
  const found = await inputsOf(goldenCase, names);
  const inputs: Record<string, GoldenArray> = {};
  for (const [name, array] of Object.entries(found)) inputs[name] = latentsOf(array);
  const timesteps = (await goldenCase.hasInput("t")) ? (await goldenCase.input("t")).data : [];
  for (const [name, data] of Object.entries(gaussianFactors(schedule, timesteps, variance))) {
    inputs[`factor.${name}`] = { shape: [data.length], data };
  }
  return inputs;
}

function factorsIn(inputs: NamedTensors): NamedTensors {
  const found: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    if (name.startsWith("factor.")) found[name.slice("factor.".length)] = tensor;
  }
  return found;
}

const first = channelsFirstTensor;

const noisingRunner: GoldenRunner = {
  name: "noising and posterior",
  matches: ({ module }) => module.startsWith("q_sample and q_posterior"),
  async run(goldenCase, tools) {
    const inputs = await gaussianInputs(goldenCase, ["x0", "noise"], "fixed-small");
    const outputs = await tools.call(
      goldenCase.id,
      (tensors) => {
        const factors = factorsIn(tensors);
        const clean = tensors["x0"] as tf.Tensor5D;
        const noisy = addNoise(clean, tensors["noise"] as tf.Tensor5D, factors);
        const { mean, logVariance } = posterior(clean, noisy, factors);
        return {
          "out.x_t": first(noisy),
          "out.posterior_mean": first(mean),
          "out.posterior_log_variance": first(tf.add(tf.zerosLike(clean), logVariance)),
        };
      },
      inputs,
    );
    // The variance itself is 0 at the first timestep, where its logarithm is clipped: it comes from the table.
    const { posteriorVariance } = diffusionTables(schedule);
    const { shape } = outputs["out.x_t"]!;
    const timesteps = (await goldenCase.input("t")).data;
    const perItem = shape.slice(1).reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: shape[0]! * perItem }, (_, i) => {
      return posteriorVariance[timesteps[Math.floor(i / perItem)]!]!;
    });
    return compareOutputs(goldenCase, { ...outputs, "out.posterior_variance": { shape, data } });
  },
};

interface ReferenceOptions {
  readonly learn_sigma?: boolean;
  readonly sigma_small?: boolean;
  readonly predict_xstart?: boolean;
  readonly use_kl?: boolean;
  readonly rescale_learned_sigmas?: boolean;
}

/** The reference's constructor arguments as ours. */
function objectiveOptions(options: ReferenceOptions): IddpmOptions {
  const fixed = options.sigma_small === true ? "fixed-small" : "fixed-large";
  return {
    predicts: options.predict_xstart === true ? "sample" : "noise",
    variance: options.learn_sigma === false ? fixed : "learned-range",
    loss: options.use_kl === true ? "rescaled-kl" : options.rescale_learned_sigmas === true ? "rescaled-mse" : "mse",
  };
}

const lossesRunner: GoldenRunner = {
  name: "training losses",
  matches: ({ module }) => module.startsWith("training_losses for a fixed model output"),
  async run(goldenCase, tools) {
    const timesteps = (await goldenCase.input("t")).data;
    const found = await inputsOf(goldenCase, ["x0", "noise", "model_output", "model_output_xstart"]);
    const outputs: Record<string, GoldenArray> = {};
    for (const [name, options] of Object.entries(configOf(goldenCase) as Record<string, ReferenceOptions>)) {
      const objective = iddpm(objectiveOptions(options));
      const full = latentsOf(found["model_output"]!);
      const xstart = latentsOf(found["model_output_xstart"]!);
      const output = objective.predicts === "sample" ? xstart : objective.learnsVariance === true ? full : half(full);
      const inputs: Record<string, GoldenArray> = {
        output,
        clean: latentsOf(found["x0"]!),
        noise: latentsOf(found["noise"]!),
      };
      for (const [factor, data] of Object.entries(objective.factors(timesteps))) {
        inputs[`factor.${factor}`] = { shape: [data.length], data };
      }
      const results = await tools.call(
        `${goldenCase.id}.${name}`,
        (tensors) => {
          const factors = factorsIn(tensors);
          const [clean, noise] = [tensors["clean"] as tf.Tensor5D, tensors["noise"] as tf.Tensor5D];
          const noisy = objective.noised(clean, noise, factors);
          const losses = (x: tf.Tensor) => objective.losses({ output: x as tf.Tensor5D, clean, noise, noisy, factors });
          const { loss, parts } = losses(tensors["output"]!);
          const gradient = tf.grad((x: tf.Tensor) => tf.mean(losses(x).loss))(tensors["output"]!);
          return { loss: tf.clone(loss), ...parts, d_model_output: first(gradient) };
        },
        inputs,
      );
      for (const [key, array] of Object.entries(results)) outputs[`out.${name}.${key}`] = array;
    }
    return compareOutputs(goldenCase, outputs);
  },
};

/** The first half of the channels, `[..., C]`. */
function half({ shape, data }: GoldenArray): GoldenArray {
  const channels = shape.at(-1)! / 2;
  const rows = data.length / (2 * channels);
  const result = new Float32Array(rows * channels);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < channels; c++) result[row * channels + c] = data[row * 2 * channels + c]!;
  }
  return { shape: [...shape.slice(0, -1), channels], data: result };
}

const priorRunner: GoldenRunner = {
  name: "prior",
  matches: ({ module }) => module.startsWith("prior KL term"),
  async run(goldenCase, tools) {
    const { x0 } = await inputsOf(goldenCase, ["x0"]);
    const outputs = await tools.call(
      goldenCase.id,
      (inputs) => ({ "out.prior_bpd": priorBitsPerDimension(inputs["x0"] as tf.Tensor5D, schedule) }),
      { x0: latentsOf(x0!) },
    );
    return compareOutputs(goldenCase, outputs);
  },
};

const reverseRunner: GoldenRunner = {
  name: "reverse steps",
  matches: ({ module }) => module.startsWith("p_mean_variance, p_sample, ddim_sample"),
  async run(goldenCase, tools) {
    const inputs = await gaussianInputs(goldenCase, ["x_t", "model_output", "noise"], "learned-range");
    const etas = [...(await goldenCase.expected()).keys()].flatMap((name) => /_eta([\d.]+)$/.exec(name)?.[1] ?? []);
    // The reverse step is recorded at timesteps below the last one.
    const last = schedule.betas.length - 2;
    const timesteps = Array.from((await goldenCase.input("t")).data, (t) => Math.min(t, last));
    for (const [name, data] of Object.entries(gaussianFactors(schedule, timesteps, "learned-range"))) {
      inputs[`clamped.${name}`] = { shape: [data.length], data };
    }
    const outputs = await tools.call(
      goldenCase.id,
      (tensors) => {
        const factors = factorsIn(tensors);
        const noisy = tensors["x_t"] as tf.Tensor5D;
        const noise = tensors["noise"] as tf.Tensor5D;
        const [eps, range] = tf.split(tensors["model_output"]!, 2, 4) as [tf.Tensor5D, tf.Tensor5D];
        const estimate = toClean(eps, noisy, factors, "noise");
        const results: Record<string, tf.Tensor> = {};
        for (const [kind, clean] of [
          ["noclip", estimate],
          ["clip", tf.clipByValue(estimate, -1, 1)],
        ] as const) {
          const distribution = denoisingDistribution(clean, noisy, range, factors);
          results[`out.pmv_${kind}.mean`] = first(distribution.mean);
          results[`out.pmv_${kind}.log_variance`] = first(distribution.logVariance);
          results[`out.pmv_${kind}.variance`] = first(tf.exp(distribution.logVariance));
          results[`out.pmv_${kind}.pred_xstart`] = first(clean);
          results[`out.p_sample_${kind}`] = first(ancestralStep(distribution, noise, factors));
          for (const eta of etas) {
            results[`out.ddim_${kind}_eta${eta}`] = first(ddimStep(clean, noisy, { eta: Number(eta), noise }, factors));
          }
        }
        const clamped: Record<string, tf.Tensor> = {};
        for (const name of Object.keys(factors)) clamped[name] = tensors[`clamped.${name}`]!;
        const up = ddimReverseStep(toClean(eps, noisy, clamped, "noise"), noisy, clamped);
        results["out.ddim_reverse"] = first(up);
        return results;
      },
      inputs,
    );
    return compareOutputs(goldenCase, outputs);
  },
};

export const gaussianRunners: readonly GoldenRunner[] = [
  tablesRunner,
  respacingRunner,
  noisingRunner,
  lossesRunner,
  priorRunner,
  reverseRunner,
];
