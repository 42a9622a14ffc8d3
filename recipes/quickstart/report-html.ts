// The page to look at: one HTML file beside the clips it shows, without scripts.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml } from "../reports/page.js";
import type { CurvePoint, Curves, QuickstartReport } from "./report.js";

/** `curves` hold every step; `reel` is the video of all samples, relative to the page. */
export function reportHtml(report: QuickstartReport, curves: Curves, reel: string): string {
  const minutes = (report.seconds / 60).toFixed(1);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>noisereel quickstart</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>noisereel quickstart</h1>
<p>A causal video autoencoder and a text-to-video transformer, trained from scratch on ${report.prompts.total} short clips in ${minutes} minutes.</p>
</header>
<section class="figures">
${figure("Prompts that give the right clip", `${report.prompts.matched} of ${report.prompts.total}`)}
${figure("Reconstruction PSNR", `${report.reconstruction.psnr.toFixed(2)} dB`)}
${figure("Reconstruction SSIM", report.reconstruction.ssim.toFixed(3))}
${figure("Time", `${minutes} min`)}
${figure("Peak memory", `${(report.peakRssMiB / 1024).toFixed(2)} GiB`)}
</section>
<section>
<h2>The reel</h2>
<p>One sample for each caption, drawn from noise with the run's seed.</p>
${video(reel, "wide")}
</section>
<section>
<h2>Samples</h2>
<div class="grid">
${report.prompts.samples
  .map(
    (sample) => `<figure>${video(sample.video)}
<figcaption>${escapeHtml(sample.caption)}<br><small>seed ${sample.seed}; nearest clip: ${escapeHtml(sample.nearest)}, correlation ${sample.correlation.toFixed(2)} ${sample.matched ? "✓" : "✗"}</small></figcaption></figure>`,
  )
  .join("\n")}
</div>
</section>
<section>
<h2>Reconstructions</h2>
<p>Left the clip, right what the autoencoder makes of its latents.</p>
<div class="grid pairs">
${report.reconstruction.clips
  .map(
    (clip) => `<figure>${video(clip.video)}
<figcaption>${escapeHtml(clip.id)}<br><small>${clip.psnr.toFixed(2)} dB, SSIM ${clip.ssim.toFixed(3)}</small></figcaption></figure>`,
  )
  .join("\n")}
</div>
</section>
<section>
<h2>Loss curves</h2>
<div class="grid curves">
${Object.entries(curves)
  .map(([name, points]) => `<figure>${curveSvg(points)}<figcaption>${escapeHtml(name)}</figcaption></figure>`)
  .join("\n")}
</div>
</section>
<section>
<h2>Time by phase</h2>
<table>${Object.entries(report.phases)
    .map(([phase, seconds]) => row(phase, `${seconds.toFixed(1)} s`))
    .join("")}</table>
<h2>Parameters</h2>
<table>${Object.entries(report.parameters)
    .map(([model, count]) => row(model, count.toLocaleString("en")))
    .join("")}</table>
<h2>Environment</h2>
<table>${row("Node", report.environment.node)}${row("Platform", report.environment.platform)}${row("CPU cores", String(report.environment.cores))}</table>
<details><summary>Configuration</summary><pre>${escapeHtml(JSON.stringify(report.config, null, 2))}</pre></details>
</section>
</body>
</html>
`;
}

/** Every step as a faint line, and their running mean, on a logarithmic axis. */
export function curveSvg(points: readonly CurvePoint[]): string {
  const { document } = parseHTML("<html></html>");
  const shown = points.filter(({ value }) => Number.isFinite(value) && value > 0);
  const window = Math.max(1, Math.round(shown.length / 40));
  const plot = Plot.plot({
    document,
    width: 460,
    height: 240,
    marginLeft: 56,
    grid: true,
    x: { label: "step" },
    y: { label: "loss", type: "log" },
    marks: [
      Plot.line(shown, { x: "step", y: "value", strokeOpacity: 0.25 }),
      Plot.line(
        shown,
        Plot.windowY({ k: window, reduce: "mean" }, { x: "step", y: "value", stroke: "#7c5cff", strokeWidth: 2 }),
      ),
    ],
  });
  return plot.outerHTML;
}

const figure = (label: string, value: string): string =>
  `<div><strong>${escapeHtml(value)}</strong><span>${escapeHtml(label)}</span></div>`;

const row = (label: string, value: string): string =>
  `<tr><th>${escapeHtml(label)}</th><td>${escapeHtml(value)}</td></tr>`;

const video = (file: string, kind = ""): string =>
  `<video class="${kind}" src="${encodeURI(file)}" autoplay loop muted playsinline${kind === "wide" ? " controls" : ""}></video>`;

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0; font-size: 2rem; } h2 { margin: 2.5rem 0 0.5rem; font-size: 1.25rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 1rem; margin-top: 1.5rem; }
.figures div { border: 1px solid var(--line); border-radius: 0.75rem; padding: 0.75rem 1rem; }
.figures strong { display: block; font-size: 1.5rem; } .figures span { font-size: 0.85rem; opacity: 0.75; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.25rem; }
.pairs { grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); }
.curves { grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); }
figure { margin: 0; } figcaption { font-size: 0.9rem; margin-top: 0.35rem; } small { opacity: 0.75; }
video { width: 100%; border-radius: 0.5rem; background: #0003; image-rendering: auto; }
video.wide { max-width: 48rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 0.2rem 1.5rem 0.2rem 0; border-bottom: 1px solid var(--line); font-weight: normal; }
td { font-variant-numeric: tabular-nums; } pre { overflow: auto; font-size: 0.8rem; }
svg { max-width: 100%; height: auto; }
`;
