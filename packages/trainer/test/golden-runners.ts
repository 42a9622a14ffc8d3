// Runs the golden cases of optimizers, moving averages and learning rates.
import type { GoldenArray, GoldenCase, GoldenRunner } from "@noisereel/testing";
import type { Module, NamedTensors, TrainTask } from "@noisereel/core";
import { adamW, batchInputs, constant, cosine, ema, linear, stepInputs, trainStepFunction } from "@noisereel/trainer";
import { compareNumbers, compareOutputs, toGoldenArray } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";

interface EmaAndRates {
  readonly steps: readonly number[];
  readonly decay_default: readonly number[];
  readonly decay_warmup_power075: readonly number[];
  readonly warmup: number;
  readonly total: number;
  readonly lr: Readonly<Record<string, readonly number[]>>;
}

/** The base rate of the recorded schedules, and how exact the manifest wants them. */
const peak = 2e-5;
const exactness = 1e-12;

const emaAndRates: GoldenRunner = {
  name: "moving average decay and learning rates",
  matches: ({ module, isJson }) => isJson && module.startsWith("EMAModel.get_decay"),
  async run(goldenCase) {
    const golden = (await goldenCase.json()) as unknown as EmaAndRates;
    const decays = (warmUp: true | { power: number }) => {
      const average = ema({}, { warmUp });
      return golden.steps.map((step) => average.decayAt(step));
    };
    const { warmup: warmUpSteps, total: totalSteps } = golden;
    const schedules = {
      constant: constant({ peak }),
      constant_with_warmup: constant({ peak, warmUpSteps }),
      linear: linear({ peak, warmUpSteps, totalSteps }),
      cosine: cosine({ peak, warmUpSteps, totalSteps }),
    };
    return [
      compareNumbers("decay_default", decays(true), golden.decay_default, exactness),
      compareNumbers("decay_warmup_power075", decays({ power: 0.75 }), golden.decay_warmup_power075, exactness),
      ...Object.entries(golden.lr).map(([name, expected]) => {
        const schedule = schedules[name as keyof typeof schedules];
        return compareNumbers(
          `lr.${name}`,
          expected.map((_, step) => schedule(step)),
          expected,
          exactness,
        );
      }),
    ];
  },
};

export const trainerRunners: readonly GoldenRunner[] = [emaAndRates];

/** The task of an AdamW case, with the recorded weights loaded, and its fixed batch. */
export interface AdamWSubject {
  readonly task: TrainTask<never>;
  /** The task's only module. */
  readonly model: Module;
  readonly batch: NamedTensors;
}

/**
 * The runner of "three AdamW steps" cases for a model that `build` makes: this package knows optimizers, not models.
 * The step runs on the executor that the goldens run on.
 */
export function adamwRunner(build: (goldenCase: GoldenCase) => Promise<AdamWSubject>): GoldenRunner {
  return {
    name: "three AdamW steps",
    matches: ({ module }) => module.startsWith("three AdamW steps"),
    async run(goldenCase, { executor }) {
      const { lr } = goldenCase.config as { readonly lr: number };
      const { task, model, batch } = await build(goldenCase);
      const key = Object.keys(task.modules)[0]!;
      const phase = task.phases[0]!.name;
      const warm = ema({ [key]: model });
      const plain = ema({ [key]: model }, { decay: 0.9, warmUp: false });
      const optimizer = adamW();
      const optimizers = { [phase]: optimizer };
      const executable = executor.compile(trainStepFunction({ task, optimizers, clip: true, ema: warm }), {
        name: goldenCase.id,
      });
      const outputs: Record<string, GoldenArray> = {};
      const initial = await readArrays(model);
      const losses: number[] = [];
      const norms: number[] = [];
      for (let step = 1; step <= 3; step++) {
        const scalars = {
          [stepInputs.number]: tf.scalar(step - 1),
          [stepInputs.update]: tf.scalar(step),
          [stepInputs.emaRate]: tf.scalar(1 - warm.decayAt(step)),
          [stepInputs.clipNorm(phase)]: tf.scalar(1),
          [stepInputs.learningRate(phase)]: tf.scalar(lr),
        };
        const results = await executable.run({ ...batchInputs(batch), ...scalars });
        losses.push((await results[`loss.${phase}`]!.data())[0]!);
        norms.push((await results[`gradientNorm.${phase}`]!.data())[0]!);
        tf.dispose([results, scalars]);
        await executable.sync();
        tf.tidy(() => plain.update(tf.scalar(1 - plain.decayAt(step))));
        for (const [name, array] of await readArrays(model)) {
          outputs[`out.param.${name}.step${step}`] = array;
          outputs[`out.delta.${name}.step${step}`] = difference(array, initial.get(name)!);
        }
        for (const [average, label] of [
          [warm, "ema_warm"],
          [plain, "ema_decay0.9"],
        ] as const) {
          average.swap();
          for (const [name, array] of await readArrays(model)) outputs[`out.${label}.${name}.step${step}`] = array;
          average.swap();
        }
      }
      outputs["out.loss"] = { shape: [3], data: Float64Array.from(losses) };
      outputs["out.grad_norm"] = { shape: [3], data: Float64Array.from(norms) };
      executable.dispose();
      for (const part of [warm, plain, optimizer, model]) part.dispose();
      tf.dispose(batch);
      return compareOutputs(goldenCase, outputs);
    },
  };
}

async function readArrays(model: Module): Promise<ReadonlyMap<string, GoldenArray>> {
  return new Map([...(await model.stateDict())].map(([name, stored]) => [name, toGoldenArray(stored)]));
}

function difference(after: GoldenArray, before: GoldenArray): GoldenArray {
  return { shape: after.shape, data: Float32Array.from(after.data, (value, i) => value - before.data[i]!) };
}
