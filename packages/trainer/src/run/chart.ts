// Line charts as SVG text: no scripts, no fonts, nothing from elsewhere.
import type { Curve } from "../plugins/curves.js";

export interface Series {
  readonly name: string;
  readonly curve: Curve;
}

export interface ChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  /** A logarithmic value axis; values of 0 and less are left out. Default false. */
  readonly log?: boolean;
  /** Points that a line is averaged down to. Default 200. */
  readonly points?: number;
}

const width = 460;
const height = 230;
const left = 58;
const right = 10;
const top = 12;
const bottom = 26;
/** Colours that stay apart for most kinds of colour blindness (Okabe and Ito), on light and dark grounds. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7c5cff", "#888888"];

/** A chart of at least one finite value, or "" without any. */
export function lineChart({ title, series, log = false, points = 200 }: ChartOptions): string {
  const drawn = series
    .map(({ name, curve }) => ({ name, points: averaged(usable(curve, log), points) }))
    .filter((line) => line.points.length > 0);
  const all = drawn.flatMap((line) => line.points);
  if (all.length === 0) return "";
  const xs = range(all.map(([x]) => x));
  const ys = range(all.map(([, y]) => (log ? Math.log10(y) : y)));
  const x = (step: number): number => left + ((step - xs[0]) / (xs[1] - xs[0])) * (width - left - right);
  const y = (value: number): number => top + (1 - (value - ys[0]) / (ys[1] - ys[0])) * (height - top - bottom);
  const scale = log ? Math.log10 : (value: number) => value;
  const grid = ticks(ys[0], ys[1]).map((value) => {
    const at = y(value).toFixed(1);
    const label = shortNumber(log ? 10 ** value : value);
    return `<path d="M${left} ${at}H${width - right}" class="grid"/><text x="${left - 6}" y="${at}" class="tick y">${label}</text>`;
  });
  const steps = ticks(xs[0], xs[1]).map(
    (step) => `<text x="${x(step).toFixed(1)}" y="${height - 8}" class="tick x">${shortNumber(step)}</text>`,
  );
  const lines = drawn.map(({ points: line }, index) => {
    const path = line.map(([step, value]) => `${x(step).toFixed(1)} ${y(scale(value)).toFixed(1)}`).join("L");
    const colour = colours[index % colours.length]!;
    const dot = line.length > 40 ? "" : line.map(([s, v]) => circle(x(s), y(scale(v)), colour)).join("");
    return `<path d="M${path}" stroke="${colour}" class="line"/>${dot}`;
  });
  const legend = drawn.map(({ name, points: line }, index) => {
    const colour = colours[index % colours.length]!;
    return `<span><i style="background:${colour}"></i>${escapeHtml(name)} <b>${shortNumber(line.at(-1)![1])}</b></span>`;
  });
  return `<figure class="chart"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${grid.join("")}${steps.join("")}${lines.join("")}</svg><figcaption>${escapeHtml(title)}${log ? " (logarithmic)" : ""}<div class="legend">${legend.join("")}</div></figcaption></figure>`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** At most four digits. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}

type Point = readonly [step: number, value: number];

function usable({ steps, values }: Curve, log: boolean): Point[] {
  return steps
    .map((step, index): Point => [step, values[index]!])
    .filter(([, v]) => Number.isFinite(v) && (!log || v > 0));
}

/** Means of neighbouring points, so that no more than `count` are left. */
function averaged(points: readonly Point[], count: number): Point[] {
  if (points.length <= count) return [...points];
  return Array.from({ length: count }, (_, index): Point => {
    const part = points.slice(
      Math.floor((index * points.length) / count),
      Math.floor(((index + 1) * points.length) / count),
    );
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    return [mean(part.map(([step]) => step)), mean(part.map(([, value]) => value))];
  });
}

/** Smallest and largest, made different. */
function range(values: readonly number[]): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const margin = high > low ? (high - low) * 0.02 : Math.abs(low) * 0.1 || 1;
  return [low - margin, high + margin];
}

/** Round numbers within a range: three to six of them. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const result: number[] = [];
  for (let index = Math.ceil(low / step); index * step <= high; index++) result.push(index * step);
  return result;
}

const circle = (x: number, y: number, colour: string): string =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.5" fill="${colour}"/>`;
