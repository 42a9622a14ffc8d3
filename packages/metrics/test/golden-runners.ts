// Runs the golden cases of the metrics.
import type { Module } from "@noisereel/core";
import {
  FloLpips,
  flowWeights,
  framePsnr,
  frameSsim,
  type LayerChannels,
  Lpips,
  summarizeFrames,
} from "@noisereel/metrics";
import {
  channelsFirst,
  channelsLast,
  compareOutputs,
  type GoldenArray,
  type GoldenCase,
  type GoldenRunner,
} from "@noisereel/testing";
import type * as tf from "@tensorflow/tfjs";

const psnrSsimRunner: GoldenRunner = {
  name: "PSNR and SSIM",
  matches: ({ module }) => module.startsWith("calculate_psnr"),
  async run(goldenCase) {
    const [real, generated] = await Promise.all([goldenCase.input("real"), goldenCase.input("generated")]);
    const [batch, time, channels, height, width] = real.shape as [number, number, number, number, number];
    const frame = (video: GoldenArray, index: number): Float64Array => {
      const length = channels * height * width;
      const shape = [1, channels, height, width];
      return Float64Array.from(
        channelsLast({ shape, data: video.data.slice(index * length, (index + 1) * length) }).data,
      ); // [H, W, C]
    };
    const frames = (score: (a: Float64Array, b: Float64Array) => number): number[][] =>
      Array.from({ length: batch }, (_, b) =>
        Array.from({ length: time }, (_, t) => score(frame(generated, b * time + t), frame(real, b * time + t))),
      );
    const array = (shape: readonly number[], values: readonly number[]): GoldenArray => ({
      shape,
      data: Float64Array.from(values),
    });
    const outputs: Record<string, GoldenArray> = {};
    for (const [name, scores] of [
      ["psnr", frames(framePsnr)],
      ["ssim", frames((a, b) => frameSsim(a, b, { height, width, channels }))],
    ] as const) {
      const summary = summarizeFrames(scores);
      outputs[`out.${name}_per_frame`] = array([batch, time], scores.flat());
      outputs[`out.${name}_value`] = array(
        [time],
        summary.map(({ mean }) => mean),
      );
      outputs[`out.${name}_std`] = array(
        [time],
        summary.map(({ deviation }) => deviation),
      );
    }
    return compareOutputs(goldenCase, outputs);
  },
};

/** Weights of the case, or made by its formula; the constants of the scaling layer are no weights. */
async function loadWeights(model: Module, goldenCase: GoldenCase): Promise<void> {
  const stored = await goldenCase.weights();
  if (stored !== undefined) {
    model.loadStateDict(stored);
    return;
  }
  const shapes = [...model.namedParameters()]
    .filter(([name]) => !name.startsWith("scaling_layer."))
    .map(([name, parameter]) => [name, parameter.storedShape] as const);
  model.loadStateDict(goldenCase.formulaWeights(shapes), { strict: false });
}

const lpipsRunner: GoldenRunner = {
  name: "LPIPS",
  matches: ({ module }) => module.startsWith("LPIPS"),
  async run(goldenCase, tools) {
    const { chns } = goldenCase.config as unknown as { readonly chns: LayerChannels };
    const model = new Lpips({ network: "vgg16", channels: chns });
    try {
      await loadWeights(model, goldenCase);
      const { lpips, layers, last } = await tools.call(
        "lpips",
        ({ x, y }) => {
          const frames = x as tf.Tensor4D;
          const perLayer = model.layers(frames, y as tf.Tensor4D);
          const features = model.net.forward(model.scaling_layer.forward(frames));
          return { lpips: model.forward(frames, y as tf.Tensor4D), layers: perLayer, last: features[4]! };
        },
        { x: channelsLast(await goldenCase.input("input")), y: channelsLast(await goldenCase.input("target")) },
      );
      const mean = Float64Array.from(last!.data).reduce((sum, value) => sum + value, 0) / last!.data.length;
      return await compareOutputs(goldenCase, {
        "out.lpips": { shape: [lpips!.shape[0]!, 1, 1, 1], data: lpips!.data },
        "out.per_layer": layers!,
        "out.feat_relu5_3": channelsFirst(last!),
        "out.feat_relu5_3_mean": { shape: [1], data: Float64Array.of(mean) },
      });
    } finally {
      model.dispose();
    }
  },
};

const floLpipsRunner: GoldenRunner = {
  name: "FloLPIPS weighting",
  matches: ({ module }) => module.startsWith("FloLPIPS"),
  async run(goldenCase, tools) {
    const { chns } = goldenCase.config as unknown as { readonly chns: LayerChannels };
    const model = new FloLpips({ network: "alexnet", channels: chns });
    try {
      await loadWeights(model, goldenCase);
      const input = async (name: string): Promise<GoldenArray> => channelsLast(await goldenCase.input(name));
      const { distance, weights } = await tools.call(
        "flolpips",
        ({ reference, generated, flow }) => {
          const difference = flow as tf.Tensor4D;
          const [, height, width] = difference.shape;
          const map = flowWeights(difference, [height, width]);
          return {
            distance: model.forward(reference as tf.Tensor4D, generated as tf.Tensor4D, difference),
            weights: map.sum([1, 2, 3]),
          };
        },
        {
          reference: await input("frame_ref"),
          generated: await input("frame_dis"),
          flow: await input("flow_diff"),
        },
      );
      return await compareOutputs(goldenCase, { "out.flolpips": distance!, "out.weight_map_sum": weights! });
    } finally {
      model.dispose();
    }
  },
};

export const metricsRunners: readonly GoldenRunner[] = [psnrSsimRunner, lpipsRunner, floLpipsRunner];
