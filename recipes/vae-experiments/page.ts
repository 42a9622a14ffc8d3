// Figures and pages of the experiments.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** A colour for each name, in the order of the legend. */
export type Colours = Readonly<Record<string, string>>;

/** One plot as an SVG file, 760 units wide. */
export function svgFigure(colours: Colours, options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const figure = Plot.plot({
    document,
    width: 760,
    color: { domain: Object.keys(colours), range: Object.values(colours), legend: false },
    style: { background: "white", fontFamily: "system-ui, sans-serif" },
    ...options,
  });
  figure.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return figure.outerHTML;
}

/** One step of a training in a figure of several. */
export interface LossPoint {
  readonly line: string;
  readonly step: number;
  readonly loss: number;
}

/** Loss over steps, each the mean of a fifteenth of the training around it. `colourOf` names a line's colour. */
export function lossFigure(
  colours: Colours,
  points: readonly LossPoint[],
  options: { readonly steps: number; readonly colourOf: (line: string) => string },
): string {
  const window = Math.max(1, Math.round(options.steps / 15));
  const channels = { x: "step", y: "loss", z: "line", stroke: (point: LossPoint) => options.colourOf(point.line) };
  return svgFigure(colours, {
    height: 260,
    x: { label: "training step" },
    y: { label: "loss", grid: true, type: "log" },
    marks: [Plot.lineY(points, Plot.windowY({ k: window, reduce: "mean" }, { ...channels, strokeWidth: 1.5 }))],
  });
}

/** A page of its own: HTML without outside files. */
export function htmlPage(options: {
  readonly title: string;
  readonly colours: Colours;
  readonly introduction: string;
  readonly figures: readonly string[];
  /** Cells of the table, the header first; the first cell of a row is its name. */
  readonly rows: readonly (readonly string[])[];
  readonly legend: string;
}): string {
  const { title, colours, introduction, figures, rows, legend } = options;
  const names = Object.entries(colours).map(([name, colour]) => `<span style="color:${colour}">&#9644; ${name}</span>`);
  const [header, ...body] = rows.map((cells, place) => {
    const tag = place === 0 ? "th" : "td";
    return `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2em auto; padding: 0 1em; }
td, th { padding: 0.2em 0.8em; text-align: right; } td:first-child { text-align: left; }
</style>
<h1>${title}</h1>
<p>${introduction}</p>
<p>${names.join(" &nbsp; ")}</p>
${figures.join("\n")}
<table>
${header}
${body.join("\n")}
</table>
<p>${legend}</p>
</html>
`;
}
