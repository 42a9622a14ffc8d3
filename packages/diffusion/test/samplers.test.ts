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

describe.each(Object.entries(samplers))("%s", (_, make) => {
  test("finds the data's distribution, whatever the network estimates", async () => {
    const big: typeof shape = [1, 4, 12, 12, 4];
    for (const predicts of ["noise", "velocity", "sample"] as const) {
      const request = requestWith({ predicts, latents: randomLatents(big), steps: 100 });
      const { final } = await collect(make(), request);
      const { mean, variance } = tf.moments(final);
      // 2304 draws: the mean is known to 0.01; a hundred steps leave a few percent of the deviation to first-order samplers.
      expect(Math.abs(mean.dataSync()[0]! - data.mean)).toBeLessThan(0.05);
      expect(Math.abs(Math.sqrt(variance.dataSync()[0]!) - data.deviation)).toBeLessThan(0.06);
    }
  });

  test("counts its calls from 1, and frees everything but the result", async () => {
    const request = requestWith();
    const before = tf.memory().numTensors;
    const stream = make().sample(request);
    let live = 0;
    let calls = 0;
    for (;;) {
      const next = await stream.next();
      if (next.done === true) {
        next.value.dispose();
        break;
      }
      calls++;
      expect(next.value.index).toBe(calls);
      expect(next.value.count).toBeGreaterThanOrEqual(request.steps);
      if (calls === 14) live = tf.memory().numTensors;
      // From then on a step adds no tensors, apart from what one kind of step keeps and another does not.
      if (calls > 14) expect(tf.memory().numTensors).toBeLessThanOrEqual(live + 2);
      if (calls === next.value.count) expect(next.value.latents.shape).toEqual(shape);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test("gives the same bytes for the same seed", async () => {
    const [a, b, other] = await Promise.all([
      collect(make(), requestWith()),
      collect(make(), requestWith()),
      collect(make(), requestWith({ latents: randomLatents(shape, "other") })),
    ]);
    expect(a.final.dataSync()).toEqual(b.final.dataSync());
    expect(distance(a.final, other.final)).toBeGreaterThan(1e-3);
  });

  test("stops within one step of an abort and when it is left, leaving nothing behind", async () => {
    const controller = new AbortController();
    let calls = 0;
    const request = requestWith({
      signal: controller.signal,
      predict(x, timestep) {
        if (++calls === 3) controller.abort();
        return exactEstimate(x, timestep, "noise");
      },
    });
    const before = tf.memory().numTensors;
    await expect(collect(make(), request)).rejects.toThrow(/abort/i);
    expect(calls).toBe(3);
    const stream = make().sample(requestWith({ latents: request.latents }));
    await stream.next();
    await stream.return(undefined as never);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("splits off a learned variance", async () => {
    const learned = requestWith({
      learnsVariance: true,
      predict: (x, timestep) => tf.tidy(() => tf.concat([exactEstimate(x, timestep, "noise"), tf.zerosLike(x)], 4)),
    });
    const [plain, split] = [await collect(make(), requestWith()), await collect(make(), learned)];
    expect(distance(plain.final, split.final)).toBe(0);
    const wrong = requestWith({ learnsVariance: true });
    await expect(collect(make(), wrong)).rejects.toThrow(/4 channels where 8 were expected/);
  });

  test.each([0, -1, 2.5, 1001])("refuses %d steps", async (steps) => {
    await expect(collect(make(), requestWith({ steps }))).rejects.toThrow(new RegExp(`steps is ${steps}`));
  });
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

  test.each([1, 3])("finds the data's distribution with shift %d", async (shift) => {
    const { final, steps } = await collect(flowEuler({ shift }), flow(30));
    const { mean, variance } = tf.moments(final);
    expect(Math.abs(mean.dataSync()[0]! - data.mean)).toBeLessThan(0.05);
    expect(Math.abs(Math.sqrt(variance.dataSync()[0]!) - data.deviation)).toBeLessThan(0.06);
    expect(steps[0]!.timestep).toBe(999);
  });

  test("refuses other networks", async () => {
    await expect(collect(flowEuler(), requestWith())).rejects.toThrow(/predicts is noise.*rectifiedFlow/);
    expect(() => flowEuler({ shift: 0 })).toThrow(/shift is 0/);
  });
});
