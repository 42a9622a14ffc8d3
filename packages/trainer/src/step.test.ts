import { createRng, type Optimizer, Parameter, type TrainTask } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { fingerprint, Perceptron, points, regression } from "../test/tiny-task.js";
import { adamW, batchInputs, ema, lion, sgd, stepInputs, trainStepFunction } from "./index.js";

/** Runs one step eagerly and reads its outputs. */
async function runOnce(
  step: ReturnType<typeof trainStepFunction>,
  phase: string,
  batch: Record<string, tf.Tensor>,
  values: { number?: number; rate?: number; clipNorm?: number } = {},
): Promise<Record<string, number>> {
  const outputs = tf.tidy(() =>
    step({
      ...batchInputs(batch),
      [stepInputs.number]: tf.scalar(values.number ?? 0),
      [stepInputs.update]: tf.scalar((values.number ?? 0) + 1),
      [stepInputs.emaRate]: tf.scalar(0.1),
      [stepInputs.clipNorm(phase)]: tf.scalar(values.clipNorm ?? 1),
      [stepInputs.learningRate(phase)]: tf.scalar(values.rate ?? 0.1),
    }),
  );
  const read: Record<string, number> = {};
  for (const [name, tensor] of Object.entries(outputs)) read[name] = (await tensor.data())[0]!;
  tf.dispose(outputs);
  return read;
}

/** A batch of the regression task. */
async function makeBatch(task: ReturnType<typeof regression>["task"]): Promise<Record<string, tf.Tensor>> {
  return { ...(await task.prepare(points(4), { step: 0, rng: createRng(0) })) };
}

const plainSgd = () => sgd({ momentum: 0 });

test("gradients are clipped to the norm over all parameters of a phase", async () => {
  const moved = async (clipNorm?: number) => {
    const { task, model } = regression();
    const before = new Map<string, Float32Array>();
    for (const [name, { variable }] of model.namedParameters())
      before.set(name, (await variable.data()).slice() as Float32Array);
    const step = trainStepFunction({
      task,
      optimizers: { fit: plainSgd() },
      clip: clipNorm !== undefined,
    });
    const outputs = await runOnce(step, "fit", await makeBatch(task), { rate: 1, clipNorm: clipNorm ?? 1 });
    let squares = 0;
    for (const [name, { variable }] of model.namedParameters()) {
      (await variable.data()).forEach((value, i) => (squares += (value - before.get(name)![i]!) ** 2));
    }
    return { outputs, distance: Math.sqrt(squares) };
  };
  const free = await moved();
  const norm = free.outputs["gradientNorm.fit"]!;
  expect(free.distance).toBeCloseTo(norm, 5);
  const clipped = await moved(norm / 2);
  expect(clipped.outputs["gradientNorm.fit"]).toBe(norm);
  expect(clipped.distance).toBeCloseTo(norm / 2, 5);
  expect((await moved(norm * 2)).distance).toBeCloseTo(norm, 5);
});

/** An optimizer that knows nothing of the trainer's guard, as another package may bring it. */
function foreign(): Optimizer & { readonly count: Parameter } {
  const count = new Parameter([], { trainable: false });
  return {
    name: "foreign",
    count,
    apply(parameters, gradients, { learningRate }) {
      count.variable.assign(tf.add(count.variable, 1));
      for (const [name, { variable }] of parameters) {
        variable.assign(tf.sub(variable, tf.add(tf.mul(gradients.get(name)!, learningRate), 0.25)));
      }
    },
    slots: () => [["count", count]],
    dispose: () => count.dispose(),
  };
}

test.each([
  ["adamW", () => adamW({ weightDecay: 0.1 })],
  ["sgd", () => sgd({ weightDecay: 0.1 })],
  ["lion", () => lion({ weightDecay: 0.1 })],
  ["an optimizer of another package", foreign],
])("a step that is not finite leaves weights, slots and average of %s alone", async (_, make) => {
  const { task, model } = regression();
  const optimizer: Optimizer = make();
  const average = ema({ model });
  const step = trainStepFunction({ task, optimizers: { fit: optimizer }, clip: true, ema: average });
  const good = await makeBatch(task);
  expect((await runOnce(step, "fit", good))["finite"]).toBe(1);
  const state = async () => {
    const slots = await Promise.all([...optimizer.slots()].map(async ([name, slot]) => [name, await slot.store()]));
    const weights = await fingerprint(model);
    average.swap();
    const averaged = await fingerprint(model);
    average.swap();
    return { weights, averaged, slots };
  };
  const before = await state();
  for (const bad of [NaN, Infinity, 1e30]) {
    const outputs = await runOnce(step, "fit", { ...good, y: tf.fill([4, 1], bad) }, { number: 1 });
    expect(outputs["finite"]).toBe(0);
    expect(await state()).toEqual(before);
  }
  expect((await runOnce(step, "fit", good, { number: 1 }))["finite"]).toBe(1);
  expect((await state()).weights).not.toBe(before.weights);
});

test("SGD with momentum, Nesterov and decay moves as torch's", async () => {
  for (const nesterov of [false, true]) {
    const optimizer = sgd({ momentum: 0.5, nesterov, weightDecay: 0.1 });
    const parameter = new Parameter([1], { fill: 1 });
    let [value, momentum] = [1, 0];
    for (const gradient of [0.3, -0.2, 0.7]) {
      tf.tidy(() =>
        optimizer.apply([["p", parameter]], new Map([["p", tf.tensor1d([gradient])]]), {
          step: tf.scalar(1),
          learningRate: tf.scalar(0.1),
        }),
      );
      const decayed = gradient + 0.1 * value;
      momentum = 0.5 * momentum + decayed;
      value -= 0.1 * (nesterov ? decayed + 0.5 * momentum : momentum);
    }
    expect(parameter.variable.dataSync()[0]).toBeCloseTo(value, 6);
  }
});

test("Lion moves every element by the learning rate", () => {
  const optimizer = lion({ betas: [0.5, 0.75], weightDecay: 0.1 });
  const parameter = new Parameter([1], { fill: 1 });
  let [value, momentum] = [1, 0];
  for (const gradient of [0.3, -0.2, 0.7, -2]) {
    tf.tidy(() =>
      optimizer.apply([["p", parameter]], new Map([["p", tf.tensor1d([gradient])]]), {
        step: tf.scalar(1),
        learningRate: tf.scalar(0.1),
      }),
    );
    value -= 0.1 * (Math.sign(0.5 * momentum + 0.5 * gradient) + 0.1 * value);
    momentum = 0.75 * momentum + 0.25 * gradient;
  }
  expect(parameter.variable.dataSync()[0]).toBeCloseTo(value, 6);
});

test("a phase whose parameters no checkpoint would hold is refused", () => {
  const { task } = regression();
  const stray = new Perceptron();
  const phases = [{ ...task.phases[0]!, parameters: () => stray.namedParameters() }];
  expect(() => trainStepFunction({ task: { ...task, phases }, optimizers: { fit: adamW() } })).toThrow(
    'phase "fit" trains hidden.weight, which is in none of the task\'s modules',
  );
});

test("what is missing or cannot work is said before the first step", () => {
  const { task } = regression();
  expect(() => trainStepFunction({ task, optimizers: {} })).toThrow('optimizers has none for phase "fit"');
  const empty: TrainTask<never> = { ...task, phases: [] };
  expect(() => trainStepFunction({ task: empty, optimizers: {} })).toThrow("has no phases");
});
