// The cases of the trainer plugin suite. Each throws what is wrong.
import {
  type Checkpoint,
  createRng,
  initialize,
  Linear,
  type MaybePromise,
  type TrainerPlugin,
  type TrainRun,
  type TrainStep,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { assert } from "./executor-tools.js";

type Make = () => MaybePromise<TrainerPlugin>;

export interface TrainerPluginCase {
  readonly name: string;
  readonly check: (make: Make) => Promise<void>;
}

const totalSteps = 12;

/** A run of a model with one weight matrix, whose step the case sets. */
function makeRun(signal = new AbortController().signal) {
  const model = new Linear({ in: 2, out: 2 });
  initialize(model, createRng(3));
  let done = 0;
  const run: TrainRun & { sync(): Promise<void> } = {
    task: { name: "test", modules: { model }, phases: [], prepare: () => ({}) },
    get step() {
      return done;
    },
    totalSteps,
    rng: createRng(5),
    signal,
    checkpoint: async () => ({ tensors: new Map(), meta: { step: done } }),
    sync: async () => undefined,
  };
  return { run, model, moveTo: (step: number) => void (done = step) };
}

function stepOf(step: number): TrainStep {
  const scalars = { finite: 1, "gradientNorm.fit": 0.5 / step, "learningRate.fit": 1e-3 };
  return { step, totalSteps, losses: { fit: 1 / step }, scalars, seconds: 0.01 };
}

/** Calls the plugin as the trainer does, for the steps after `from` up to `to`. */
async function drive(plugin: TrainerPlugin, { run, moveTo }: ReturnType<typeof makeRun>, from: number, to: number) {
  moveTo(from);
  await plugin.onStart?.(run);
  for (let step = from + 1; step <= to; step++) {
    moveTo(step);
    await plugin.onStep?.(stepOf(step), run);
  }
}

function textOf(state: Checkpoint | undefined): string {
  if (state === undefined) return "no state";
  const tensors = [...state.tensors]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, [...bytes]]);
  return JSON.stringify({ meta: state.meta, tensors });
}

export const trainerPluginCases: readonly TrainerPluginCase[] = [
  {
    name: "has a name that can be a file's",
    async check(make) {
      const { name } = await make();
      assert(/^[\w.-]+$/.test(name), `name is "${name}"; use letters, digits, dots, dashes and underscores`);
    },
  },
  {
    name: "changes neither weights nor randomness of the run",
    async check(make) {
      const own = makeRun();
      const before = JSON.stringify([[...own.model.weight.variable.dataSync()], own.run.rng.state()]);
      const plugin = await make();
      await drive(plugin, own, 0, totalSteps);
      await plugin.onEnd?.(own.run);
      const after = JSON.stringify([[...own.model.weight.variable.dataSync()], own.run.rng.state()]);
      own.model.dispose();
      assert(before === after, "the run's weights or its random stream are others than before");
    },
  },
  {
    name: "leaves no more tensors after many steps than after few",
    async check(make) {
      const own = makeRun();
      const plugin = await make();
      await drive(plugin, own, 0, 4);
      const few = tf.memory().numTensors;
      for (let step = 5; step <= totalSteps; step++) {
        own.moveTo(step);
        await plugin.onStep?.(stepOf(step), own.run);
      }
      const many = tf.memory().numTensors;
      await plugin.onEnd?.(own.run);
      own.model.dispose();
      assert(many <= few, `${many - few} tensors were left behind by ${totalSteps - 4} steps`);
    },
  },
  {
    name: "has a state that a checkpoint can hold",
    async check(make) {
      const own = makeRun();
      const plugin = await make();
      await drive(plugin, own, 0, 5);
      const state = plugin.state?.();
      own.model.dispose();
      if (state === undefined) return;
      assert(plugin.restore !== undefined, "the plugin has a state() but no restore(), so no run with it can resume");
      const { meta } = state;
      assert(JSON.stringify(JSON.parse(JSON.stringify(meta))) === JSON.stringify(meta), "the meta data is not JSON");
    },
  },
  {
    name: "goes on from its state as if nothing had happened",
    async check(make) {
      const [whole, first, second] = [makeRun(), makeRun(), makeRun()];
      const undisturbed = await make();
      await drive(undisturbed, whole, 0, totalSteps);
      const stopped = await make();
      await drive(stopped, first, 0, 7);
      const state = stopped.state?.();
      const resumed = await make();
      if (state !== undefined) resumed.restore?.(state);
      await drive(resumed, second, 7, totalSteps);
      const [expected, found] = [textOf(undisturbed.state?.()), textOf(resumed.state?.())];
      for (const { model } of [whole, first, second]) model.dispose();
      assert(found === expected, `the state of a resumed run is ${found} in place of ${expected}`);
    },
  },
  {
    name: "its state is a copy that later steps do not change",
    async check(make) {
      const own = makeRun();
      const plugin = await make();
      await drive(plugin, own, 0, 5);
      const state = plugin.state?.();
      const before = textOf(state);
      await drive(plugin, own, 5, totalSteps);
      own.model.dispose();
      assert(textOf(state) === before, "a state that was handed out changed with the next steps");
    },
  },
  {
    name: "lets a run end that was aborted",
    async check(make) {
      const own = makeRun(AbortSignal.abort());
      const plugin = await make();
      await drive(plugin, own, 0, 1);
      await plugin.onEnd?.(own.run);
      own.model.dispose();
    },
  },
];
