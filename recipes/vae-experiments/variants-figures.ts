// The comparison of variants as figures and a page.
import * as Plot from "@observablehq/plot";
import { type Colours, htmlPage, lossFigure, svgFigure } from "./page.js";
import type { Reconstruction } from "./measures.js";
import type { VariantsReport } from "../vae-variants.js";

const colours: Colours = { "per-frame": "#2a7f3f", released: "#c8502d" };

/** `psnr.svg`, `loss.svg` and `report.html`, by file name. */
export function variantFigures(report: VariantsReport): Readonly<Record<string, string>> {
  const { config, images, results, clips, seconds } = report;
  const cells = ({ psnr: value, change }: Reconstruction): string[] => [
    value.toFixed(2),
    change.amount.toFixed(3),
    change.kept.toFixed(3),
  ];
  const psnr = psnrFigure(report);
  const loss = lossFigure(
    colours,
    results.flatMap(({ variant, seed, losses }) =>
      losses.map((value, step) => ({ line: `${variant}/${seed}`, step: step + 1, loss: value })),
    ),
    { steps: config.video.steps, colourOf: (line) => line.split("/")[0]! },
  );
  const { image, video } = config;
  const page = htmlPage({
    title: "The released structure and the causal one",
    colours,
    introduction: `${clips.length} clips of ${config.measuredFrames} frames of ${config.size} x ${config.size}: ${clips.join(", ")}.
For each seed an image VAE learned ${image.steps} steps of ${image.frames} frames, and from it (tail) both video VAEs
${video.steps} steps of one clip of ${video.frames} frames, all taken from
the first ${config.trainedFrames} frames of the clips. ${Math.round(seconds)} seconds in all.`,
    figures: [psnr, loss],
    rows: [
      ["variant, seed", ...["start", "whole", "held out"].flatMap((what) => [`PSNR, ${what}`, "change", "kept"])],
      ...results.map(({ variant, seed, start, whole, heldOut }) => [
        `${variant}, ${seed}`,
        ...[start, whole, heldOut].flatMap(cells),
      ]),
      ...images.map((image, index) => [`image VAE, ${config.seeds[index]}`, ...cells(image)]),
    ],
    legend: `PSNR in dB, mean over frames: of whole clips before and after training, and of the frames after those trained on. Where a pixel moves:
"change" is the mean absolute change from frame to frame divided by the clip's, "kept" the share of the clip's own change that
is there (its regression on the clip's). 1 is no temporal blur.`,
  });
  return { "psnr.svg": psnr, "loss.svg": loss, "report.html": page };
}

/** PSNR over the place of the frame in whole clips; behind the line lie the frames held out. */
function psnrFigure({ config, results }: VariantsReport): string {
  const data = results.flatMap(({ variant, seed, whole }) =>
    whole.psnrByFrame.map((psnr, frame) => ({ variant, line: `${variant}/${seed}`, frame, psnr })),
  );
  return svgFigure(colours, {
    height: 300,
    x: { label: "frame" },
    y: { label: "PSNR (dB)", grid: true },
    marks: [
      Plot.ruleX([config.trainedFrames - 0.5], { stroke: "#aaa", strokeDasharray: "4 3" }),
      Plot.lineY(data, { x: "frame", y: "psnr", z: "line", stroke: "variant", strokeWidth: 1.5 }),
    ],
  });
}
