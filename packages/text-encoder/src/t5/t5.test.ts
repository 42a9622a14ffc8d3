import { CheckpointError, ConfigError, createRng, initialize, ShapeError } from "@noisereel/core";
import { writeSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseT5Config } from "./config.js";
import { T5Encoder } from "./model.js";

const config = { vocab_size: 20, d_model: 8, d_kv: 4, d_ff: 16, num_layers: 2, num_heads: 2 };
const ids = [
  [5, 6, 7, 1],
  [8, 1, 0, 0],
];
const mask = [
  [1, 1, 1, 1],
  [1, 1, 0, 0],
];

beforeAll(() => tf.setBackend("cpu"));

function tinyModel(seed = 3): T5Encoder {
  const model = new T5Encoder(config);
  initialize(model, createRng(seed));
  return model;
}

function forward(model: T5Encoder, tokens = ids): number[] {
  return tf.tidy(() =>
    Array.from(model.forward(tf.tensor2d(tokens, undefined, "int32"), tf.tensor2d(mask)).dataSync()),
  );
}

describe("forward", () => {
  test("hidden tokens change nothing for real ones, and it leaks nothing", () => {
    const model = tinyModel();
    const before = tf.memory().numTensors;
    const plain = forward(model);
    const other = forward(model, [ids[0]!, [8, 1, 9, 10]]);
    expect(tf.memory().numTensors).toBe(before);
    const real = 4 * 8 + 2 * 8; // the first row and two tokens of the second
    expect(other.slice(0, real)).toEqual(plain.slice(0, real));
    expect(other.slice(real)).not.toEqual(plain.slice(real));
    model.dispose();
  });

  test("every weight has the gradient that finite differences give", () => {
    const model = tinyModel();
    const tokens = tf.tensor2d(ids, undefined, "int32");
    const real = tf.tensor2d(mask);
    const target = tf.randomNormal([2, 4, 8], 0, 1, "float32", 1);
    const loss = (): tf.Scalar => tf.tidy(() => tf.sum(tf.mul(model.forward(tokens, real), target)));
    const { grads } = tf.variableGrads(loss);
    for (const [name, parameter] of model.namedParameters()) {
      const gradient = Float32Array.from(grads[parameter.variable.name]!.dataSync());
      const values = Float32Array.from(parameter.variable.dataSync());
      // The element with the largest gradient: rounding matters least there.
      const index = gradient.reduce((best, value, i) => (Math.abs(value) > Math.abs(gradient[best]!) ? i : best), 0);
      const step = 1e-2;
      const lossAt = (value: number): number => {
        parameter.assign(values.with(index, value));
        return loss().dataSync()[0]!;
      };
      const numeric = (lossAt(values[index]! + step) - lossAt(values[index]! - step)) / (2 * step);
      parameter.assign(values);
      // Central differences in float32: their own error is of order step squared plus 1e-6 / step.
      expect(Math.abs(numeric - gradient[index]!), name).toBeLessThan(0.02 * Math.abs(gradient[index]!) + 5e-3);
    }
    model.dispose();
  });

  test("shapes that do not fit", () => {
    const model = tinyModel();
    expect(() => model.forward(tf.zeros([2, 4], "int32"), tf.ones([2, 3]))).toThrow(ShapeError);
    model.dispose();
  });
});

describe("config", () => {
  test("defaults, ignored keys and rejected ones", () => {
    const parsed = parseT5Config({ ...config, model_type: "t5", use_cache: true });
    expect(parsed.relative_attention_max_distance).toBe(128);
    expect(parsed).not.toHaveProperty("use_cache");
    expect(() => parseT5Config({ ...config, num_experts: 8 })).toThrow(/num_experts/);
    expect(() => parseT5Config({ ...config, feed_forward_proj: "relu" })).toThrow(ConfigError);
    expect(() => parseT5Config({ ...config, d_model: 0 })).toThrow(/d_model/);
    expect(() => parseT5Config(null)).toThrow(ConfigError);
  });
});

describe("folders", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "noisereel-t5-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("what was saved comes back the same", async () => {
    const model = tinyModel();
    await model.savePretrained(folder);
    const again = await T5Encoder.fromPretrained(folder);
    expect(again.config).toEqual(model.config);
    expect(forward(again)).toEqual(forward(model));
    expect(JSON.parse(await readFile(path.join(folder, "config.json"), "utf8"))).toMatchObject({ model_type: "t5" });
    model.dispose();
    again.dispose();
  });

  test("shards, and the parts of a whole T5 that an encoder has no use for", async () => {
    const model = tinyModel();
    const state = new Map(await model.stateDict());
    state.set("encoder.embed_tokens.weight", state.get("shared.weight")!);
    state.set("decoder.final_layer_norm.weight", state.get("encoder.final_layer_norm.weight")!);
    const names = [...state.keys()];
    const shards = [names.slice(0, 5), names.slice(5)];
    const weightMap: Record<string, string> = {};
    for (const [i, shard] of shards.entries()) {
      const file = `model-${i + 1}-of-2.safetensors`;
      await writeSafetensors(path.join(folder, file), new Map(shard.map((name) => [name, state.get(name)!])));
      for (const name of shard) weightMap[name] = file;
    }
    await writeFile(path.join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
    await writeFile(path.join(folder, "config.json"), JSON.stringify(config));
    const again = await T5Encoder.fromPretrained(folder);
    expect(forward(again)).toEqual(forward(model));
    model.dispose();
    again.dispose();
  });

  test("a folder without a model, and weights that do not fit", async () => {
    await expect(T5Encoder.fromPretrained(folder)).rejects.toThrow(/config.json/);
    const model = tinyModel();
    await model.savePretrained(folder);
    await writeFile(path.join(folder, "config.json"), JSON.stringify({ ...config, num_layers: 3 }));
    const before = tf.memory().numTensors;
    await expect(T5Encoder.fromPretrained(folder)).rejects.toThrow(CheckpointError);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
