import { ConfigError, type LatentTensor, type NoiseSchedule, type Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { solver, type SolverRun, type SolverStep } from "./run.js";
import { integerTimesteps } from "./timesteps.js";

export interface PndmOptions {
  /**
   * Start with three Runge-Kutta steps of four calls each, as the paper does. Without them the first step is taken twice.
   * Default true.
   */
  readonly rungeKutta?: boolean;
  /** diffusers' whole-number stride, which starts low when the steps do not divide the schedule. Default false. */
  readonly compat?: boolean;
}

/** Weights of the newest estimates of the noise, newest first (Adams-Bashforth), by how many there are. */
const multistepWeights: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/** Weights of the four slopes of a Runge-Kutta step. */
const rungeKuttaWeights = [1 / 6, 1 / 3, 1 / 3, 1 / 6];
/** Steps at the start that are taken by Runge-Kutta. */
const rungeKuttaSteps = 3;

/** Liu et al., "Pseudo numerical methods for diffusion models on manifolds", arXiv 2202.09778. `steps + 9` calls. */
export function pndm(options: PndmOptions = {}): Sampler {
  const { rungeKutta = true, compat = false } = options;
  return solver("pndm", async function* (run, request) {
    const { schedule, steps } = request;
    const fewest = rungeKutta ? rungeKuttaSteps : 1;
    if (steps < fewest) {
      throw new ConfigError(`steps is ${steps}; pndm needs at least ${fewest}, or rungeKutta: false`);
    }
    const timesteps = integerTimesteps(schedule, steps, "leading", compat);
    const targets = timesteps.map(
      (timestep, i) => timesteps[i + 1] ?? timestep - Math.floor(schedule.betas.length / steps),
    );
    const start = run.start(rungeKutta ? steps + 9 : steps + 1);
    const walk: Walk = { run, schedule, timesteps, targets, x: start, history: [] };
    if (rungeKutta) yield* rungeKuttaStart(walk);
    else yield* repeatedStart(walk);
    yield* multistep(walk, rungeKutta ? rungeKuttaSteps : 1);
    return walk.x;
  });
}

/** Where a run is. */
interface Walk {
  readonly run: SolverRun;
  readonly schedule: NoiseSchedule;
  readonly timesteps: readonly number[];
  /** Where the step from each timestep ends. */
  readonly targets: readonly number[];
  x: LatentTensor;
  /** Estimates of the noise, newest first, at most four. */
  history: LatentTensor[];
}

async function* rungeKuttaStart(walk: Walk): AsyncGenerator<SolverStep, void, void> {
  for (let i = 0; i < rungeKuttaSteps; i++) {
    const from = walk.timesteps[i]!;
    const to = walk.targets[i]!;
    const half = Math.floor((from - to) / 2);
    // For odd strides the reference moves to one timestep and tells the network the next: kept, as its runs depend on it.
    const told = [from, to + half, to + half, to];
    const movedTo = [from - half, to + half, to, to];
    const base = walk.x;
    const slopes: LatentTensor[] = [];
    for (let call = 0; call < 4; call++) {
      const timestep = Math.max(told[call]!, 0);
      const { noise, denoised } = await walk.run.call(walk.x, {
        timestep,
        alphaCumprod: levelAt(walk.schedule, call === 0 ? from : movedTo[call - 1]!),
      });
      slopes.push(noise);
      const slope = call < 3 ? noise : combine(walk.run, slopes, rungeKuttaWeights);
      walk.x = transfer(walk, base, slope, from, movedTo[call]!);
      if (call === 3) walk.history = [slopes[0]!, ...walk.history];
      yield walk.run.step(timestep, walk.x, denoised, [base, ...slopes, ...walk.history]);
    }
  }
}

/** The first step, taken once to look ahead and once with the mean of the two slopes. */
async function* repeatedStart(walk: Walk): AsyncGenerator<SolverStep, void, void> {
  const [from, to] = [walk.timesteps[0]!, walk.targets[0]!];
  const base = walk.x;
  const { noise: first, denoised } = await callAt(walk, from);
  walk.x = transfer(walk, base, first, from, to);
  yield walk.run.step(from, walk.x, denoised, [base, first]);
  const ahead = await callAt(walk, Math.max(to, 0));
  const mean = combine(walk.run, [first, ahead.noise], [1 / 2, 1 / 2]);
  walk.x = transfer(walk, base, mean, from, to);
  walk.history = [first];
  yield walk.run.step(Math.max(to, 0), walk.x, ahead.denoised, walk.history);
}

async function* multistep(walk: Walk, first: number): AsyncGenerator<SolverStep, void, void> {
  for (let i = first; i < walk.timesteps.length; i++) {
    const from = walk.timesteps[i]!;
    const { noise, denoised } = await callAt(walk, from);
    walk.history = [noise, ...walk.history].slice(0, 4);
    const slope = combine(walk.run, walk.history, multistepWeights[walk.history.length - 1]!);
    walk.x = transfer(walk, walk.x, slope, from, walk.targets[i]!);
    yield walk.run.step(from, walk.x, denoised, walk.history);
  }
}

function callAt(walk: Walk, timestep: number) {
  return walk.run.call(walk.x, { timestep, alphaCumprod: levelAt(walk.schedule, timestep) });
}

/** Below 0 the schedule's first level stands for the end. */
function levelAt(schedule: NoiseSchedule, timestep: number): number {
  return schedule.alphasCumprod[Math.max(timestep, 0)]!;
}

function combine(run: SolverRun, tensors: readonly LatentTensor[], weights: readonly number[]): LatentTensor {
  return run.make(() => tf.addN(tensors.map((tensor, i) => tf.mul(tensor, weights[i]!))));
}

/** The paper's transfer part, equation 11: `x` at timestep `from` moved to `to` along an estimate of the noise. */
function transfer(walk: Walk, x: LatentTensor, noise: LatentTensor, from: number, to: number): LatentTensor {
  const a = levelAt(walk.schedule, from);
  const b = levelAt(walk.schedule, to);
  const onNoise = (b - a) / (a * Math.sqrt(1 - b) + Math.sqrt(a * (1 - a) * b));
  return walk.run.make(() => tf.sub(tf.mul(x, Math.sqrt(b / a)), tf.mul(noise, onNoise)));
}
