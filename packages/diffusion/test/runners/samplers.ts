// Whole sampling loops: recorded trajectories with an analytic network, timesteps, and the guided pipeline with a tiny model.
import type { Executable, NoiseSchedule, Sampler } from "@noisereel/core";
import {
  channelsFirst,
  compareNumbers,
  compareOutputs,
  fromTensor,
  type GoldenArray,
  type GoldenCase,
  type GoldenComparison,
  type GoldenRunner,
  type GoldenTools,
  toTensor,
} from "@noisereel/testing";
import { createRng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import {
  ddim,
  ddpm,
  deis,
  denoiserNetwork,
  dpmSolverMultistep,
  dpmSolverSinglestep,
  euler,
  eulerAncestral,
  guided,
  heun,
  kdpm2Ancestral,
  LatteT2V,
  linearSchedule,
  pndm,
  spaceTimesteps,
} from "../../src/index.js";
import { fractionalTimesteps, interpolate, noiseRatios, roundedTimesteps } from "../../src/samplers/timesteps.js";
import { parseSpacing } from "./gaussian.js";
import { configOf, floats, inputsOf, latentsOf, latteConfigOf, load, reshaped } from "./support.js";

interface Constructor {
  readonly clip_sample?: boolean;
  readonly skip_prk_steps?: boolean;
  readonly beta_start?: number;
  readonly beta_end?: number;
}

interface Recorded {
  readonly sampler: Sampler;
  readonly schedule: NoiseSchedule;
  /** Which calls drew the recorded noise. */
  readonly drawsAt: (call: number, calls: number) => boolean;
  /** The noise ratios that the scheduler lists, and the one it starts from. */
  readonly sigmas: (steps: number) => readonly number[];
}

/** A scheduler of diffusers by its class and constructor arguments. */
function recorded(name: string, given: Constructor, eta: number): Recorded {
  const { beta_start: start, beta_end: end } = given;
  const own = start !== undefined && end !== undefined;
  // Two schedulers have betas of their own by default: that is what `compat` means for them.
  const schedule = own ? linearSchedule({ start, end }) : linearSchedule();
  const others = own ? schedule : linearSchedule({ start: 0.00085, end: 0.012 });
  const clip = given.clip_sample === false ? false : 1;
  const always = () => true;
  const none = () => [];
  const evenly = (of: NoiseSchedule, last: number, repeat: number) => (steps: number) => {
    const ratios = noiseRatios(of);
    const sigmas = fractionalTimesteps(of, steps).map((timestep) => interpolate(ratios, timestep));
    return [...sigmas.flatMap((sigma, i) => Array<number>(i === 0 ? 1 : repeat).fill(sigma)), last];
  };
  const rounded = (last: number) => (steps: number) => {
    const ratios = noiseRatios(schedule);
    return [...roundedTimesteps(schedule, steps).map((timestep) => interpolate(ratios, timestep)), last];
  };
  const known: Readonly<Record<string, Omit<Recorded, "schedule">>> = {
    PNDM: {
      sampler: pndm({ compat: true, rungeKutta: given.skip_prk_steps !== true }),
      drawsAt: always,
      sigmas: none,
    },
    DDIM: { sampler: ddim({ compat: true, clip, eta }), drawsAt: always, sigmas: none },
    DDPM: { sampler: ddpm({ compat: true, clip }), drawsAt: always, sigmas: none },
    EulerDiscrete: { sampler: euler(), drawsAt: always, sigmas: evenly(schedule, 0, 1) },
    EulerAncestralDiscrete: { sampler: eulerAncestral(), drawsAt: always, sigmas: evenly(schedule, 0, 1) },
    HeunDiscrete: { sampler: heun({ compat: !own }), drawsAt: always, sigmas: evenly(others, 0, 2) },
    KDPM2AncestralDiscrete: {
      sampler: kdpm2Ancestral({ compat: !own }),
      drawsAt: (call) => call % 2 === 1,
      // This scheduler repeats the last one too, and then once more.
      sigmas: (steps) => [...evenly(others, 0, 2)(steps), 0, 0],
    },
    DPMSolverMultistep: { sampler: dpmSolverMultistep(), drawsAt: always, sigmas: rounded(0) },
    DPMSolverSinglestep: { sampler: dpmSolverSinglestep(), drawsAt: always, sigmas: rounded(0) },
    DEISMultistep: { sampler: deis(), drawsAt: always, sigmas: rounded(noiseRatios(schedule)[0]!) },
  };
  const found = known[name];
  if (found === undefined) throw new Error(`no sampler is known for ${name}`);
  return { schedule, ...found };
}

const schedulerName = /^(\w+)Scheduler\(/;

const trajectoryRunner: GoldenRunner = {
  name: "sampler trajectories",
  matches: ({ module }) => schedulerName.test(module),
  async run(goldenCase, tools) {
    const [, name] = schedulerName.exec(goldenCase.module)!;
    const eta = Number(/eta=([\d.]+)/.exec(goldenCase.module)?.[1] ?? 0);
    const config = configOf(goldenCase) as {
      constructor: Constructor;
      runs: Readonly<Record<string, unknown>>;
    };
    const { z_T, u } = await inputsOf(goldenCase, ["z_T", "u"]);
    const outputs: Record<string, GoldenArray> = {};
    for (const steps of Object.keys(config.runs)) {
      const kind = recorded(name!, config.constructor, eta);
      const noise = (await goldenCase.hasInput(`n${steps}.noise`))
        ? await goldenCase.input(`n${steps}.noise`)
        : undefined;
      const run = await runAnalytic(goldenCase, tools, {
        ...kind,
        steps: Number(steps),
        start: latentsOf(z_T!),
        u: latentsOf(u!),
        noise: noise === undefined ? [] : split(noise).filter((_, call, all) => kind.drawsAt(call, all.length)),
        variance: () => undefined,
      });
      const sigmas = kind.sigmas(Number(steps));
      // A scheduler without noise ratios, or with ratios but latents that keep their variance, starts from the noise itself.
      const scale = /^(Euler|Heun|KDPM2)/.test(name!) ? sigmas[0]! : 1;
      const scaled = { shape: z_T!.shape, data: floats(z_T!).data.map((value) => value * scale) as Float32Array };
      outputs[`out.n${steps}.trajectory`] = stack([scaled, ...run.states]);
      outputs[`out.n${steps}.timesteps`] = vector(run.timesteps);
      outputs[`out.n${steps}.init_noise_sigma`] = { shape: [], data: Float64Array.of(scale) };
      outputs[`out.n${steps}.sigmas`] = vector(sigmas);
    }
    return compareOutputs(goldenCase, outputs);
  },
};

interface AnalyticRun extends Pick<Recorded, "sampler" | "schedule"> {
  readonly steps: number;
  /** `[B, T, H, W, C]`. */
  readonly start: GoldenArray;
  /** `[B, T, H, W, C]`. */
  readonly u: GoldenArray;
  /** In the order they are drawn, `[B, C, T, H, W]`. */
  readonly noise: readonly GoldenArray[];
  /** The network's variance output, if it has one. */
  readonly variance: (s: number) => number | undefined;
}

/** Runs a sampler on the cases' analytic network: `eps = (0.25 + 0.65 s) x + 0.15 u (1 - s)` with `s = t / 1000`. */
async function runAnalytic(goldenCase: GoldenCase, tools: GoldenTools, run: AnalyticRun) {
  const learnsVariance = run.variance(0) !== undefined;
  const network: Executable = tools.executor.compile(
    ({ x, u, onX, onU, variance }) => {
      const eps = tf.add(tf.mul(x!, onX!), tf.mul(u!, onU!));
      return { output: variance === undefined ? eps : tf.concat([eps, tf.add(tf.zerosLike(x!), variance)], 4) };
    },
    { name: goldenCase.id },
  );
  const u = toTensor(run.u);
  const latents = toTensor(run.start) as tf.Tensor5D;
  const timesteps: number[] = [];
  const states: GoldenArray[] = [];
  const stream = run.sampler.sample({
    predicts: "noise",
    learnsVariance,
    schedule: run.schedule,
    steps: run.steps,
    latents,
    rng: tools.scriptedRng(run.noise.map(latentsOf)),
    async predict(x, timestep) {
      timesteps.push(timestep);
      const s = timestep / 1000;
      const variance = run.variance(s);
      const scalars = {
        onX: tf.scalar(0.25 + 0.65 * s),
        onU: tf.scalar(0.15 * (1 - s)),
        ...(variance === undefined ? {} : { variance: tf.scalar(variance) }),
      };
      const { output } = await network.run({ x, u, ...scalars });
      tf.dispose(scalars);
      return output as tf.Tensor5D;
    },
  });
  let next = await stream.next();
  while (next.done !== true) {
    states.push(channelsFirst(await fromTensor(next.value.latents)));
    next = await stream.next();
  }
  tf.dispose([next.value, u, latents]);
  network.dispose();
  return { timesteps, states };
}

const loopsRunner: GoldenRunner = {
  name: "respaced loops",
  matches: ({ module }) => module.startsWith("p_sample_loop and ddim_sample_loop"),
  async run(goldenCase, tools) {
    const { respacing } = configOf(goldenCase) as { respacing: string };
    const schedule = linearSchedule();
    const spacing = spaceTimesteps(schedule.betas.length, parseSpacing(respacing)).toReversed();
    const { x_T, u } = await inputsOf(goldenCase, ["x_T", "u"]);
    const noise = split(await goldenCase.input("noise"));
    const outputs: Record<string, GoldenArray> = {};
    for (const output of (await goldenCase.expected()).keys()) {
      const eta = Number(/_eta([\d.]+)$/.exec(output)?.[1] ?? 0);
      const sampler = output.startsWith("out.ddpm") ? ddpm({ spacing, variance: "learned" }) : ddim({ spacing, eta });
      const { states } = await runAnalytic(goldenCase, tools, {
        sampler,
        schedule,
        steps: spacing.length,
        start: latentsOf(x_T!),
        u: latentsOf(u!),
        noise,
        variance: (s) => 0.8 * Math.cos(3 * s),
      });
      outputs[output] = stack(states);
    }
    return compareOutputs(goldenCase, outputs);
  },
};

/** How a recorded scheduler's name in lists differs from its class. */
function fromLabel(label: string): Recorded {
  const name = label.replace(/_.*/, "");
  const own = label.endsWith("_trainbetas") ? { beta_start: 1e-4, beta_end: 0.02 } : {};
  const clip = label.endsWith("_noclip") ? { clip_sample: false } : {};
  return recorded(name, { ...own, ...clip, skip_prk_steps: label.endsWith("_skip_prk") }, 0);
}

/** Recorded numbers are rounded to four digits and made in float32. */
const timestepTolerance = 2e-3;

const timestepsRunner: GoldenRunner = {
  name: "sampler timesteps",
  matches: ({ module, isJson }) => isJson && module.startsWith("timesteps handed to the network"),
  async run(goldenCase) {
    const comparisons: GoldenComparison[] = [];
    for (const [key, expected] of Object.entries((await goldenCase.json()) as Record<string, number[]>)) {
      const [, label, steps] = /^(.+)\.n(\d+)$/.exec(key)!;
      const { sampler, schedule } = fromLabel(label!);
      const latents = tf.zeros([1, 1, 1, 1, 1]) as tf.Tensor5D;
      const timesteps: number[] = [];
      const stream = sampler.sample({
        predicts: "noise",
        learnsVariance: false,
        schedule,
        steps: Number(steps),
        latents,
        rng: createRng(0),
        predict(x, timestep) {
          timesteps.push(timestep);
          return tf.clone(x);
        },
      });
      let next = await stream.next();
      while (next.done !== true) next = await stream.next();
      tf.dispose([next.value, latents]);
      comparisons.push(compareNumbers(key, timesteps, expected, timestepTolerance));
    }
    return comparisons;
  },
};

const pipelineRunner: GoldenRunner = {
  name: "guided loop",
  matches: ({ module }) => module.startsWith("VideoGenPipeline denoising loop"),
  async run(goldenCase, tools) {
    const { steps } = configOf(goldenCase) as { steps: number };
    const model = await load(new LatteT2V(latteConfigOf(goldenCase)), goldenCase);
    const network = denoiserNetwork(model, tools.executor);
    const inputs = await inputsOf(goldenCase, ["z_T", "z_T_image", "prompt_embeds", "negative_prompt_embeds"]);
    const condition = conditionTensors(inputs["prompt_embeds"]!);
    const unconditional = conditionTensors(inputs["negative_prompt_embeds"]!);
    const outputs: Record<string, GoldenArray> = {};
    for (const output of (await goldenCase.expected()).keys()) {
      const [, label, image, scale] = /^out\.(\w+)(\.image)?\.g([\d.]+)$/.exec(output)!;
      const { sampler, schedule } = fromLabel(label!);
      const latents = toTensor(latentsOf(inputs[image === undefined ? "z_T" : "z_T_image"]!)) as tf.Tensor5D;
      const denoiser = await guided(network, { condition, unconditional, scale: Number(scale) });
      const stream = sampler.sample({ ...denoiser, schedule, steps, latents, rng: createRng(0) });
      let next = await stream.next();
      while (next.done !== true) next = await stream.next();
      outputs[output] = channelsFirst(await fromTensor(next.value));
      denoiser.dispose();
      tf.dispose([next.value, latents]);
    }
    tf.dispose([condition, unconditional]);
    network.dispose();
    model.dispose();
    return compareOutputs(goldenCase, outputs);
  },
};

function conditionTensors(embeds: GoldenArray) {
  const [batch, tokens, width] = embeds.shape as [number, number, number];
  return {
    embeddings: toTensor(reshaped(embeds, [batch, 1, tokens, width])) as tf.Tensor4D,
    mask: tf.ones([batch, 1, tokens]) as tf.Tensor3D,
  };
}

const vector = (values: readonly number[]): GoldenArray => ({
  shape: [values.length],
  data: Float64Array.from(values),
});

/** The slices along the first axis. */
function split({ shape, data }: GoldenArray): GoldenArray[] {
  const [count, ...rest] = shape as [number, ...number[]];
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({ shape: rest, data: data.slice(i * size, (i + 1) * size) }));
}

function stack(arrays: readonly GoldenArray[]): GoldenArray {
  const [first] = arrays;
  const data = new Float32Array(arrays.length * first!.data.length);
  for (const [i, array] of arrays.entries()) data.set(array.data, i * first!.data.length);
  return { shape: [arrays.length, ...first!.shape], data };
}

export const samplerRunners: readonly GoldenRunner[] = [trajectoryRunner, loopsRunner, timestepsRunner, pipelineRunner];
