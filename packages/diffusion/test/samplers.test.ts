import { createRng, type LatentTensor, type NoiseSchedule, type Sampler, type SampleRequest } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import {
  ddim,
  ddpm,
  flowEuler,
  linearSchedule,
  pndm,
  samplers,
  type SolverStep,
  zeroTerminalSnr,
} from "../src/index.js";
import { integerTimesteps } from "../src/samplers/timesteps.js";
import { distance, randomLatents } from "./support/tiny.js";

const shape: [number, number, number, number, number] = [1, 2, 3, 3, 4];
const schedule = linearSchedule();

/** Latents that are normal with this mean and deviation: the best estimate of the noise is known, so no network is needed. */
const data = { mean: 0.8, deviation: 0.5 };

function levelAt({ alphasCumprod }: NoiseSchedule, timestep: number): number {
  const low = Math.floor(timestep);
  const next = Math.min(low + 1, alphasCumprod.length - 1);
  return Math.exp(
    Math.log(alphasCumprod[low]!) + (timestep - low) * (Math.log(alphasCumprod[next]!) - Math.log(alphasCumprod[low]!)),
  );
}

/** The exact estimate for that data, in the form that is asked for. */
function exactEstimate(x: LatentTensor, timestep: number, predicts: SampleRequest["predicts"]): LatentTensor {
  return tf.tidy(() => {
    const a = levelAt(schedule, timestep);
    const gain = (Math.sqrt(a) * data.deviation ** 2) / (a * data.deviation ** 2 + 1 - a);
    const clean = tf.add(tf.mul(tf.sub(x, Math.sqrt(a) * data.mean), gain), data.mean);
    const noise = tf.div(tf.sub(x, tf.mul(clean, Math.sqrt(a))), Math.sqrt(1 - a));
    if (predicts === "sample") return clean;
    if (predicts === "noise") return noise;
    return tf.sub(tf.mul(noise, Math.sqrt(a)), tf.mul(clean, Math.sqrt(1 - a)));
  }) as LatentTensor;
}

function requestWith(options: Partial<SampleRequest> = {}): SampleRequest {
  const predicts = options.predicts ?? "noise";
  return {
    predict: (x, timestep) => exactEstimate(x, timestep, predicts),
    predicts,
    learnsVariance: false,
    schedule,
    steps: 20,
    rng: createRng(5),
    ...options,
    latents: options.latents ?? randomLatents(shape),
  };
}

async function collect(
  sampler: Sampler,
  request: SampleRequest,
): Promise<{ steps: SolverStep[]; final: LatentTensor }> {
  const steps: SolverStep[] = [];
  const stream = sampler.sample(request);
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { steps, final: next.value };
    expect((next.value as SolverStep).denoised.shape).toEqual(request.latents.shape);
    steps.push(next.value as SolverStep);
  }
}

test.each(Object.entries(samplers))(
  "%s tells its estimate of the clean latents, and refuses what it cannot use",
  async (_, make) => {
    let apart = Infinity;
    for await (const step of make().sample(requestWith())) {
      const { denoised, latents } = step as SolverStep;
      apart = distance(denoised, latents);
    }
    expect(apart).toBeLessThan(0.5);
    await expect(collect(make(), requestWith({ learnsVariance: true }))).rejects.toThrow(
      /4 channels where 8 were expected/,
    );
    await expect(collect(make(), requestWith({ steps: 1001 }))).rejects.toThrow(/steps is 1001/);
  },
);

test.each(Object.entries(samplers))("%s holds no more tensors after a step than after one before", async (_, make) => {
  const live: number[] = [];
  for await (const step of make().sample(requestWith({ steps: 30 }))) {
    expect(step.index).toBe(live.length + 1);
    live.push(tf.memory().numTensors);
  }
  // Twelve calls on, every sampler has all the history that it will have; those with two calls a step go up and down by it.
  expect(Math.max(...live.slice(16))).toBe(Math.max(...live.slice(12, 16)));
});

test("ddpm uses a variance that was learned when asked to", async () => {
  const withRange = (value: number) =>
    requestWith({
      learnsVariance: true,
      predict: (x, timestep) =>
        tf.tidy(() => tf.concat([exactEstimate(x, timestep, "noise"), tf.fill(x.shape, value)], 4) as LatentTensor),
    });
  const learned = (value: number) => collect(ddpm({ variance: "learned" }), withRange(value));
  const [small, large] = [
    await collect(ddpm(), requestWith()),
    await collect(ddpm({ variance: "fixed-large" }), requestWith()),
  ];
  expect(distance((await learned(-1)).final, small.final)).toBeLessThan(1e-4);
  expect(distance((await learned(1)).final, large.final)).toBeLessThan(1e-4);
});

test("compat clips, as diffusers does; alone, latents beyond 1 survive", async () => {
  const largest = async (sampler: Sampler) => {
    const { final } = await collect(sampler, requestWith({ latents: randomLatents([1, 4, 8, 8, 4]) }));
    return tf.max(tf.abs(final)).dataSync()[0]!;
  };
  expect(await largest(ddim())).toBeGreaterThan(1.5);
  expect(await largest(ddim({ compat: true }))).toBeLessThanOrEqual(1);
  expect(await largest(ddim({ compat: true, clip: false }))).toBeGreaterThan(1.5);
});

test("spacings cover the schedule; compat starts low where the steps do not divide it", () => {
  expect(integerTimesteps(schedule, 4, "leading")).toEqual([750, 500, 250, 0]);
  expect(integerTimesteps(schedule, 4, "trailing")).toEqual([999, 749, 499, 249]);
  expect(integerTimesteps(schedule, 4, "respaced")).toEqual([999, 666, 333, 0]);
  expect(integerTimesteps(schedule, 3, [900, 5, 1])).toEqual([900, 5, 1]);
  expect(() => integerTimesteps(schedule, 2, [900, 5, 1])).toThrow(/3 timesteps but steps is 2/);
  expect(integerTimesteps(schedule, 600, "leading", true)[0]).toBe(599);
  expect(integerTimesteps(schedule, 600, "leading")[0]).toBe(998);
});

test("a schedule without signal at its end works with ddim and velocity, and is refused where a ratio is needed", async () => {
  const request = requestWith({ schedule: zeroTerminalSnr(schedule), predicts: "velocity" });
  const { final } = await collect(ddim({ spacing: "trailing" }), request);
  expect(Number.isFinite(tf.sum(final).dataSync()[0])).toBe(true);
  await expect(collect(samplers.euler(), request)).rejects.toThrow(/timestep 999.*use ddim or ddpm/);
});

test("pndm needs three steps for its start", async () => {
  await expect(collect(pndm(), requestWith({ steps: 2 }))).rejects.toThrow(/at least 3, or rungeKutta: false/);
  const { final } = await collect(pndm({ rungeKutta: false }), requestWith({ steps: 2 }));
  expect(final.shape).toEqual(shape);
});

describe("flowEuler", () => {
  /** The direction of the best estimate for the data above, on the line from clean latents to noise. */
  const flow = (steps: number) =>
    requestWith({
      predicts: "velocity",
      steps,
      latents: randomLatents([1, 4, 12, 12, 4]),
      predict: (x, timestep) =>
        tf.tidy(() => {
          const s = (timestep + 1) / 1000;
          const variance = ((1 - s) * data.deviation) ** 2 + s ** 2;
          const centred = tf.sub(x, (1 - s) * data.mean);
          const clean = tf.add(tf.mul(centred, ((1 - s) * data.deviation ** 2) / variance), data.mean);
          const noise = tf.mul(centred, s / variance);
          return tf.sub(noise, clean);
        }),
    });

  test("starts at the last timestep", async () => {
    const { steps } = await collect(flowEuler(), flow(30));
    expect(steps[0]!.timestep).toBe(999);
  });

  test("refuses other networks", async () => {
    await expect(collect(flowEuler(), requestWith())).rejects.toThrow(/predicts is noise.*rectifiedFlow/);
    expect(() => flowEuler({ shift: 0 })).toThrow(/shift is 0/);
  });
});
