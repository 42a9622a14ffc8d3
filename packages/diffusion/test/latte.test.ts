import { CheckpointError, ConfigError, createRng, initialize, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunkedAttention, classLabels, Latte, LatteT2V } from "../src/index.js";
import keyList from "./latte-t2v-keys.json" with { type: "json" };
import { distance, randomCondition, randomLatents, randomTensor, tinyConfig, tinyModel } from "./support/tiny.js";

/** Sums of float32 in another order differ by this much at values of about 1. */
const rounding = 1e-5;

beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

test("names, shapes and order are those of the released checkpoint", () => {
  const width = 48;
  const model = new LatteT2V({
    num_attention_heads: 4,
    attention_head_dim: 12,
    num_layers: 2,
    out_channels: 8,
    caption_channels: 20,
  });
  const scaled = new Map([
    [1152, width],
    [4608, 4 * width],
    [6912, 6 * width],
    [4096, 20],
  ]);
  const expected = keyList.keys.map(({ name, shape, trainable }) => ({
    name,
    shape: shape.map((size) => scaled.get(size) ?? size),
    trainable,
  }));
  const found = [...model.namedParameters()].map(([name, { storedShape, trainable }]) => ({
    name,
    shape: [...storedShape],
    trainable,
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(found.toSorted(byName)).toEqual(expected.toSorted(byName));
});

test("a model from scratch starts as the identity that predicts nothing, and every gate can learn", () => {
  const model = new LatteT2V(tinyConfig);
  initialize(model, createRng(3));
  const input = {
    latents: randomLatents([1, 3, 4, 4, 4]),
    stills: 0,
    timesteps: tf.tensor1d([500]),
    condition: randomCondition([1, 1, 5, 6]),
  };
  expect(distance(model.predict(input), tf.zeros([1, 3, 4, 4, 4]))).toBe(0);
  const { grads } = tf.variableGrads(
    () => tf.mean(tf.square(tf.sub(model.predict(input), input.latents))) as tf.Scalar,
  );
  const final = grads[model.proj_out.weight.variable.name]!;
  expect(tf.max(tf.abs(final)).dataSync()[0]).toBeGreaterThan(0);
  const block = model.transformer_blocks[0]!;
  const gates = block.scale_shift_table.variable.dataSync();
  expect(gates.slice(2 * 16, 3 * 16).every((value) => value === 0)).toBe(true);
  expect(gates.slice(0, 2 * 16).some((value) => value !== 0)).toBe(true);
  expect(block.attn2.to_out[0].weight.variable.dataSync().every((value) => value === 0)).toBe(true);
});

describe("joint batches", () => {
  const stills = 2;
  const joint = () => ({ latents: randomLatents([2, 5, 4, 4, 4]), timesteps: tf.tensor1d([10, 700]) });
  const slots = (x: tf.Tensor5D, start: number, count: number) =>
    tf.slice(x, [0, start, 0, 0, 0], [-1, count, -1, -1, -1]);
  const captions = (text: ReturnType<typeof randomCondition>, start: number, count: number) => ({
    embeddings: tf.slice(text.embeddings, [0, start, 0, 0], [-1, count, -1, -1]),
    mask: tf.slice(text.mask, [0, start, 0], [-1, count, -1]),
  });

  test("give the video and the stills what each gets alone, with its own caption", () => {
    const model = tinyModel();
    const { latents, timesteps } = joint();
    const text = randomCondition([2, 1 + stills, 5, 6]);
    const together = model.predict({ latents, stills, timesteps, condition: text });
    const video = model.predict({
      latents: slots(latents, 0, 3),
      stills: 0,
      timesteps,
      condition: captions(text, 0, 1),
    });
    expect(distance(slots(together, 0, 3), video)).toBeLessThan(rounding);
    for (let still = 0; still < stills; still++) {
      const input = { latents: slots(latents, 3 + still, 1), timesteps, condition: captions(text, 1 + still, 1) };
      const asFrame = model.predict({ ...input, stills: 0 });
      const asStill = model.predict({ ...input, stills: 1 });
      expect(distance(slots(together, 3 + still, 1), asFrame)).toBeLessThan(rounding);
      expect(distance(asStill, asFrame)).toBe(0);
    }
  });

  test("stills do not depend on temporal blocks", () => {
    const model = tinyModel();
    const { latents, timesteps } = joint();
    const condition = randomCondition([2, 1, 5, 6]);
    const before = model.predict({ latents, stills, timesteps, condition });
    for (const block of model.temporal_transformer_blocks) block.dispose();
    const other = tinyModel({}, 9);
    for (const [name, parameter] of model.namedParameters()) {
      if (name.startsWith("temporal_")) continue;
      const same = [...other.namedParameters()].find(([key]) => key === name)![1];
      same.variable.assign(parameter.variable);
    }
    const after = other.predict({ latents, stills, timesteps, condition });
    expect(distance(slots(before, 3, 2), slots(after, 3, 2))).toBe(0);
    expect(distance(slots(before, 0, 3), slots(after, 0, 3))).toBeGreaterThan(0.01);
  });

  test("one caption for all is the same as that caption repeated", () => {
    const model = tinyModel();
    const { latents, timesteps } = joint();
    const one = randomCondition([2, 1, 5, 6]);
    const repeated = {
      embeddings: tf.concat([one.embeddings, one.embeddings, one.embeddings], 1),
      mask: tf.concat([one.mask, one.mask, one.mask], 1),
    };
    const a = model.predict({ latents, stills, timesteps, condition: one });
    const b = model.predict({ latents, stills, timesteps, condition: repeated });
    expect(distance(a, b)).toBeLessThan(rounding);
  });
});

test("masked tokens change nothing", () => {
  const model = tinyModel();
  const input = { latents: randomLatents([1, 3, 4, 4, 4]), stills: 0, timesteps: tf.tensor1d([40]) };
  const short = randomCondition([1, 1, 3, 6]);
  const padded = {
    embeddings: tf.concat([short.embeddings, randomTensor([1, 1, 4, 6], "padding")], 2) as tf.Tensor4D,
    mask: tf.concat([short.mask, tf.zeros([1, 1, 4])], 2) as tf.Tensor3D,
  };
  const a = model.predict({ ...input, condition: short });
  expect(distance(a, model.predict({ ...input, condition: padded }))).toBeLessThan(rounding);
});

test("a text that was read once gives the same as predict", () => {
  const model = tinyModel();
  const input = { latents: randomLatents([2, 3, 4, 4, 4]), stills: 0, timesteps: tf.tensor1d([4, 5]) };
  const condition = randomCondition([2, 1, 5, 6]);
  const read = model.readCondition(condition);
  expect(distance(model.predict({ ...input, condition }), model.predictRead(input, read))).toBe(0);
});

test("attention in chunks of queries is attention", () => {
  const [q, k, v] = ["q", "k", "v"].map((name) => randomTensor([2, 9, 16], name) as tf.Tensor3D);
  const bias = tf.tensor2d(
    Array.from({ length: 18 }, (_, i) => -i),
    [2, 9],
  );
  const whole = chunkedAttention(q!, k!, v!, { heads: 2, bias });
  const chunked = chunkedAttention(q!, k!, v!, { heads: 2, bias, limit: 2 * 2 * 9 * 4 });
  expect(distance(whole, chunked)).toBeLessThan(1e-6);
});

describe("another stage", () => {
  test("runs the same weights at another size and length, and leaves the weights alone when disposed", () => {
    const model = tinyModel();
    const next = model.resized({ sample_size: [8, 6], video_length: 17 });
    const input = { stills: 1, timesteps: tf.tensor1d([3]), condition: randomCondition([1, 2, 5, 6]) };
    expect(next.predict({ ...input, latents: randomLatents([1, 18, 8, 6, 4]) }).shape).toEqual([1, 18, 8, 6, 4]);
    expect([...next.namedParameters()]).toEqual([...model.namedParameters()]);
    next.dispose();
    expect(model.predict({ ...input, latents: randomLatents([1, 4, 4, 4, 4]) }).shape).toEqual([1, 4, 4, 4, 4]);
  });

  test("loads the state dict of the stage before", async () => {
    const model = tinyModel();
    const next = new LatteT2V({ ...tinyConfig, sample_size: [16, 16], video_length: 17 });
    next.loadStateDict(await model.stateDict());
    const input = { stills: 0, timesteps: tf.tensor1d([3]), condition: randomCondition([1, 1, 5, 6]) };
    const latents = randomLatents([1, 17, 4, 4, 4]);
    const resized = model.resized({ sample_size: [16, 16], video_length: 17 });
    expect(distance(next.predict({ ...input, latents }), resized.predict({ ...input, latents }))).toBe(0);
  });
});

describe("folders", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "latte-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("are written and read back, at another length too", async () => {
    const model = tinyModel();
    const target = path.join(folder, "model");
    await model.savePretrained(target);
    const loaded = await LatteT2V.fromPretrained(target, { config: { video_length: 9 } });
    expect(loaded.config).toEqual({ ...model.config, video_length: 9, _class_name: "LatteT2V" });
    for (const [name, stored] of await model.stateDict()) {
      expect((await loaded.stateDict()).get(name)).toEqual(stored);
    }
  });

  test("of another configuration are refused by name", async () => {
    const target = path.join(folder, "model");
    await tinyModel().savePretrained(target);
    const config = JSON.parse(await readFile(path.join(target, "config.json"), "utf8")) as object;
    await writeFile(path.join(target, "config.json"), JSON.stringify({ ...config, num_layers: 3 }));
    await expect(LatteT2V.fromPretrained(target)).rejects.toThrow(CheckpointError);
    await writeFile(path.join(target, "config.json"), JSON.stringify({ ...config, compress_kv: true }));
    await expect(LatteT2V.fromPretrained(target)).rejects.toThrow(/compress_kv/);
    await expect(LatteT2V.fromPretrained(path.join(folder, "absent"))).rejects.toThrow(/config\.json/);
  });
});

describe("mistakes are named", () => {
  const input = () => ({
    latents: randomLatents([1, 3, 4, 4, 4]),
    stills: 0,
    timesteps: tf.tensor1d([3]),
    condition: randomCondition([1, 1, 5, 6]),
  });

  test.each([
    ["channels", { latents: [1, 3, 4, 4, 3] }, /3 channels.*in_channels 4/],
    ["size", { latents: [1, 3, 5, 4, 4] }, /5 x 4.*multiples of 2/],
    ["text width", { text: [1, 1, 5, 7] }, /\[batch, captions, tokens, 6\]/],
    ["captions", { latents: [1, 5, 4, 4, 4], stills: 2, text: [1, 2, 5, 6] }, /2 captions.*pass 1 for all, or 3/],
    ["stills", { stills: 4 }, /stills is 4.*use 0 to 3/],
    ["batch", { text: [2, 1, 5, 6] }, /condition has 2 batch items but the latents have 1/],
  ] as const)("%s", (_, change, message) => {
    const model = tinyModel();
    const { latents, text, stills } = change as { latents?: number[]; text?: number[]; stills?: number };
    const changed = {
      ...input(),
      ...(latents === undefined ? {} : { latents: randomLatents(latents as [number, number, number, number, number]) }),
      ...(text === undefined ? {} : { condition: randomCondition(text as [number, number, number, number]) }),
      ...(stills === undefined ? {} : { stills }),
    };
    expect(() => model.predict(changed)).toThrow(ShapeError);
    expect(() => model.predict(changed)).toThrow(message);
  });

  test("in configurations", () => {
    expect(() => new LatteT2V({ ...tinyConfig, out_channels: 5 })).toThrow(/out_channels is 5.*use 4, or 8/);
    expect(() => new LatteT2V({ ...tinyConfig, attention_head_dim: 3 })).toThrow(/multiple of 4/);
    expect(() => new LatteT2V({ ...tinyConfig, cross_attention_dim: 8 })).toThrow(/cross_attention_dim is 8/);
    expect(() => new LatteT2V({ ...tinyConfig, norm_type: "ada_norm_zero" as "ada_norm_single" })).toThrow(ConfigError);
    expect(() => new LatteT2V({ ...tinyConfig, caption_channels: null })).toThrow(/use Latte/);
    expect(() => new Latte(tinyConfig)).toThrow(/LatteT2V/);
  });
});

describe("recomputation", () => {
  const moving = (model: LatteT2V | Latte): void => {
    for (const [name, parameter] of model.namedParameters()) {
      if (/proj_out|linear|to_out/.test(name)) parameter.variable.assign(randomTensor(parameter.shape, name));
    }
  };
  const input = { latents: () => randomLatents([2, 4, 4, 4, 4]), stills: 1, timesteps: () => tf.tensor1d([3, 700]) };

  test.each(["with text", "without text"])("changes no gradient of a model %s", async (kind) => {
    const make = (recompute: boolean): LatteT2V | Latte =>
      kind === "with text"
        ? new LatteT2V(tinyConfig, { recompute })
        : new Latte({ ...tinyConfig, caption_channels: null }, { recompute });
    const plain = make(false);
    initialize(plain, createRng(2));
    moving(plain);
    const again = make(true);
    again.loadStateDict(await plain.stateDict());
    const condition = randomCondition([2, 2, 5, 6]);
    const [expected, found] = [plain, again].map((model) => {
      const predict = () =>
        model instanceof LatteT2V
          ? model.predict({ latents: input.latents(), timesteps: input.timesteps(), stills: 1, condition })
          : model.predict({ latents: input.latents(), timesteps: input.timesteps(), stills: 1, condition });
      const parameters = [...model.namedParameters()].filter(
        ([name, { trainable }]) => trainable && !/class/.test(name),
      );
      const variables = parameters.map(([, { variable }]) => variable);
      const { value, grads } = tf.variableGrads(() => tf.mean<tf.Scalar>(tf.square(predict())), variables);
      return { value, gradients: new Map(parameters.map(([name, { variable }]) => [name, grads[variable.name]!])) };
    });
    expect(found!.value.dataSync()).toEqual(expected!.value.dataSync());
    for (const [name, gradient] of expected!.gradients) {
      expect(distance(found!.gradients.get(name)!, gradient), name).toBeLessThan(1e-6);
    }
  });
});

describe("classes", () => {
  test("change the output, and no class is the last row", async () => {
    const model = new Latte({ ...tinyConfig, caption_channels: null, num_classes: 3 });
    initialize(model, createRng(2));
    for (const [name, parameter] of model.namedParameters()) {
      if (/proj_out|linear/.test(name)) parameter.variable.assign(randomTensor(parameter.shape, name));
    }
    const labels = classLabels(["cat", "dog", "sun"]);
    const input = { latents: randomLatents([2, 3, 4, 4, 4]), stills: 0, timesteps: tf.tensor1d([3, 3]) };
    const predict = async (a: string, b: string) =>
      model.predict({ ...input, condition: await labels.encode([[a], [b]]) });
    const dog = await predict("cat", "dog");
    expect(distance(dog, await predict("0", "1"))).toBe(0);
    expect(distance(dog, await predict("cat", "sun"))).toBeGreaterThan(1e-4);
    expect(distance(dog, await predict("cat", ""))).toBeGreaterThan(1e-4);
    expect(() => labels.encode([["cow"]])).toThrow(/"cow".*cat, dog, sun/);
    expect(() => model.predict({ ...input, condition: randomCondition([2, 1, 1, 3]) })).toThrow(/classLabels/);
  });
});
