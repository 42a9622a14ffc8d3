// Runs the golden cases of the metrics.
import { framePsnr, frameSsim, summarizeFrames } from "@noisereel/metrics";
import { channelsLast, compareOutputs, type GoldenArray, type GoldenRunner } from "@noisereel/testing";

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

export const metricsRunners: readonly GoldenRunner[] = [psnrSsimRunner];
