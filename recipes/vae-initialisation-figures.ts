// The experiment as figures and a page.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { InitialisationReport, InitialisationResult } from "./vae-initialisation.js";

const colours = {
  domain: ["tail", "center", "average", "image VAE"],
  range: ["#2a7f3f", "#c8502d", "#3f6fb5", "#777"],
};
const width = 760;

/** `psnr.svg`, `loss.svg` and `report.html`, by file name. */
export function initialisationFigures(report: InitialisationReport): Readonly<Record<string, string>> {
  const psnr = psnrFigure(report);
  const loss = lossFigure(report);
  return { "psnr.svg": psnr, "loss.svg": loss, "report.html": page(report, psnr, loss) };
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
  return svg({
    height: 300,
    x: { label: "frame" },
    y: { label: "PSNR (dB)", grid: true },
    fx: { label: null, domain: ["before training", "after training"] },
    marks: [Plot.lineY(data, { x: "frame", y: "psnr", fx: "training", stroke: "init", strokeWidth: 1.5 })],
  });
}

function lossFigure({ results, config }: InitialisationReport): string {
  const window = Math.max(1, Math.round(config.video.steps / 15));
  const data = results.flatMap(({ init, losses }) => losses.map((loss, step) => ({ init, step: step + 1, loss })));
  return svg({
    height: 260,
    x: { label: "training step" },
    y: { label: "loss", grid: true, type: "log" },
    marks: [
      Plot.lineY(
        data,
        Plot.windowY({ k: window, reduce: "mean" }, { x: "step", y: "loss", stroke: "init", strokeWidth: 1.5 }),
      ),
    ],
  });
}

function svg(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const figure = Plot.plot({
    document,
    width,
    color: { ...colours, legend: false },
    style: { background: "white", fontFamily: "system-ui, sans-serif" },
    ...options,
  });
  figure.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return figure.outerHTML;
}

const legend = colours.domain
  .map((name, index) => `<span style="color:${colours.range[index]}">&#9644; ${name}</span>`)
  .join(" &nbsp; ");

function page(report: InitialisationReport, psnr: string, loss: string): string {
  const { config, image, results, clips, seconds } = report;
  const row = ({ init, before, after }: InitialisationResult): string =>
    `<tr><td>${init}</td>${[before, after].map((found) => `<td>${found.psnr.toFixed(2)}</td><td>${found.psnrByFrame.at(-1)!.toFixed(2)}</td><td>${found.movement.toFixed(3)}</td>`).join("")}</tr>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Three starts for a video VAE</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2em auto; padding: 0 1em; }
td, th { padding: 0.2em 0.8em; text-align: right; } td:first-child { text-align: left; }
</style>
<h1>Three starts for a video VAE</h1>
<p>${clips.length} clips of ${config.measuredFrames} frames of ${config.size} x ${config.size}: ${clips.join(", ")}. The image
VAE learned ${config.image.steps} steps of ${config.image.frames} frames, each video VAE ${config.video.steps} steps of one
clip of ${config.video.frames} frames. ${Math.round(seconds)} seconds in all.</p>
<p>${legend}</p>
${psnr}
${loss}
<table>
<tr><th></th><th colspan="3">before training</th><th colspan="3">after training</th></tr>
<tr><th>start</th><th>PSNR</th><th>last frame</th><th>movement</th><th>PSNR</th><th>last frame</th><th>movement</th></tr>
${results.map(row).join("\n")}
<tr><td>image VAE</td><td>${image.psnr.toFixed(2)}</td><td>${image.psnrByFrame.at(-1)!.toFixed(2)}</td><td>${image.movement.toFixed(3)}</td></tr>
</table>
<p>PSNR in dB, mean over all frames, and of the last frame. Movement: the standard deviation over time, divided by the
clip's.</p>
</html>
`;
}
