// The suites of the training side must find what is wrong: each broken plugin fails the case that is made for it.
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointStore,
  type Optimizer,
  Parameter,
  type Tracker,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { describeCheckpointStore } from "./checkpoint-store.js";
import { describeOptimizer } from "./optimizer.js";
import { describeTracker, type TrackedValue } from "./tracker.js";
import { describeTrainerPlugin } from "./trainer-plugin.js";
import { failing } from "../../test/failing.js";

/** A store that is right. */
function rightStore(): CheckpointStore & { readonly held: Map<string, Checkpoint> } {
  const held = new Map<string, Checkpoint>();
  return {
    name: "right",
    held,
    list: () => [...held.keys()],
    load(id) {
      const found = held.get(id);
      if (found === undefined) throw new CheckpointError(`there is no ${id}`);
      return found;
    },
    save(id, { tensors, meta }, options) {
      options?.signal?.throwIfAborted();
      const copy = new Map([...tensors].map(([name, one]) => [name, { ...one, bytes: one.bytes.slice() }]));
      held.delete(id);
      held.set(id, { tensors: copy, meta });
    },
    remove: (id) => void held.delete(id),
  };
}

const storeFailures = (change: (store: ReturnType<typeof rightStore>) => Partial<CheckpointStore>) =>
  failing((runner) =>
    describeCheckpointStore(
      "broken",
      () => {
        const store = rightStore();
        return { store: { ...store, ...change(store) } };
      },
      runner,
    ),
  );

test.each<[string, (store: ReturnType<typeof rightStore>) => Partial<CheckpointStore>, string[]]>([
  ["is right", () => ({}), []],
  ["lists the newest first", ({ held }) => ({ list: () => [...held.keys()].toReversed() }), ["lists the oldest first"]],
  [
    "keeps the caller's bytes",
    ({ held }) => ({
      save(id, { tensors, meta }, options) {
        options?.signal?.throwIfAborted();
        const copy = new Map(tensors);
        held.delete(id);
        held.set(id, { tensors: copy, meta });
      },
    }),
    ["keeps no hold of the caller's bytes"],
  ],
  [
    "deletes before it saves",
    (store) => ({
      save(id, checkpoint, options) {
        options?.signal?.throwIfAborted();
        store.held.clear();
        return store.save(id, checkpoint, options);
      },
    }),
    ["keeps what was there when a save fails half way"],
  ],
  [
    "forgets the abort",
    (store) => ({ save: (id, checkpoint) => store.save(id, checkpoint) }),
    ["saves nothing for a call that was aborted before"],
  ],
])("describeCheckpointStore judges a store that %s", async (_, change, failed) => {
  const found = await storeFailures(change);
  for (const name of failed) expect(found).toContain(name);
  if (failed.length === 0) expect(found).toEqual([]);
});

/** Trackers into one list; `dropLater` is what a right one does when a step is not the next. */
function trackerFailures(dropLater: boolean, change: (tracker: Tracker) => Tracker = (tracker) => tracker) {
  return failing((runner) =>
    describeTracker(
      "broken",
      () => {
        let values: TrackedValue[] = [];
        return {
          read: () => values,
          open() {
            let last = Infinity;
            return change({
              name: "list",
              scalars(step, told) {
                if (dropLater && step < last) values = values.filter((value) => value.step < step);
                last = step;
                values.push(...Object.entries(told).map(([name, value]) => ({ step, name, value })));
              },
            });
          },
        };
      },
      runner,
    ),
  );
}

test("describeTracker finds steps that are there twice, lost calls and changed clips", async () => {
  expect(await trackerFailures(true)).toEqual([]);
  expect(await trackerFailures(false)).toEqual([
    "leaves every step once after a resume",
    "leaves every step once when a run goes back",
    "leaves every step once when the newest checkpoint is lost",
  ]);
  const oncePerStep = (tracker: Tracker): Tracker => {
    const seen = new Set<number>();
    return {
      ...tracker,
      scalars: (step, told) => (seen.has(step) ? undefined : (seen.add(step), tracker.scalars(step, told))),
    };
  };
  expect(await trackerFailures(true, oncePerStep)).toContain("keeps what it was told, several calls for a step too");
  const paints = (tracker: Tracker): Tracker => ({ ...tracker, clip: (_, __, clip) => void clip.pixels.fill(0) });
  expect(await trackerFailures(true, paints)).toEqual(["takes clips and single frames, and leaves them alone"]);
});

/** Trackers that send what is saved, and never take it back; `returns` sends it elsewhere when a run goes back behind it. */
function sendingFailures({ returns, whenClosed }: { readonly returns: boolean; readonly whenClosed: boolean }) {
  return failing((runner) =>
    describeTracker(
      "sends",
      () => {
        let sent: TrackedValue[] = [];
        return {
          read: () => sent,
          open() {
            let waiting: TrackedValue[] = [];
            let last = Infinity;
            const send = (step: number): void => {
              sent.push(...waiting.filter((value) => value.step <= step));
              waiting = waiting.filter((value) => value.step > step);
            };
            return {
              name: "sends",
              scalars(step, told) {
                if (step < last) {
                  waiting = waiting.filter((value) => value.step < step);
                  if (returns) sent = sent.filter((value) => value.step < step);
                }
                last = step;
                waiting.push(...Object.entries(told).map(([name, value]) => ({ step, name, value })));
              },
              saved: send,
              ...(whenClosed ? { close: () => send(Infinity) } : {}),
            };
          },
        };
      },
      runner,
    ),
  );
}

test("describeTracker tells a tracker what is saved, and finds one that ignores a lost checkpoint", async () => {
  expect(await sendingFailures({ returns: true, whenClosed: true })).toEqual([]);
  expect(await sendingFailures({ returns: false, whenClosed: true })).toEqual([
    "leaves every step once when the newest checkpoint is lost",
  ]);
  expect(await sendingFailures({ returns: true, whenClosed: false })).toContain(
    "keeps what it was told, several calls for a step too",
  );
});

test("describeTrainerPlugin finds changed weights, drawn numbers, leaks and states that do not resume", async () => {
  const suite = (make: Parameters<typeof describeTrainerPlugin>[1]) =>
    failing((runner) => describeTrainerPlugin("broken", make, runner));
  expect(await suite(() => ({ name: "right" }))).toEqual([]);
  expect(await suite(() => ({ name: "no/file" }))).toEqual(["has a name that can be a file's"]);
  const draws = await suite(() => ({ name: "draws", onStep: (_, run) => void run.rng.uniform() }));
  expect(draws).toEqual(["changes neither weights nor randomness of the run"]);
  const leaks = await suite(() => ({ name: "leaks", onStep: () => void tf.keep(tf.scalar(1)) }));
  expect(leaks).toEqual(["leaves no more tensors after many steps than after few"]);
  const forgets = await suite(() => {
    const losses: number[] = [];
    return {
      name: "forgets",
      onStep: ({ losses: { fit } }) => void losses.push(fit!),
      state: () => ({ tensors: new Map(), meta: { losses } }), // the array itself
      restore: () => undefined,
    };
  });
  expect(forgets).toEqual([
    "goes on from its state as if nothing had happened",
    "its state is a copy that later steps do not change",
  ]);
});

test("describeOptimizer finds hidden state, decay without gradient and leaks", async () => {
  /** Gradient descent with whatever is wrong about it. */
  const descent = (
    change: Partial<Optimizer> & { readonly hidden?: boolean; readonly decays?: boolean; readonly leaks?: boolean },
  ): Optimizer => {
    let calls = 0;
    return {
      name: "descent",
      apply(parameters, gradients, { learningRate }) {
        calls++;
        for (const [name, { variable }] of parameters) {
          const gradient = gradients.get(name) ?? (change.decays === true ? variable : undefined);
          if (gradient === undefined) continue;
          const rate = change.hidden === true ? tf.div(learningRate, 1 + 0.01 * calls) : learningRate;
          variable.assign(tf.sub(variable, tf.mul(gradient, rate)));
          if (change.leaks === true) tf.keep(tf.scalar(1));
        }
      },
      *slots() {},
      dispose: () => undefined,
      ...change,
    };
  };
  const suite = (make: () => Optimizer) =>
    failing((runner) => describeOptimizer("broken", make, { ...runner, learningRate: 0.1 }));
  expect(await suite(() => descent({}))).toEqual([]);
  expect(await suite(() => descent({ hidden: true }))).toEqual([
    "keeps its whole state in its slots: they resume it bit by bit",
  ]);
  expect(await suite(() => descent({ decays: true }))).toEqual([
    "leaves a parameter without a gradient alone, its decay and slots included",
  ]);
  expect(await suite(() => descent({ leaks: true }))).toEqual(["leaves no tensors behind, and frees its slots"]);
  expect(await suite(() => descent({ apply: () => undefined }))).toEqual(["finds a minimum"]);
  const foreign = new Parameter([1]);
  expect(await suite(() => descent({ slots: () => new Map([["m", foreign]]).entries() }))).toContain(
    "names its slots after their parameters, each once",
  );
});
