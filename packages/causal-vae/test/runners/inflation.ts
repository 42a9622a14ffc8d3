// An image VAE and the three video VAEs that start from it.
import { type StateDict, toFloat32 } from "@noisereel/core";
import {
  compareNumbers,
  type GoldenArray,
  type GoldenComparison,
  type GoldenRunner,
  type GoldenTools,
} from "@noisereel/testing";
import type * as tf from "@tensorflow/tfjs";
import { inflate, type InflationInit } from "../../src/inflate.js";
import { CausalVae } from "../../src/model.js";
import { callLast, compare, configOf, lastInputs, modelConfig } from "./support.js";

/** Sums of one inflated tensor; float32 sums of thousands of terms agree to about 1e-5 of the largest. */
interface Sums {
  readonly sum: number;
  readonly sum_sq: number;
  readonly last_tap_sum_sq: number | null;
}
const sumTolerance = 1e-4;

export const inflationRunner: GoldenRunner = {
  name: "inflate",
  matches: ({ module }) => module.includes("inflation"),
  async run(goldenCase, tools) {
    const config = configOf(goldenCase);
    const weights = await goldenCase.weights();
    // The case stores samples of its results among its weights, by method.
    const isSample = (name: string) => /^(tail|center|average)\./.test(name);
    const image = new Map([...weights!].filter(([name]) => !isSample(name)));
    const { image: still, moving } = await lastInputs(goldenCase, ["image", "moving"]);
    const checks = (await goldenCase.siblingJson("inflate_checks.json")) as unknown as Record<
      InflationInit,
      Readonly<Record<string, Sums>>
    >;
    const outputs: Record<string, GoldenArray> = {};
    const comparisons: GoldenComparison[] = [];

    const imageConfig = modelConfig(goldenCase, config["image_net"]!);
    const videoConfig = modelConfig(goldenCase, config["video_net"]!);
    const net2d = new CausalVae(imageConfig);
    net2d.loadStateDict(image);
    const still2d = await reconstruct(net2d, still!, tools);
    outputs["img2d_moments"] = still2d.moments;
    outputs["img2d_recon"] = still2d.recon;
    outputs["mov2d_recon_perframe"] = (await reconstruct(net2d, moving!, tools)).recon;
    net2d.dispose();

    for (const init of ["tail", "center", "average"] as const) {
      const net = new CausalVae(videoConfig);
      inflate(image, net, { init });
      const state = await net.stateDict();
      comparisons.push(...compareSums(init, state, checks[init]));
      for (const [name, stored] of weights!) {
        if (!name.startsWith(`${init}.`)) continue;
        const actual = toFloat32(state.get(name.slice(init.length + 1))!);
        comparisons.push(compareNumbers(`param.${name}`, actual, toFloat32(stored), 1e-7));
      }
      const run = await reconstruct(net, moving!, tools);
      outputs[`${init}_mov_moments`] = run.moments;
      outputs[`${init}_mov_recon`] = run.recon;
      net.dispose();
    }
    const fixed = new CausalVae({
      ...videoConfig,
      encoder_attention: "AttnBlock3DFix",
      decoder_attention: "AttnBlock3DFix",
    });
    inflate(image, fixed, { init: "tail" });
    outputs["tail_fix_mov_recon"] = (await reconstruct(fixed, moving!, tools)).recon;
    fixed.dispose();
    return [...comparisons, ...(await compare(goldenCase, outputs))];
  },
};

async function reconstruct(
  vae: CausalVae,
  video: GoldenArray,
  tools: GoldenTools,
): Promise<{ readonly moments: GoldenArray; readonly recon: GoldenArray }> {
  const result = await callLast(
    tools,
    "reconstruct",
    ({ video: x }) => {
      const moments = vae.moments(x as tf.Tensor5D);
      return { moments, recon: vae.decodeLatents(vae.posterior(moments).mean) };
    },
    { video },
  );
  return { moments: result["moments"]!, recon: result["recon"]! };
}

function compareSums(
  init: InflationInit,
  state: StateDict,
  checks: Readonly<Record<string, Sums>>,
): GoldenComparison[] {
  return Object.entries(checks).map(([name, expected]) => {
    const stored = state.get(name);
    if (stored === undefined) return { output: `${init}.${name}`, ratio: Infinity };
    const values = toFloat32(stored);
    const square = (list: Float32Array) => list.reduce((sum, value) => sum + value * value, 0);
    const total = values.reduce((sum, value) => sum + value, 0);
    const actual = [total, square(values)];
    const wanted = [expected.sum, expected.sum_sq];
    if (expected.last_tap_sum_sq !== null && stored.shape.length === 5) {
      actual.push(square(lastTap(values, stored.shape)));
      wanted.push(expected.last_tap_sum_sq);
    }
    const scale = Math.max(1, ...wanted.map(Math.abs));
    return compareNumbers(`${init}.${name}`, actual, wanted, sumTolerance * scale);
  });
}

/** The values of `[out, in, kt, kh, kw]` at the last `kt`. */
function lastTap(values: Float32Array, shape: readonly number[]): Float32Array {
  const [, , taps, height, width] = shape as readonly [number, number, number, number, number];
  const area = height * width;
  return values.filter((_, i) => Math.floor(i / area) % taps === taps - 1);
}
