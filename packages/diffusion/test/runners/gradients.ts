// The loss of a joint batch and its gradient for every parameter.
import {
  compareOutputs,
  type GoldenArray,
  type GoldenCase,
  type GoldenRunner,
  readGoldenFolder,
  toTensor,
  transposed,
} from "@noisereel/testing";
import type { NamedTensors, Parameter, TrainTask } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { iddpm, LatteT2V, textToVideoTask } from "../../src/index.js";
import { conditionArrays, inputsOf, latentsOf, latteConfigOf, load, stillsOf } from "./support.js";

/** What the reference trains. */
const objective = iddpm({ variance: "learned-range" });

/** A case's model, the task that trains it, and its fixed batch as `prepare` would have made it. */
export interface JointSubject {
  readonly task: TrainTask<never>;
  readonly model: LatteT2V;
  readonly batch: NamedTensors;
}

export async function jointSubject(goldenCase: GoldenCase): Promise<JointSubject> {
  const model = await load(new LatteT2V(latteConfigOf(goldenCase)), goldenCase);
  const encode = () => Promise.reject(new Error("the batch is given"));
  const task = textToVideoTask({ denoiser: model, objective, textEncoder: { encode } });
  const batch: Record<string, tf.Tensor> = {};
  for (const [name, array] of Object.entries(await batchArrays(goldenCase))) batch[name] = toTensor(array);
  batch["stills"] = tf.zeros([stillsOf(goldenCase)]);
  return { task, model, batch };
}

async function batchArrays(goldenCase: GoldenCase): Promise<Record<string, GoldenArray>> {
  const { noise, t } = await inputsOf(goldenCase, ["noise", "t"]);
  const source = (await goldenCase.hasInput("caption")) ? goldenCase : await forwardCaseOf(goldenCase);
  const rest = await inputsOf(source, ["x", "x0", "caption", "mask"]);
  const factors: Record<string, GoldenArray> = {};
  for (const [name, data] of Object.entries(objective.factors(t!.data))) {
    factors[`factor.${name}`] = { shape: t!.shape, data };
  }
  return {
    latents: latentsOf((rest["x0"] ?? rest["x"])!),
    noise: latentsOf(noise!),
    timesteps: t!,
    weights: { shape: t!.shape, data: new Float32Array(t!.data.length).fill(1) },
    ...conditionArrays(rest),
    ...factors,
  };
}

/** The full-width gradient shares the inputs of the joint forward pass of the same configuration. */
async function forwardCaseOf(goldenCase: GoldenCase): Promise<GoldenCase> {
  const cases = await readGoldenFolder(goldenCase.folder);
  const config = JSON.stringify(goldenCase.config);
  const found = cases.find(
    ({ module, config: other }) => module.startsWith("the same, joint") && JSON.stringify(other) === config,
  );
  if (found === undefined) throw new Error("no joint forward case has this configuration");
  return found;
}

export const gradientRunner: GoldenRunner = {
  name: "gradients of a joint batch",
  matches: ({ module }) => /^training_losses (of the 1000-step learned-range diffusion|and gradients)/.test(module),
  async run(goldenCase, tools) {
    const { task, model, batch } = await jointSubject(goldenCase);
    const named = [...model.namedParameters()].filter(([, parameter]) => parameter.trainable);
    const kept: tf.Tensor[] = [];
    const executable = tools.executor.compile((inputs) => lossAndGradients(task, inputs, named, kept), {
      name: goldenCase.id,
    });
    const results = await executable.run(batch);
    const gradients = await readByName(results, named);
    const outputs: Record<string, GoldenArray> = {
      "out.loss": await read(results["loss"]!),
      "out.mse": await read(results["mse"]!),
      "out.vb": await read(results["vb"]!),
      ...gradientOutputs(goldenCase, gradients),
    };
    executable.dispose();
    model.dispose();
    tf.dispose([results, batch, kept]);
    return compareOutputs(goldenCase, outputs);
  },
};

type NamedParameters = readonly (readonly [name: string, parameter: Parameter])[];

function lossAndGradients(
  task: TrainTask<never>,
  inputs: NamedTensors,
  named: NamedParameters,
  kept: tf.Tensor[],
): Record<string, tf.Tensor> {
  const parts = { mse: tf.scalar(0) as tf.Tensor, vb: tf.scalar(0) as tf.Tensor };
  const { value, grads } = tf.variableGrads(
    () => {
      const factors = Object.fromEntries(
        Object.entries(inputs).flatMap(([name, tensor]) =>
          name.startsWith("factor.") ? [[name.slice(7), tensor]] : [],
        ),
      );
      const clean = inputs["latents"] as tf.Tensor5D;
      const noise = inputs["noise"] as tf.Tensor5D;
      const noisy = objective.noised(clean, noise, factors);
      const denoiser = task.modules["denoiser"] as LatteT2V;
      const output = denoiser.predict({
        latents: noisy,
        stills: inputs["stills"]!.size,
        timesteps: inputs["timesteps"] as tf.Tensor1D,
        condition: { embeddings: inputs["embeddings"] as tf.Tensor4D, mask: inputs["mask"] as tf.Tensor3D },
      });
      const losses = objective.losses({ output, clean, noise, noisy, factors });
      parts.mse = tf.keep(losses.parts["mse"]!);
      parts.vb = tf.keep(losses.parts["vb"]!);
      kept.push(parts.mse, parts.vb);
      return tf.mean(losses.loss) as tf.Scalar;
    },
    named.map(([, parameter]) => parameter.variable),
  );
  const gradients = named.map(([name, parameter]) => [`grad.${name}`, grads[parameter.variable.name]!] as const);
  return { loss: value, ...parts, ...Object.fromEntries(gradients) };
}

/** Gradients in the checkpoint's layout. */
async function readByName(
  results: Readonly<Record<string, tf.Tensor>>,
  named: NamedParameters,
): Promise<ReadonlyMap<string, GoldenArray>> {
  const found = new Map<string, GoldenArray>();
  for (const [name, parameter] of named) {
    const array = await read(results[`grad.${name}`]!);
    // The patch embedding is the only parameter that is stored in another layout: [kh, kw, in, out].
    const isKernel = parameter.shape.length === 4;
    found.set(name, isKernel ? transposed(array, [3, 2, 0, 1]) : array);
  }
  return found;
}

function gradientOutputs(
  goldenCase: GoldenCase,
  gradients: ReadonlyMap<string, GoldenArray>,
): Record<string, GoldenArray> {
  const outputs: Record<string, GoldenArray> = {};
  let squares = 0;
  for (const [name, array] of gradients) {
    outputs[`out.grad.${name}`] = array;
    outputs[`out.grad_head.${name}`] = { shape: [Math.min(64, array.data.length)], data: array.data.slice(0, 64) };
    squares += squaredNorm(array);
  }
  outputs["out.grad_norm"] = { shape: [], data: Float64Array.of(Math.sqrt(squares)) };
  const order = goldenCase.entry["grad_norm_order"] as readonly string[] | undefined;
  if (order !== undefined) {
    const norms = order.map((name) => Math.sqrt(squaredNorm(gradients.get(name)!)));
    outputs["out.grad_norms"] = { shape: [order.length], data: Float64Array.from(norms) };
  }
  return outputs;
}

function squaredNorm({ data }: GoldenArray): number {
  return (data as Float32Array).reduce((sum, value) => sum + value * value, 0);
}

async function read(tensor: tf.Tensor): Promise<GoldenArray> {
  return { shape: tensor.shape, data: (await tensor.data()).slice() as Float32Array };
}
