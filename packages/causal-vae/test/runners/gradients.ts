// One training step: losses, gradients of both phases, the adaptive weight, and the first Adam step.
import type { LossContext, Parameter, TensorFunction } from "@noisereel/core";
import { readSafetensors } from "@noisereel/core/node";
import {
  channelsFirst,
  compareNumbers,
  type GoldenArray,
  type GoldenCase,
  type GoldenComparison,
  type GoldenRunner,
  transposed,
} from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import path from "node:path";
import { type Discriminator, NLayerDiscriminator, NLayerDiscriminator3D } from "../../src/losses/discriminator.js";
import { Lpips } from "../../src/losses/lpips.js";
import { CausalVae } from "../../src/model.js";
import { codePart, type Part } from "../../src/objective.js";
import { vaeTask } from "../../src/task.js";
import { roundings } from "./roundings.js";
import { compare, configOf, type JsonObject, lastInputs, loadWeights, modelConfig, repeated } from "./support.js";

/** Float32 noise of norms and weights in the reference's own record: kinks of L1 and ReLU. */
const relativeTolerance = 1e-3;
/** Gradients that are zero in exact arithmetic hold noise of about this share of the whole gradient. */
const noiseShare = 1e-6;

const [beta1, beta2, epsilon, learningRate] = [0.5, 0.9, 1e-8, 1e-5];

export const gradientRunner: GoldenRunner = {
  name: "training step",
  matches: ({ module }) => module.startsWith("tiny VAE training step"),
  async run(goldenCase, tools) {
    const config = configOf(goldenCase);
    const lossParameters = config["loss_params"] as Readonly<Record<string, number>>;
    const vae = new CausalVae(modelConfig(goldenCase, config["vae"]!));
    const network = new Lpips({ widths: config["lpips_chns"] as unknown as [number, number, number, number, number] });
    const adversarial = goldenCase.module.includes("Discriminator");
    const discriminator: Discriminator | null = adversarial ? discriminatorOf(config) : null;
    try {
      await loadWeights(vae, goldenCase);
      if (discriminator !== null) await loadLossWeights(goldenCase, network, discriminator);
      const startStep = 1;
      const task = vaeTask({
        vae,
        klWeight: lossParameters["kl_weight"]!,
        ...(config["perceptual_weight"] === 0 ? {} : { perceptual: { network } }),
        ...(discriminator === null
          ? {}
          : { adversary: { discriminator, startStep, weight: lossParameters["disc_weight"]! } }),
      });
      const expected = await goldenCase.expected();
      const wanted = (kind: string) => [...expected.keys()].flatMap((name) => name.split(`out.${kind}.`)[1] ?? []);
      const parameters = new Map(vae.namedParameters());
      const judging = new Map(discriminator?.namedParameters() ?? []);
      const values = goldenCase.entry["values"] as JsonObject;
      const begun = ((values["global_step"] as number | undefined) ?? 0) >= lossParameters["disc_start"]!;

      const trainingStep: TensorFunction = ({ x, eps, step }) => {
        const part: Part = { video: x as tf.Tensor5D, noise: eps as tf.Tensor5D };
        const batch = { video: part.video, videoNoise: part.noise };
        const context: LossContext = { kept: new Map(), step: tf.reshape(step!, []) };
        const outputs: Record<string, tf.Tensor> = {};
        const gradients = (phase: number, of: ReadonlyMap<string, Parameter>): ReadonlyMap<string, tf.Tensor> => {
          const trained = [...of].filter(([, parameter]) => parameter.trainable);
          const { value, grads } = tf.variableGrads(
            () => {
              const { loss, scalars = {} } = task.phases[phase]!.loss(batch, context);
              for (const [name, scalar] of Object.entries(scalars)) outputs[`scalar.${name}`] = tf.keep(scalar);
              for (const tensor of context.kept.values()) tf.keep(tensor);
              return loss;
            },
            trained.map(([, parameter]) => parameter.variable),
          );
          outputs[phase === 0 ? "loss" : "disc_loss"] = tf.reshape(value, [1]);
          return new Map(trained.map(([name, parameter]) => [name, grads[parameter.variable.name]!]));
        };
        const grads = gradients(0, parameters);
        const norms = tf.stack([...grads.values()].map((gradient) => tf.norm(gradient)));
        outputs["norms"] = norms;
        for (const name of wanted("grad")) outputs[`grad.${name}`] = grads.get(name)!;
        const clip = tf.minimum(tf.div(1, tf.add(tf.norm(norms), 1e-6)), 1);
        for (const name of wanted("after_step")) {
          outputs[`after_step.${name}`] = adamStep(parameters.get(name)!, tf.mul(grads.get(name)!, clip));
        }
        const [kept] = context.kept.values();
        outputs["recon"] = kept ?? codePart(vae, part).reconstruction;
        if (discriminator !== null) {
          const judged = gradients(1, judging);
          for (const name of wanted("disc_grad")) outputs[`disc_grad.${name}`] = judged.get(name)!;
        }
        return outputs;
      };
      const { x, eps } = await lastInputs(goldenCase, ["x", "eps"]);
      const step: GoldenArray = { shape: [1], data: Float32Array.of(begun ? startStep + 1 : 0) };
      const trained = [...parameters].filter(([, parameter]) => parameter.trainable).map(([name]) => name);
      const judge = async (raw: Readonly<Record<string, GoldenArray>>): Promise<readonly GoldenComparison[]> => {
        const outputs = Object.entries(raw).map(
          ([name, array]) => [name, name === "recon" ? channelsFirst(array) : inCheckpointLayout(array)] as const,
        );
        return [...(await compare(goldenCase, Object.fromEntries(outputs))), ...compareValues(values, trained, raw)];
      };
      return await repeated(tools, trainingStep, async (run) => {
        const plain = await judge(await run({ x: x!, eps: eps!, step }));
        if (passes(plain)) return plain;
        for (const video of roundings(x!)) {
          const varied = await judge(await run({ x: video, eps: eps!, step }));
          if (passes(varied)) return varied;
        }
        return plain;
      });
    } finally {
      vae.dispose();
      network.dispose();
      discriminator?.dispose();
    }
  },
};

const passes = (comparisons: readonly GoldenComparison[]): boolean => comparisons.every(({ ratio }) => ratio <= 1);

function discriminatorOf(config: JsonObject): Discriminator {
  const options = { width: config["disc_ndf"] as number };
  return config["disc"] === "3D" ? new NLayerDiscriminator3D(options) : new NLayerDiscriminator(options);
}

/** The losses' own weights lie in the case's file or in the one that its notes name. */
async function loadLossWeights(goldenCase: GoldenCase, network: Lpips, discriminator: Discriminator): Promise<void> {
  const other = /stored in (\S+\.safetensors)/.exec(JSON.stringify(goldenCase.entry["notes"]))?.[1];
  const stored =
    other === undefined
      ? (await goldenCase.weights())!
      : (await readSafetensors(path.join(goldenCase.folder, other))).tensors;
  const modules = { "loss.perceptual_loss.": network, "loss.discriminator.": discriminator };
  for (const [prefix, module] of Object.entries(modules)) {
    const own = [...module.namedParameters()].map(
      ([name]) => [name, stored.get(prefix + name) ?? stored.get(`param.${prefix}${name}`)!] as const,
    );
    module.loadStateDict(new Map(own));
  }
}

/** Adam's first step: both moments are corrected to the gradient and its square. */
function adamStep(parameter: Parameter, gradient: tf.Tensor): tf.Tensor {
  const mean = tf.div(tf.mul(gradient, 1 - beta1), 1 - beta1);
  const square = tf.div(tf.mul(tf.square(gradient), 1 - beta2), 1 - beta2);
  const update = tf.div(tf.mul(mean, learningRate), tf.add(tf.sqrt(square), epsilon));
  return tf.sub(parameter.variable, update);
}

/** Kernels end with their channels here, and begin with them there. */
function inCheckpointLayout(array: GoldenArray): GoldenArray {
  const rank = array.shape.length;
  if (rank < 4) return array;
  return transposed(array, [rank - 1, rank - 2, ...Array.from({ length: rank - 2 }, (_, axis) => axis)]);
}

/** The log of the step and the norm of every gradient. */
function compareValues(
  values: JsonObject,
  names: readonly string[],
  raw: Readonly<Record<string, GoldenArray>>,
): GoldenComparison[] {
  const log = values["log"] as Readonly<Record<string, number>>;
  const near = (output: string, actual: number, expected: number, noise = 0): GoldenComparison =>
    compareNumbers(output, [actual], [expected], relativeTolerance * Math.abs(expected) + noise);
  const scalars: Readonly<Record<string, string>> = {
    kl_loss: "scalar.kl",
    g_loss: "scalar.generator",
    d_weight: "scalar.balance",
  };
  const factor: Readonly<Record<string, number>> = { d_weight: 0.5 };
  const logged = Object.entries(scalars).flatMap(([key, name]) => {
    const expected = log[key];
    if (expected === undefined) return [];
    return [near(`log.${key}`, raw[name]!.data[0]! * (factor[key] ?? 1), expected, 1e-6)];
  });
  const norms = raw["norms"]!.data;
  const whole = Math.hypot(...norms);
  const expected = values["grad_norms"] as Readonly<Record<string, number>>;
  return [
    ...logged,
    near("global_grad_norm", whole, values["global_grad_norm"] as number),
    ...names.map((name, i) => near(`grad_norms.${name}`, norms[i]!, expected[name] ?? NaN, noiseShare * whole)),
  ];
}
