// The cases of the sampler suite. Each throws what is wrong.
import {
  createRng,
  type LatentTensor,
  NoisereelError,
  type Sampler,
  type SampleRequest,
  type SampleStep,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { assert } from "./executor-tools.js";
import { bestEstimate, latentsData, type Process, straightSchedule } from "./gaussian-latents.js";
import { keepsTensors, valuesOf, withoutGlobalRandomness } from "./ownership.js";

export interface SamplerUnderTest {
  readonly sampler: Sampler;
  readonly predicts: readonly SampleRequest["predicts"][];
  readonly process: Process;
  readonly steps: number;
  readonly tolerance: number;
}

export interface SamplerCase {
  readonly name: string;
  readonly check: (under: SamplerUnderTest) => Promise<void>;
}

type Shape = [number, number, number, number, number];
const smallShape: Shape = [1, 2, 3, 3, 4];
const schedule = straightSchedule();

interface RequestChange extends Partial<Omit<SampleRequest, "latents">> {
  readonly shape?: Shape;
  readonly seed?: number;
}

/** A request on known latents, whose starting noise the case disposes. */
function requestFor({ predicts, process }: SamplerUnderTest, change: RequestChange = {}): SampleRequest {
  const { shape = smallShape, seed = 5, ...rest } = change;
  const form = change.predicts ?? predicts[0]!;
  const rng = createRng(seed);
  return {
    predict: (x, timestep) => bestEstimate(x, timestep, { schedule, predicts: form, process }),
    predicts: form,
    learnsVariance: false,
    schedule,
    steps: 20,
    rng: rng.fork("sampler"),
    ...rest,
    latents: rng.fork("latents").normal(shape) as LatentTensor,
  };
}

/** Runs to the end; the caller owns the result. */
async function finish(
  sampler: Sampler,
  request: SampleRequest,
  onStep: (step: SampleStep) => void = () => {},
): Promise<LatentTensor> {
  const stream = sampler.sample(request);
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return next.value;
    onStep(next.value);
  }
}

async function finalValues(sampler: Sampler, request: SampleRequest): Promise<readonly number[]> {
  const final = await finish(sampler, request);
  const values = valuesOf(final);
  tf.dispose([final, request.latents]);
  return values;
}

const sameValues = (a: readonly number[], b: readonly number[]): boolean => a.every((value, i) => value === b[i]);

export const samplerCases: readonly SamplerCase[] = [
  {
    name: "finds the distribution of the data, whatever the network estimates",
    async check(under) {
      for (const predicts of under.predicts) {
        const request = requestFor(under, { predicts, shape: [1, 4, 12, 12, 4], steps: under.steps });
        const values = await finalValues(under.sampler, request);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
        const found = `of ${predicts}: mean ${mean} and deviation ${Math.sqrt(variance)}`;
        assert(Math.abs(mean - latentsData.mean) < under.tolerance, `${found}, expected mean ${latentsData.mean}`);
        assert(
          Math.abs(Math.sqrt(variance) - latentsData.deviation) < under.tolerance,
          `${found}, expected deviation ${latentsData.deviation}`,
        );
      }
    },
  },
  {
    name: "counts its steps from 1 to their count, at timesteps of the schedule",
    async check(under) {
      const request = requestFor(under);
      let last: SampleStep | undefined;
      const final = await finish(under.sampler, request, (step) => {
        assert(step.index === (last?.index ?? 0) + 1, `index ${step.index} follows ${last?.index ?? 0}`);
        assert(last === undefined || step.count === last.count, `count changes from ${last?.count} to ${step.count}`);
        assert(
          step.timestep >= 0 && step.timestep <= schedule.betas.length - 1,
          `timestep ${step.timestep} is outside of the schedule, 0 to ${schedule.betas.length - 1}`,
        );
        assert(step.latents.shape.join() === smallShape.join(), `latents have shape [${step.latents.shape.join()}]`);
        last = step;
      });
      assert(last !== undefined && last.index === last.count, `${last?.index} steps were made of ${last?.count}`);
      tf.dispose([final, request.latents]);
    },
  },
  {
    name: "takes a network that answers later",
    async check(under) {
      const request = requestFor(under);
      const later = requestFor(under, {
        predict: async (x, timestep) => {
          await new Promise((resolve) => setTimeout(resolve, 0));
          return request.predict(x, timestep);
        },
      });
      const [now, then] = [await finalValues(under.sampler, request), await finalValues(under.sampler, later)];
      assert(sameValues(now, then), "the result depends on when the network answers");
    },
  },
  {
    name: "gives the same bytes for the same stream, and draws from no other",
    async check(under) {
      const [a, b] = await withoutGlobalRandomness(async () => [
        await finalValues(under.sampler, requestFor(under)),
        await finalValues(under.sampler, requestFor(under)),
      ]);
      const other = await finalValues(under.sampler, requestFor(under, { seed: 6 }));
      assert(sameValues(a, b), "two runs of one request differ");
      assert(!sameValues(a, other), "the starting noise has no influence");
    },
  },
  {
    name: "leaves the starting noise as it is, and nothing else but the result",
    async check(under) {
      const request = requestFor(under);
      const noise = valuesOf(request.latents);
      await keepsTensors(0, async () => {
        let half = 0;
        const final = await finish(under.sampler, request, ({ index, count }) => {
          // In the second half the methods that look back have all their history: steps must not pile up tensors.
          if (index === Math.floor(count / 2)) half = tf.memory().numTensors;
          if (index > count / 2) {
            const grown = tf.memory().numTensors - half;
            assert(grown <= 4, `step ${index} of ${count} holds ${grown} tensors more than the run did half-way`);
          }
        });
        assert(!request.latents.isDisposed, "request.latents was disposed; they belong to the caller");
        assert(sameValues(noise, valuesOf(request.latents)), "request.latents were changed");
        assert(final.id !== request.latents.id, "the result is request.latents; return a tensor of its own");
        final.dispose();
      });
      request.latents.dispose();
    },
  },
  {
    name: "stops within one step of an abort and leaves nothing behind",
    async check(under) {
      const controller = new AbortController();
      let calls = 0;
      const plain = requestFor(under);
      const request = {
        ...plain,
        signal: controller.signal,
        predict: (x: LatentTensor, timestep: number) => {
          if (++calls === 3) controller.abort(new Error("stopped by the test"));
          return plain.predict(x, timestep);
        },
      };
      await keepsTensors(0, async () => {
        const error = await finish(under.sampler, request).catch((thrown: unknown) => thrown);
        assert(
          error instanceof Error && error.message === "stopped by the test",
          `expected the signal's reason to be thrown, got ${String(error)}`,
        );
      });
      assert(calls <= 4, `the network was called ${calls} times although the signal was aborted at the third`);
      plain.latents.dispose();
    },
  },
  {
    name: "frees everything when it is left early",
    async check(under) {
      const request = requestFor(under);
      await keepsTensors(0, async () => {
        const stream = under.sampler.sample(request);
        for (let step = 0; step < 3; step++) await stream.next();
        await stream.return(undefined as never);
      });
      request.latents.dispose();
    },
  },
  {
    name: "splits off a learned variance",
    async check(under) {
      const plain = requestFor(under);
      const learned = requestFor(under, {
        learnsVariance: true,
        predict: (x, timestep) =>
          tf.tidy(() => {
            const estimate = plain.predict(x, timestep) as LatentTensor;
            return tf.concat([estimate, tf.fill(estimate.shape, -1)], 4);
          }),
      });
      const [without, withVariance] = [
        await finalValues(under.sampler, plain),
        await finalValues(under.sampler, learned),
      ];
      assert(without.length === withVariance.length, "the variance's channels are part of the result");
      assert(
        without.every((value, i) => Math.abs(value - withVariance[i]!) < 1e-4),
        "a variance at its lower bound changes the result",
      );
    },
  },
  {
    name: "refuses step counts that are no positive integers",
    async check(under) {
      for (const steps of [0, -1, 2.5, NaN]) {
        const request = requestFor(under, { steps });
        const error = await finish(under.sampler, request).catch((thrown: unknown) => thrown);
        assert(
          NoisereelError.isInstance(error) && (error as Error).message.includes("steps"),
          `steps ${steps}: expected a ConfigError that names steps, got ${String(error)}`,
        );
        request.latents.dispose();
      }
    },
  },
];
