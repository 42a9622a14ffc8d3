// The pictures of docs/concepts: schedules, where samplers go, and how far they end from where the flow would have taken them.
// Latents are single numbers around 1 and -1, for which the best network is a formula: nothing is trained.
//   npx tsx --conditions=@noisereel/source packages/diffusion/bench/sampler-pictures.ts
import { createRng, type NoiseSchedule, type Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  flowEuler,
  linearSchedule,
  samplers,
  scaledLinearSchedule,
  squaredCosineSchedule,
  zeroTerminalSnr,
} from "../src/index.js";
import { type Line, panel, picture } from "./svg.js";

const folder = fileURLToPath(new URL("../../../docs/concepts/images", import.meta.url));
const schedule = linearSchedule();
const modes = [
  { share: 0.6, mean: 1, deviation: 0.15 },
  { share: 0.4, mean: -1, deviation: 0.15 },
];

/** The best estimate of the clean number in `x = signal clean + amount noise`. */
function bestClean(x: number, signal: number, amount: number): number {
  const parts = modes.map(({ share, mean, deviation }) => {
    const variance = (signal * deviation) ** 2 + amount ** 2;
    const distance = x - signal * mean;
    return {
      log: Math.log(share) - Math.log(variance) / 2 - distance ** 2 / (2 * variance),
      clean: mean + (signal * deviation ** 2 * distance) / variance,
    };
  });
  const largest = Math.max(...parts.map(({ log }) => log));
  const weights = parts.map(({ log }) => Math.exp(log - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return parts.reduce((sum, { clean }, i) => sum + (weights[i]! * clean) / total, 0);
}

function levelAt({ alphasCumprod }: NoiseSchedule, timestep: number): number {
  const low = Math.floor(timestep);
  const [a, b] = [alphasCumprod[low]!, alphasCumprod[Math.min(low + 1, alphasCumprod.length - 1)]!].map(Math.log);
  return Math.exp(a! + (timestep - low) * (b! - a!));
}

const starts = Float32Array.from({ length: 24 }, (_, i) => -2.3 + (4.6 * i) / 23);

/** Runs a sampler from `starts`: where every call found them, and where they ended. */
async function run(sampler: Sampler, steps: number, flow = false) {
  const seen: { readonly timestep: number; readonly x: readonly number[] }[] = [];
  const stream = sampler.sample({
    predicts: flow ? "velocity" : "noise",
    learnsVariance: false,
    schedule,
    steps,
    rng: createRng(4),
    latents: tf.tensor5d(starts, [1, 1, 1, starts.length, 1]),
    predict(latents, timestep) {
      const x = Array.from(latents.dataSync());
      seen.push({ timestep, x });
      const share = (timestep + 1) / schedule.betas.length;
      const level = flow ? 0 : levelAt(schedule, timestep);
      const [signal, amount] = flow ? [1 - share, share] : [Math.sqrt(level), Math.sqrt(1 - level)];
      const values = x.map((value) => {
        const clean = bestClean(value, signal, amount);
        const noise = (value - signal * clean) / amount;
        return flow ? noise - clean : noise;
      });
      return tf.tensor5d(values, latents.shape);
    },
  });
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { seen, final: Array.from(next.value.dataSync()) };
  }
}

/**
 * The estimate of the clean number where the flow itself has a noise ratio of `last`, by default as good as none: Heun's method in
 * float64 with 20 000 steps, even in the logarithm of the ratio.
 */
function flowEnd(start: number, last = 1e-3): number {
  const first = levelAt(schedule, 999);
  const top = Math.sqrt((1 - first) / first);
  const slope = (state: number, sigma: number) => {
    const signal = 1 / Math.sqrt(sigma ** 2 + 1);
    return (state - bestClean(state * signal, signal, sigma * signal)) / sigma;
  };
  // The noise is that of the last timestep: what a sampler is given is signal times the state.
  let state = start * Math.sqrt(top ** 2 + 1);
  const count = 20_000;
  const sigmaAt = (i: number) => top * (last / top) ** (i / count);
  for (let i = 0; i < count; i++) {
    const [from, to] = [sigmaAt(i), sigmaAt(i + 1)];
    const here = slope(state, from);
    const there = slope(state + here * (to - from), to);
    state += ((here + there) / 2) * (to - from);
  }
  const signal = 1 / Math.sqrt(last ** 2 + 1);
  return bestClean(state * signal, signal, last * signal);
}

/** Distance of the estimate at a timestep, of the exact state there, from the end. */
function leapFrom(timestep: number): number {
  const level = levelAt(schedule, timestep);
  const ratio = Math.sqrt((1 - level) / level);
  return rootMeanSquare(Array.from(starts, (start) => flowEnd(start, ratio) - flowEnd(start)));
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
}

const path2 = (points: readonly (readonly [number, number])[], color: string): Line => ({ points, color });

async function trajectories(): Promise<string> {
  const panels: string[] = [];
  const all = [
    ...Object.entries(samplers).map(([name, make]) => [name, make()] as const),
    ["flowEuler", flowEuler()] as const,
  ];
  for (const [i, [name, sampler]] of all.entries()) {
    const { seen, final } = await run(sampler, 12, name === "flowEuler");
    const lines = final.map((end, k): Line => {
      const points = seen.map(({ timestep, x }): [number, number] => [1000 - timestep, x[k]!]);
      return path2([...points, [1001, end]], end > 0 ? "#2563eb" : "#d97706");
    });
    panels.push(
      panel({
        at: [40 + (i % 4) * 215, 30 + Math.floor(i / 4) * 165],
        size: [185, 115],
        title: `${name}, ${seen.length} calls`,
        x: { from: 0, to: 1001, ticks: [0, 500, 1000], label: (v) => `${1000 - v}` },
        y: { from: -2.6, to: 2.6, ticks: [-1, 0, 1], label: String },
        lines,
      }),
    );
  }
  return picture([900, 30 + Math.ceil(all.length / 4) * 165], panels);
}

const colors = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#4b5563", "#db2777"];

async function convergence(): Promise<{ readonly svg: string; readonly table: string[] }> {
  const ends = Array.from(starts, flowEnd);
  const compared = [
    "ddim",
    "euler",
    "heun",
    "pndm",
    "dpmSolverMultistep",
    "dpmSolverSinglestep",
    "deis",
    "unipc",
  ] as const;
  const table: string[] = [];
  const lines: Line[] = [];
  for (const [i, name] of compared.entries()) {
    const points: [number, number][] = [];
    for (const steps of [6, 8, 10, 15, 20, 25, 50, 100]) {
      const { seen, final } = await run(samplers[name](), steps);
      const error = rootMeanSquare(final.map((x, k) => x - ends[k]!));
      points.push([Math.log10(seen.length), Math.log10(Math.max(error, 1e-6))]);
      table.push(`${name}\t${steps}\t${seen.length}\t${error.toExponential(1)}`);
    }
    lines.push({ points, color: colors[i]!, label: name });
  }
  const svg = picture(
    [760, 360],
    [
      panel({
        at: [70, 30],
        size: [520, 280],
        title: "RMS distance from where the flow ends, by calls of the network",
        x: {
          from: 0.75,
          to: 2.35,
          ticks: [6, 10, 20, 50, 100, 200].map(Math.log10),
          label: (v) => `${Math.round(10 ** v)}`,
        },
        y: { from: -3.5, to: 0.2, ticks: [-3, -2, -1, 0], label: (v) => `${10 ** v}` },
        lines,
      }),
    ],
  );
  return { svg, table };
}

function schedules(): string {
  const all = [
    ["linear", schedule],
    ["scaled linear", scaledLinearSchedule()],
    ["squared cosine", squaredCosineSchedule()],
    ["linear, zero terminal SNR", zeroTerminalSnr(schedule)],
  ] as const;
  const lines = all.map(([label, { alphasCumprod }], i): Line => {
    const points = Array.from(alphasCumprod, (a, t): [number, number] => [t, Math.sqrt(a)]);
    return { points: points.filter((_, t) => t % 20 === 0 || t === 999), color: colors[i]!, label };
  });
  const flow: Line = {
    points: [
      [0, 0.999],
      [999, 0],
    ],
    color: colors[4]!,
    label: "rectified flow",
  };
  return picture(
    [760, 280],
    [
      panel({
        at: [50, 30],
        size: [520, 200],
        title: "what is left of the clean latents, by timestep",
        x: { from: 0, to: 999, ticks: [0, 250, 500, 750, 999], label: String },
        y: { from: 0, to: 1, ticks: [0, 0.5, 1], label: String },
        lines: [...lines, flow],
      }),
    ],
  );
}

await tf.setBackend("cpu");
await mkdir(folder, { recursive: true });
const { svg, table } = await convergence();
await writeFile(path.join(folder, "sampler-trajectories.svg"), await trajectories());
await writeFile(path.join(folder, "sampler-errors.svg"), svg);
await writeFile(path.join(folder, "schedules.svg"), schedules());
for (const steps of [15, 20, 25, 50, 100]) {
  const timestep = Math.round(999 / steps);
  table.push(`exact until timestep ${timestep}, then its estimate\t${steps}\t\t${leapFrom(timestep).toExponential(1)}`);
}
console.log(table.join("\n"));
