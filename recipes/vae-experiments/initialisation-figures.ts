// The experiment as figures and a page.
import * as Plot from "@observablehq/plot";
import { type Colours, htmlPage, lossFigure, svgFigure } from "./page.js";
import type { InitialisationReport } from "../vae-initialisation.js";

const colours: Colours = { tail: "#2a7f3f", center: "#c8502d", average: "#3f6fb5", "image VAE": "#777" };

/** `psnr.svg`, `loss.svg` and `report.html`, by file name. */
export function initialisationFigures(report: InitialisationReport): Readonly<Record<string, string>> {
  const { config, image, results, clips, seconds } = report;
  const psnr = psnrFigure(report);
  const loss = lossFigure(
    colours,
    results.flatMap(({ init, losses }) => losses.map((value, step) => ({ line: init, step: step + 1, loss: value }))),
    { steps: config.video.steps, colourOf: (line) => line },
  );
  const cells = ({ psnr: value, psnrByFrame, movement }: typeof image): string[] => [
    value.toFixed(2),
    psnrByFrame.at(-1)!.toFixed(2),
    movement.toFixed(3),
  ];
  const page = htmlPage({
    title: "Three starts for a video VAE",
    colours,
    introduction: `${clips.length} clips of ${config.measuredFrames} frames of ${config.size} x ${config.size}: ${clips.join(", ")}.
The image VAE learned ${config.image.steps} steps of ${config.image.frames} frames, each video VAE ${config.video.steps} steps of one
clip of ${config.video.frames} frames. ${Math.round(seconds)} seconds in all.`,
    figures: [psnr, loss],
    rows: [
      ["start", ...["before training", "after training"].flatMap((when) => [`PSNR ${when}`, "last frame", "movement"])],
      ...results.map(({ init, before, after }) => [init, ...cells(before), ...cells(after)]),
      ["image VAE", ...cells(image)],
    ],
    legend: `PSNR in dB, mean over all frames, and of the last frame. Movement: the standard deviation over time, divided by the
clip's.`,
  });
  return { "psnr.svg": psnr, "loss.svg": loss, "report.html": page };
}

/** PSNR over the place of the frame, before and after training. */
function psnrFigure({ results, image }: InitialisationReport): string {
  const points = (init: string, training: string, values: readonly number[]) =>
    values.map((psnr, frame) => ({ init, training, frame, psnr }));
  const data = ["before training", "after training"].flatMap((training) => [
    ...points("image VAE", training, image.psnrByFrame),
    ...results.flatMap(({ init, before, after }) =>
      points(init, training, (training === "before training" ? before : after).psnrByFrame),
    ),
  ]);
  return svgFigure(colours, {
    height: 300,
    x: { label: "frame" },
    y: { label: "PSNR (dB)", grid: true },
    fx: { label: null, domain: ["before training", "after training"] },
    marks: [Plot.lineY(data, { x: "frame", y: "psnr", fx: "training", stroke: "init", strokeWidth: 1.5 })],
  });
}
