// Small tasks that train in milliseconds on the eager executor.
import { createRng, initialize, Linear, Module, type NamedTensors, type Rng, type TrainTask } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** A point and the value that belongs to it. */
export interface Point {
  readonly id: string;
  readonly x: readonly number[];
  readonly y: number;
}

/** `points` fixed points of a smooth function of two numbers. */
export function points(count: number, seed = 1): Point[] {
  const values = createRng(seed).normals(2 * count);
  return Array.from({ length: count }, (_, index) => {
    const x = [values[2 * index]!, values[2 * index + 1]!];
    return { id: `point-${index}`, x, y: Math.sin(x[0]!) + 0.5 * x[1]! };
  });
}

export class Perceptron extends Module {
  readonly hidden: Linear;
  readonly out: Linear;

  constructor(inputs = 2, width = 8) {
    super();
    this.hidden = new Linear({ in: inputs, out: width });
    this.out = new Linear({ in: width, out: 1 });
  }

  /** `x`: [B, inputs]; result [B, 1]. */
  forward(x: tf.Tensor): tf.Tensor {
    return this.out.forward(tf.tanh(this.hidden.forward(x)));
  }
}

/** Regression with a little noise drawn in `prepare`, so that randomness has to be resumed too. */
export function regression(seed = 7, noise = 0.01): { task: TrainTask<Point>; model: Perceptron } {
  const model = new Perceptron();
  initialize(model, createRng(seed));
  const task: TrainTask<Point> = {
    name: "regression",
    modules: { model },
    phases: [
      {
        name: "fit",
        parameters: () => model.namedParameters(),
        loss(batch) {
          const error = tf.sub(model.forward(batch["x"]!), batch["y"]!);
          const loss = tf.mean<tf.Scalar>(tf.square(error));
          return { loss, scalars: { absolute: tf.mean<tf.Scalar>(tf.abs(error)) } };
        },
      },
    ],
    prepare: (items, { rng }) => prepare(items, rng, noise),
  };
  return { task, model };
}

/** Two phases on one batch: the second reads what the first one kept, and each trains a module of its own. */
export function twoPhases(seed = 7): { task: TrainTask<Point>; first: Perceptron; second: Perceptron } {
  const first = new Perceptron();
  const second = new Perceptron(1);
  initialize(first, createRng(seed));
  initialize(second, createRng(seed + 1));
  const task: TrainTask<Point> = {
    name: "two-phases",
    modules: { first, second },
    phases: [
      {
        name: "value",
        parameters: () => first.namedParameters(),
        loss(batch, { kept, step }) {
          const guess = first.forward(batch["x"]!);
          kept.set("guess", guess);
          const loss = tf.mean<tf.Scalar>(tf.square(tf.sub(guess, batch["y"]!)));
          return { loss, scalars: { seenStep: tf.mul<tf.Scalar>(step, 1) } };
        },
      },
      {
        name: "error",
        parameters: () => second.namedParameters(),
        loss(batch, { kept }) {
          const error = tf.abs(tf.sub(kept.get("guess")!, batch["y"]!));
          return { loss: tf.mean<tf.Scalar>(tf.square(tf.sub(second.forward(kept.get("guess")!), error))) };
        },
      },
    ],
    prepare: (items, { rng }) => prepare(items, rng, 0),
  };
  return { task, first, second };
}

/** Four items of a fixed set, drawn at random. */
export function draw(all: readonly Point[], count = 4): (step: number, rng: Rng) => Point[] {
  return (_, rng) => Array.from({ length: count }, () => all[rng.integer(all.length)]!);
}

/** The bytes of all parameters as one text, to compare bit by bit. */
export async function fingerprint(module: Module): Promise<string> {
  const parts: string[] = [];
  for (const [name, { bytes }] of await module.stateDict()) parts.push(`${name}:${Buffer.from(bytes).toString("hex")}`);
  return parts.join("\n");
}

function prepare(items: readonly Point[], rng: Rng, noise: number): NamedTensors {
  const jitter = rng.normals(items.length);
  return {
    x: tf.tensor2d(items.map(({ x }) => [...x])),
    y: tf.tensor2d(items.map(({ y }, index) => [y + noise * jitter[index]!])),
  };
}
