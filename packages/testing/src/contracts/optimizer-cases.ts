// The cases of the optimizer suite. Each throws what is wrong.
import { type MaybePromise, type Optimizer, Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { assert } from "./executor-tools.js";

export interface OptimizerUnderTest {
  readonly make: () => MaybePromise<Optimizer>;
  readonly learningRate: number;
}

export interface OptimizerCase {
  readonly name: string;
  readonly check: (under: OptimizerUnderTest) => Promise<void>;
}

const target = [0.5, -0.25, 1, 0.125, -1, 0.75];

/** Two parameters of different ranks, at 0. */
function makeParameters(): Map<string, Parameter> {
  return new Map([
    ["model.weight", new Parameter([2, 3])],
    ["model.bias", new Parameter([3])],
  ]);
}

/** One step towards the targets: the gradient of half the squared distance. */
function stepOnce(
  optimizer: Optimizer,
  parameters: ReadonlyMap<string, Parameter>,
  { step, learningRate, only }: { readonly step: number; readonly learningRate: number; readonly only?: string },
): void {
  tf.tidy(() => {
    const gradients = new Map<string, tf.Tensor>();
    for (const [name, { variable, shape }] of parameters) {
      if (only !== undefined && name !== only) continue;
      const wanted = tf.tensor(target.slice(0, variable.size), [...shape]);
      gradients.set(name, tf.sub(variable, wanted));
    }
    optimizer.apply(parameters, gradients, { step: tf.scalar(step), learningRate: tf.scalar(learningRate) });
  });
}

function valuesOf(parameters: Iterable<readonly [string, Parameter]>): number[] {
  return [...parameters].flatMap(([, { variable }]) => [...variable.dataSync()]);
}

/** The largest distance of a value from its target. */
function distance(parameters: ReadonlyMap<string, Parameter>): number {
  const all = [...parameters.values()].flatMap(({ variable }) =>
    [...variable.dataSync()].map((value, index) => Math.abs(value - target[index]!)),
  );
  return Math.max(...all);
}

/** Optimizers may make their slots ahead of the first step. */
function prepare(optimizer: Optimizer, parameters: ReadonlyMap<string, Parameter>): void {
  (optimizer as { prepare?(given: ReadonlyMap<string, Parameter>): void }).prepare?.(parameters);
}

async function used(under: OptimizerUnderTest, steps: number) {
  const optimizer = await under.make();
  const parameters = makeParameters();
  prepare(optimizer, parameters);
  for (let step = 1; step <= steps; step++) stepOnce(optimizer, parameters, { step, learningRate: under.learningRate });
  const dispose = (): void => {
    optimizer.dispose();
    for (const parameter of parameters.values()) parameter.dispose();
  };
  return { optimizer, parameters, dispose };
}

export const optimizerCases: readonly OptimizerCase[] = [
  {
    name: "finds a minimum",
    async check(under) {
      const run = await used(under, 200);
      const left = distance(run.parameters);
      run.dispose();
      assert(
        left < 0.1,
        `after 200 steps a value is still ${left.toFixed(3)} from its target, at most 1 away at first`,
      );
    },
  },
  {
    name: "changes no parameter at a learning rate of 0",
    async check(under) {
      const run = await used(under, 3);
      const before = valuesOf(run.parameters).join();
      stepOnce(run.optimizer, run.parameters, { step: 4, learningRate: 0 });
      const after = valuesOf(run.parameters).join();
      run.dispose();
      assert(before === after, "parameters changed although the learning rate is 0");
    },
  },
  {
    name: "leaves a parameter without a gradient alone, its decay and slots included",
    async check(under) {
      const run = await used(under, 3);
      const others = (): string =>
        JSON.stringify([
          [...run.parameters.get("model.bias")!.variable.dataSync()],
          valuesOf([...run.optimizer.slots()].filter(([name]) => name.includes("model.bias"))),
        ]);
      const before = others();
      stepOnce(run.optimizer, run.parameters, { step: 4, learningRate: under.learningRate, only: "model.weight" });
      const after = others();
      run.dispose();
      assert(before === after, "model.bias had no gradient but it, or a slot of it, changed");
    },
  },
  {
    name: "names its slots after their parameters, each once",
    async check(under) {
      const run = await used(under, 1);
      const names = [...run.optimizer.slots()].map(([name]) => name);
      run.dispose();
      assert(new Set(names).size === names.length, `slots share a name: ${names.join(", ")}`);
      const foreign = names.filter((name) => !name.includes("model.weight") && !name.includes("model.bias"));
      assert(foreign.length === 0, `slots are not named after a parameter: ${foreign.join(", ")}`);
    },
  },
  {
    name: "keeps its whole state in its slots: they resume it bit by bit",
    async check(under) {
      const whole = await used(under, 9);
      const first = await used(under, 5);
      const second = await used(under, 1); // makes its slots
      for (const [name, { variable }] of first.parameters) second.parameters.get(name)!.variable.assign(variable);
      const slots = new Map(second.optimizer.slots());
      for (const [name, { variable }] of first.optimizer.slots()) slots.get(name)!.variable.assign(variable);
      for (let step = 6; step <= 9; step++) {
        stepOnce(second.optimizer, second.parameters, { step, learningRate: under.learningRate });
      }
      const [expected, found] = [valuesOf(whole.parameters).join(), valuesOf(second.parameters).join()];
      for (const run of [whole, first, second]) run.dispose();
      assert(expected === found, "parameters after a resume differ from those of an undisturbed run");
    },
  },
  {
    name: "leaves no tensors behind, and frees its slots",
    async check(under) {
      const start = tf.memory().numTensors;
      const run = await used(under, 2);
      const few = tf.memory().numTensors;
      for (let step = 3; step <= 8; step++) {
        stepOnce(run.optimizer, run.parameters, { step, learningRate: under.learningRate });
      }
      const many = tf.memory().numTensors;
      run.dispose();
      const end = tf.memory().numTensors;
      assert(many === few, `${many - few} tensors were left behind by 6 steps`);
      assert(end === start, `${end - start} tensors are left after dispose()`);
    },
  },
];
