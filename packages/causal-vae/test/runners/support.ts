// What the golden runners share: layouts, weights and calls.
import { type JsonValue, type Module, type StateDict, storeFloats, type TensorFunction } from "@noisereel/core";
import {
  channelsFirst,
  channelsLast,
  compareOutputs,
  fromTensor,
  type GoldenArray,
  type GoldenCase,
  type GoldenComparison,
  type GoldenTools,
  saltedWeights,
  toTensor,
} from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";

export type JsonObject = Readonly<Record<string, JsonValue>>;

export const configOf = (goldenCase: GoldenCase): JsonObject => goldenCase.config as JsonObject;

/** `{ base: "release.json", overrides }` as one configuration. */
export function modelConfig(goldenCase: GoldenCase, described: JsonValue): JsonObject {
  const { overrides } = described as { readonly overrides: JsonObject };
  return { ...(goldenCase.manifest["release_config"] as JsonObject), ...overrides };
}

/** Fills a module with the case's weights: stored ones, else those of its formula. `prefix` is put before its names. */
export async function loadWeights(module: Module, goldenCase: GoldenCase, prefix = ""): Promise<void> {
  const stored = await goldenCase.weights();
  if (stored !== undefined && [...module.namedParameters()].every(([name]) => stored.has(prefix + name))) {
    module.loadStateDict(new Map([...module.namedParameters()].map(([name]) => [name, stored.get(prefix + name)!])));
    return;
  }
  const formula = goldenCase.entry["weights"] as {
    readonly salt: number;
    readonly relu_net?: boolean;
    readonly exception?: string;
  };
  const change = exceptionOf(formula.exception);
  // One at a time: the full-size model's weights are 917 MB.
  for (const [name, parameter] of module.namedParameters()) {
    // Constants of the reference, in no formula.
    if (name.startsWith("scaling_layer.")) continue;
    const shapes: [string, readonly number[]][] = [[name, parameter.storedShape]];
    const made = saltedWeights(shapes, { salt: formula.salt, reluNet: formula.relu_net ?? false });
    parameter.load(change(name, made).get(name)!);
  }
}

/** `every *.suffix = 0.4` and `name[4:8] -= 2 (float32)`. */
function exceptionOf(text: string | undefined): (name: string, state: StateDict) => StateDict {
  if (text === undefined) return (_, state) => state;
  const every = /^every \*(\.\S+) = ([\d.]+)/.exec(text);
  const range = /^(\S+)\[(\d+):(\d+)\] ([+-])= ([\d.]+)/.exec(text);
  if (every === null && range === null) throw new Error(`weight exception "${text}" is of an unknown form`);
  return (name, state) => {
    const stored = state.get(name)!;
    const values = new Float32Array(stored.bytes.slice().buffer);
    if (every !== null && name.endsWith(every[1]!)) values.fill(Number(every[2]));
    if (range !== null && name === range[1]) {
      for (let i = Number(range[2]); i < Number(range[3]); i++) values[i]! += Number(`${range[4]}${range[5]}`);
    }
    return new Map([[name, storeFloats(values, stored.shape, "F32")]]);
  };
}

/** Inputs of these names, channels last. */
export async function lastInputs(
  goldenCase: GoldenCase,
  names: readonly string[],
): Promise<Record<string, GoldenArray>> {
  const inputs: Record<string, GoldenArray> = {};
  for (const name of names) inputs[name] = channelsLast(await goldenCase.input(name));
  return inputs;
}

/** Calls `fn` with channels-last inputs, and puts the results' channels first again where they have frames. */
export async function callLast(
  tools: GoldenTools,
  name: string,
  fn: (inputs: Readonly<Record<string, tf.Tensor>>) => Record<string, tf.Tensor>,
  inputs: Readonly<Record<string, GoldenArray>>,
): Promise<Record<string, GoldenArray>> {
  const outputs = await tools.call(name, fn, inputs);
  return Object.fromEntries(
    Object.entries(outputs).map(([key, array]) => [key, array.shape.length >= 4 ? channelsFirst(array) : array]),
  );
}

/** Compiles `fn` once for as many runs as `use` wants. */
export async function repeated<T>(
  tools: GoldenTools,
  fn: TensorFunction,
  use: (run: (inputs: Readonly<Record<string, GoldenArray>>) => Promise<Record<string, GoldenArray>>) => Promise<T>,
): Promise<T> {
  const executable = tools.executor.compile(fn, { name: "golden" });
  try {
    return await use(async (inputs) => {
      const tensors = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, toTensor(array)]));
      const outputs = await executable.run(tensors);
      const result: Record<string, GoldenArray> = {};
      for (const [name, tensor] of Object.entries(outputs)) result[name] = await fromTensor(tensor);
      tf.dispose([tensors, outputs]);
      return result;
    });
  } finally {
    executable.dispose();
  }
}

/** Compares outputs given without the prefix `out.`. */
export function compare(
  goldenCase: GoldenCase,
  outputs: Readonly<Record<string, GoldenArray>>,
): Promise<readonly GoldenComparison[]> {
  return compareOutputs(
    goldenCase,
    Object.fromEntries(Object.entries(outputs).map(([name, array]) => [`out.${name}`, array])),
  );
}
