// What the runners share: configurations, weights, layouts.
import { type Module, type StateDict, storeFloats } from "@noisereel/core";
import { channelsLast, type GoldenArray, type GoldenCase } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import type { LatteConfigInput } from "../../src/index.js";

export type Config = Readonly<Record<string, unknown>>;

export function configOf(goldenCase: GoldenCase): Config {
  return goldenCase.config as Config;
}

/** Keys that the cases add to the model's own. */
const caseKeys = ["use_image_num", "steps", "lr"];

/** A case's configuration as the model takes it. */
export function latteConfigOf(goldenCase: GoldenCase): LatteConfigInput {
  return Object.fromEntries(Object.entries(configOf(goldenCase)).filter(([key]) => !caseKeys.includes(key)));
}

/** Images at the end of a joint batch. */
export function stillsOf(goldenCase: GoldenCase): number {
  return (configOf(goldenCase)["use_image_num"] as number | undefined) ?? 0;
}

/**
 * Loads the case's weights strictly. Parameters that the cases leave out because nothing in them reads them stay as they
 * are.
 */
export async function load<Model extends Module>(
  model: Model,
  goldenCase: GoldenCase,
  unread: RegExp = /y_embedding$/,
): Promise<Model> {
  const parameters = [...model.namedParameters()].map(([name, parameter]) => [name, parameter.storedShape] as const);
  const stored = (await goldenCase.weights()) ?? goldenCase.formulaWeights(parameters);
  const filled: StateDict = new Map([
    ...parameters
      .filter(([name]) => unread.test(name) && !stored.has(name))
      .map(([name, shape]) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return [name, storeFloats(new Float32Array(count), shape, "F32")] as const;
      }),
    ...stored,
  ]);
  model.loadStateDict(filled);
  return model;
}

/** The named inputs that the case has; integers become float32. */
export async function inputsOf(goldenCase: GoldenCase, names: readonly string[]): Promise<Record<string, GoldenArray>> {
  const found: Record<string, GoldenArray> = {};
  for (const name of names) if (await goldenCase.hasInput(name)) found[name] = floats(await goldenCase.input(name));
  return found;
}

export function floats({ shape, data }: GoldenArray): GoldenArray {
  return { shape, data: Float32Array.from(data) };
}

export function reshaped({ data }: GoldenArray, shape: readonly number[]): GoldenArray {
  return { shape, data };
}

/** `[B, C, T, H, W]` to `[B, T, H, W, C]`. */
export function latentsOf(array: GoldenArray): GoldenArray {
  return channelsLast(array);
}

/** `[B, M, W]` or `[B, P, M, W]` and its mask, as a condition's; without a mask every token counts. */
export function conditionArrays(inputs: Readonly<Record<string, GoldenArray>>): {
  readonly embeddings: GoldenArray;
  readonly mask: GoldenArray;
} {
  const { caption, mask } = inputs as { caption: GoldenArray; mask?: GoldenArray };
  const [batch, ...rest] = caption.shape as [number, ...number[]];
  const embeddings = rest.length === 2 ? reshaped(caption, [batch, 1, ...rest]) : caption;
  const maskShape = embeddings.shape.slice(0, 3);
  const ones = { shape: maskShape, data: new Float32Array(maskShape.reduce((a, b) => a * b, 1)).fill(1) };
  return { embeddings, mask: mask === undefined ? ones : reshaped(mask, maskShape) };
}

/** `[B, T, H, W, C]` to `[B, C, T, H, W]`, in a tensor function. */
export function channelsFirstTensor(x: tf.Tensor): tf.Tensor {
  return tf.transpose(x, [0, 4, 1, 2, 3]);
}
